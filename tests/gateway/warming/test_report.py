from typing import Any

from gateway.warming.outcome import Kind, Outcome
from gateway.warming.progress import Progress
from gateway.warming.report import headline, lately, summary


def document(**more: Any) -> dict[str, Any]:
    progress = Progress(total=5, already=1)
    progress.begin(0.0)
    for kind, reason in ((Kind.STORED, ""), (Kind.FAILED, "500"), (Kind.NOT_STORED, "private")):
        outcome = Outcome(kind, reason, 2048, 0.5)
        progress.asked(outcome, 1.0)
        progress.settle("http://a/x", outcome)
    source = {"source": "urls", "state": "read", "found": 5, "notes": ["1 lines are no URLs"]}
    known = {"id": "1a", "state": "running", "why": "", "left_out": 0, "sources": [source], "upstreams": {}}
    return {**known, **progress.to_json(2.0), **more}


def test_a_headline_says_how_far_it_is() -> None:
    assert headline(document()) == "running: 4 of 5 URLs; 1 stored, 1 not to be stored, 1 failed"


def test_what_slows_it_down_is_said() -> None:
    resting = {"at_once": 1, "is_slowed": True, "rests_seconds": 3.0, "why": "circuit_open"}
    slow = {"at_once": 2, "is_slowed": True, "rests_seconds": 0.0, "why": ""}
    said = lately(document(upstreams={"app": resting, "api": slow}))
    assert said.endswith("1 failed, app rests 3 s (circuit_open), api is slow: 2 at once")


def test_a_summary_says_why() -> None:
    lines = list(summary(document(why="another list", left_out=7)))
    text = "\n".join(lines)
    for part in (
        "another list",
        "3 requests in 2.0 s",
        "6.0 KiB",
        "1.5 s of",
        "1 URLs were done before",
        "7 URLs beyond",
    ):
        assert part in text
    assert "  not to be stored: 1 private" in lines
    assert "  failed: 1 500" in lines
    assert "  http://a/x: 500" in lines
    assert "    1 lines are no URLs" in lines
