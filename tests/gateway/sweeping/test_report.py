from typing import Any

import pytest

from gateway.sweeping.report import headline, is_well, lately, listing, standing, summary

REPORT: dict[str, Any] = {
    **dict.fromkeys(("confirmed", "changed", "same", "gone", "failed", "recent", "vanished", "unaskable", "lost"), 0),
    "looked_at": 0,
    "held": 3,
    "left_out": 0,
    "unconfirmable": 0,
    "octets_saved": 0,
    "octets_fetched": 0,
    "origin_seconds": 0.0,
    "failures": [],
}
PROGRESS: dict[str, Any] = {"total": 3, "done": 3, "share": 1.0, "per_second": 2.0, "left_seconds": None, "resting": {}}
RUN: dict[str, Any] = {
    "id": "7",
    "name": "nightly",
    "state": "done",
    "reason": "",
    "seconds": 1.5,
    "progress": PROGRESS,
    "report": {**REPORT, "confirmed": 3},
}


def run(state: str = "done", *, reason: str = "", progress: Any = None, **report: Any) -> dict[str, Any]:
    """A sweep, as the gateway tells of it."""
    return {
        **RUN,
        "state": state,
        "reason": reason,
        "progress": {**PROGRESS, **(progress or {})},
        "report": {**RUN["report"], **report},
    }


def test_a_headline_names_what_there_was() -> None:
    assert headline(run(changed=1, confirmed=2)) == "nightly, done: 3 of 3 answers; 2 still good, 1 changed"
    assert headline(run("queued", confirmed=0, progress={"total": 0, "done": 0})) == "nightly, queued: 0 of 0 answers"


def test_routes_that_are_left_alone_are_named() -> None:
    said = lately(run("running", failed=2, progress={"resting": {"/shop": 4.2}}))
    assert said == "2/s, 2 failed, /shop is left alone for 4 s"


@pytest.mark.parametrize(
    ("state", "total", "stage", "is_over"),
    [
        ("queued", 0, "queued", False),
        ("running", 0, "looking", False),
        ("running", 3, "asking", False),
        ("paused", 3, "paused", False),
        ("done", 3, "done", True),
        ("gave_up", 3, "gave_up", True),
        ("timed_out", 3, "timed_out", True),
        ("cancelled", 0, "cancelled", True),
        ("failed", 0, "failed", True),
    ],
)
def test_how_far_it_has_come(state: str, total: int, stage: str, is_over: bool) -> None:
    found = standing(run(state, progress={"total": total, "done": 1}))
    assert (found.stage, found.done, found.total, found.is_over) == (stage, 1, total, is_over)


@pytest.mark.parametrize(
    ("document", "well"),
    [(run(), True), (run(failed=1), False), (run(lost=1), False), (run("cancelled"), False), (run(changed=2), True)],
)
def test_well_is_what_was_done_without_failures(document: dict[str, Any], well: bool) -> None:
    assert is_well(document) is well


def test_a_summary_says_what_is_to_be_known() -> None:
    failures = [{"url": "http://shop.example/a", "why": "status_500"}]
    document = run(
        "gave_up",
        reason="the origin wanted to be left alone for too long",
        held=5,
        left_out=4,
        unconfirmable=1,
        octets_saved=2048,
        octets_fetched=10,
        failed=1,
        failures=failures,
        origin_seconds=0.25,
    )
    assert list(summary(document)) == [
        "nightly, gave_up: 3 of 3 answers; 3 still good, 1 failed",
        "  the origin wanted to be left alone for too long",
        "  1.5 s, 0.2 s of the origin's time; 2.0 KiB did not travel, 10 B did",
        "  stored 5 times, in all workers together",
        "  4 beyond the setting `most` were left out",
        "  1 without a validator were left out; --fetch fetches them anew",
        "  http://shop.example/a: status_500",
    ]


def test_a_list_has_what_was_and_what_will_be() -> None:
    nightly = {"name": "nightly", "schedule": "0 4 * * *", "time_zone": "Europe/Vienna", "next_at": 0.0}
    listed = {"runs": [run()], "configured": [nightly, {"name": "after", "schedule": None, "next_at": None}]}
    assert list(listing(listed)) == [
        "7 nightly, done: 3 of 3 answers; 3 still good",
        "  nightly: 0 4 * * * (Europe/Vienna), next at 1970-01-01 00:00 UTC",
        "  after: when it is ordered",
    ]


def test_a_list_may_be_empty() -> None:
    never = {"name": "leap", "schedule": "0 0 29 2 *", "time_zone": "UTC", "next_at": None}
    assert list(listing({"runs": [], "configured": [never]})) == ["no sweep so far", "  leap: 0 0 29 2 * (UTC)"]
