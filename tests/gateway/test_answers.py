from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers import breaker_lines, explain_lines, octets, purge_lines


def purge(*workers: dict[str, Any], soft: bool = False, dry_run: bool = False) -> list[str]:
    named = [{"worker": str(index), "pid": 10 + index, **worker} for index, worker in enumerate(workers)]
    document = {
        "soft": soft,
        "dry_run": dry_run,
        "count": sum(worker.get("count", 0) for worker in workers),
        "octets": sum(worker.get("octets", 0) for worker in workers),
        "acknowledged": sum("error" not in worker for worker in workers),
        "workers": named,
    }
    return list(purge_lines(document))


def test_a_purge_is_told_as_a_whole_and_by_worker() -> None:
    assert purge({"count": 1200, "octets": 3072}, {"count": 1, "octets": 10}) == [
        "removed 1,201 stored responses (3.0 KiB); acknowledged by 2 of 2 workers",
        "  worker 0 (pid 10): 1,200 stored responses (3.0 KiB)",
        "  worker 1 (pid 11): 1 stored response (10 B)",
    ]


def test_other_gateways_are_named_with_what_they_said() -> None:
    document = {"soft": False, "dry_run": False, "count": 0, "octets": 0, "acknowledged": 0, "workers": []}
    lines = list(purge_lines(document | {"replicas": {"acknowledged": ["b:7"], "silent": ["c:8"]}}))
    assert lines[1:] == [
        "  gateway b:7: acknowledged",
        "  gateway c:8: has not answered; it reads on when it is back",
    ]
    (told_later,) = list(purge_lines(document | {"replicas": {"error": "no connection"}}))[1:]
    assert told_later.endswith("no connection")


def test_a_note_on_a_purge_is_told_without_what_would_change_a_terminal() -> None:
    document = {"soft": False, "dry_run": False, "count": 0, "octets": 0, "acknowledged": 0, "workers": []}
    assert list(purge_lines(document | {"note": "no route is called \x1b[2J"}))[1:] == ["  no route is called \\x1b[2J"]


@pytest.mark.parametrize(
    ("soft", "dry_run", "words"),
    [
        (False, False, "removed "),
        (True, False, "made stale "),
        (False, True, "would remove "),
        (True, True, "would make stale "),
    ],
)
def test_what_was_done_is_told_from_what_would_be(soft: bool, dry_run: bool, words: str) -> None:
    assert purge({"count": 1, "octets": 1}, soft=soft, dry_run=dry_run)[0].startswith(words)


def test_a_worker_that_did_not_acknowledge_is_told_with_its_error() -> None:
    lines = purge({"count": 1, "octets": 1}, {"error": "purge: no answer within 30 s"})
    assert "acknowledged by 1 of 2 workers" in lines[0]
    assert lines[2] == "  worker 1 (pid 11): purge: no answer within 30 s"


def a_circuit(state: str = "closed", **changes: Any) -> dict[str, Any]:
    standing = {"state": state, "share": 1.0, "next_try_seconds": None, "is_held": False}
    seen = {"calls": 1200, "failures": 1, "slow": 0, "cause": None, "evidence": None}
    return {"circuit": "upstream:app", **standing, **seen, "workers": [], **changes}


def test_circuits_are_told_with_what_was_seen_and_when_they_are_tried_again() -> None:
    worker = {"worker": "1", "state": "closed", "share": 0.25, "next_try_seconds": None, "is_held": False}
    why = {"cause": "failure_rate", "evidence": "5 of 9 exchanges failed"}
    opened = a_circuit("open", next_try_seconds=4.21, slow=7, workers=[worker], **why)
    assert list(breaker_lines({"circuits": [opened, a_circuit()]})) == [
        "upstream:app: open, next try in 4.2 s",
        "  1 of 1,200 exchanges in the window failed, 7 slow",
        "  failure_rate: 5 of 9 exchanges failed",
        "  worker 1: closed, 25% of the traffic so far",
        "upstream:app: closed",
        "  1 of 1,200 exchanges in the window failed",
    ]


def test_what_was_ordered_is_told_and_so_is_that_there_is_nothing() -> None:
    (line,) = breaker_lines({"action": "open", "count": 2, "workers": [{}, {}]})
    assert line == "open: 2 circuits over all workers; acknowledged by 2 workers"
    assert "no circuit yet" in "".join(breaker_lines({"circuits": []}))
    held = a_circuit("open", is_held=True)
    assert next(breaker_lines({"circuits": [held]})) == "upstream:app: open until somebody closes it"


HIT: dict[str, Any] = {
    "plugin": "store",
    "decision": "hit",
    "reason": "fresh",
    "why": "The stored response is fresh.",
    "key": "http://a/\nx-tenant: b",
    "stored": {"age_seconds": 3.25, "tags": ["a", "b"], "vary": [], "soft_purged": False, "note": None},
}


def explain(*workers: dict[str, Any]) -> list[str]:
    named = [{"worker": str(index), "pid": 10 + index, **worker} for index, worker in enumerate(workers)]
    return list(explain_lines({"method": "GET", "url": "http://a/", "workers": named}))


def on_route(*plugins: dict[str, Any]) -> dict[str, Any]:
    return {"route": "shop", "upstream": "app", "plugins": list(plugins)}


def test_an_explanation_names_route_plugin_and_reason_and_then_the_facts() -> None:
    assert explain(on_route(HIT)) == [
        "GET http://a/",
        "worker 0 (pid 10):",
        "  route shop, upstream app",
        "  store: hit (fresh): The stored response is fresh.",
        "    key: http://a/\\nx-tenant: b",
        "    stored:",
        "      age seconds: 3.25",
        "      tags: a, b",
        "      vary: –",
        "      soft purged: no",
        "      note: –",
    ]


def test_workers_that_say_the_same_are_told_once() -> None:
    lines = explain(on_route(), on_route(HIT), on_route())
    assert lines[1] == "worker 0 (pid 10), worker 2 (pid 12):"
    assert sum(line.startswith("worker 1") for line in lines) == 1


def test_a_plugin_without_reasons_still_has_its_facts() -> None:
    assert explain(on_route({"plugin": "limit", "left": 3}))[3:] == ["  limit", "    left: 3"]


def test_where_no_plugin_has_a_say_the_upstream_answers() -> None:
    assert "goes to the upstream" in explain(on_route())[3]


def test_where_no_route_takes_a_request_it_gets_404() -> None:
    assert "404" in explain({"route": None, "upstream": None, "plugins": []})[2]


def test_a_worker_that_cannot_tell_says_why() -> None:
    assert explain({"error": "explain: no answer within 2 s"})[2] == "  explain: no answer within 2 s"


@given(st.text())
def test_no_text_of_a_stranger_reaches_the_terminal_as_control(text: str) -> None:
    lines = explain(on_route({"plugin": "store", "key": text}))
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (5 << 20, "5.0 MiB"),
        (3 << 30, "3.0 GiB"),
        (9e13, "83819.0 GiB"),
    ],
)
def test_sizes_have_units(number: float, text: str) -> None:
    assert octets(number) == text
