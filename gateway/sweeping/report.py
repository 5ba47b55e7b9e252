"""A sweep as the command line shows it. Documents in, text out; no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.answers import Standing, octets

Document = Mapping[str, Any]

_WORDS = {
    "confirmed": "still good",
    "changed": "changed",
    "same": "the same once more",
    "gone": "gone",
    "failed": "failed",
    "recent": "asked about lately",
    "vanished": "no longer stored",
    "unaskable": "not to be asked about",
    "lost": "lost with their worker or route",
}
_UNDER_WAY = ("queued", "running", "paused")


def headline(document: Document) -> str:
    """How a sweep stands, on one line."""
    progress, report = document["progress"], document["report"]
    counts = ", ".join(f"{report[name]:,} {words}" for name, words in _WORDS.items() if report[name])
    told = f"{document['state']}: {progress['done']:,} of {progress['total']:,} answers"
    return f"{document['name']}, {told}" + (f"; {counts}" if counts else "")


def lately(document: Document) -> str:
    """What happens now, for a line that is written again and again."""
    progress = document["progress"]
    words = [f"{progress['per_second']:.0f}/s"]
    if document["report"]["failed"]:
        words.append(f"{document['report']['failed']} failed")
    words += [f"{route} is left alone for {seconds:.0f} s" for route, seconds in progress["resting"].items()]
    return ", ".join(words)


def standing(document: Document) -> Standing:
    """How far a sweep has come, for those who watch it."""
    progress, state = document["progress"], document["state"]
    return Standing(
        "asking" if state == "running" and progress["total"] else "looking" if state == "running" else state,
        progress["done"],
        progress["total"],
        headline(document),
        lately(document),
        document["seconds"],
        state not in _UNDER_WAY,
    )


def is_well(document: Document) -> bool:
    """Whether it did everything, and nothing failed or was lost."""
    report = document["report"]
    return bool(document["state"] == "done" and not report["failed"] and not report["lost"])


def summary(document: Document) -> Iterator[str]:
    """A whole sweep: a line for all, and what is to be known beside it."""
    report = document["report"]
    yield headline(document)
    if document["reason"]:
        yield f"  {document['reason']}"
    saved = f"{octets(report['octets_saved'])} did not travel, {octets(report['octets_fetched'])} did"
    yield f"  {document['seconds']:.1f} s, {report['origin_seconds']:.1f} s of the origin's time; {saved}"
    if report["held"] > document["progress"]["total"]:
        yield f"  stored {report['held']:,} times, in all workers together"
    if report["left_out"]:
        yield f"  {report['left_out']:,} beyond the setting `most` were left out"
    if report["unconfirmable"]:
        yield f"  {report['unconfirmable']:,} without a validator were left out; --fetch fetches them anew"
    for failure in report["failures"]:
        yield f"  {failure['url']}: {failure['why']}"


def listing(document: Document) -> Iterator[str]:
    """The last sweeps, and those of the configuration."""
    for run in document["runs"]:
        yield f"{run['id']} {headline(run)}"
    if not document["runs"]:
        yield "no sweep so far"
    for sweep in document["configured"]:
        yield f"  {sweep['name']}: {_due(sweep)}"


def _due(sweep: Document) -> str:
    if sweep["schedule"] is None:
        return "when it is ordered"
    told = f"{sweep['schedule']} ({sweep['time_zone']})"
    if sweep["next_at"] is None:
        return told
    return f"{told}, next at {datetime.fromtimestamp(sweep['next_at'], UTC):%Y-%m-%d %H:%M} UTC"
