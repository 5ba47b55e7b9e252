"""A run as the command line shows it. Documents in, text out; no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.answers import Standing, octets
from gateway.warming.outcome import Kind
from gateway.warming.progress import State

Document = Mapping[str, Any]

_WORDS = {
    Kind.STORED: "stored",
    Kind.HIT: "stored before",
    Kind.NOT_STORED: "not to be stored",
    Kind.FAILED: "failed",
    Kind.SKIPPED: "skipped",
}


def headline(document: Document) -> str:
    """How a run stands, on one line."""
    counts = ", ".join(f"{document[kind.value]} {words}" for kind, words in _WORDS.items() if document[kind.value])
    return f"{document['state']}: {document['done']} of {document['total']} URLs" + (f"; {counts}" if counts else "")


def lately(document: Document) -> str:
    """What happens now, for a line that is written again and again."""
    words = [f"{document['rate']:.0f}/s"]
    if document["failed"]:
        words.append(f"{document['failed']} failed")
    for name, lane in document["upstreams"].items():
        if lane["rests_seconds"]:
            words.append(f"{name} rests {lane['rests_seconds']:.0f} s ({lane['why']})")
        elif lane["is_slowed"]:
            words.append(f"{name} is slow: {lane['at_once']} at once")
    return ", ".join(words)


def standing(document: Document) -> Standing:
    """How far a run has come, for those who watch it."""
    return Standing(
        "warming" if document["total"] else "gathering",
        document["done"],
        document["total"],
        headline(document),
        lately(document),
        document["seconds"],
        State(document["state"]).is_over,
    )


def summary(document: Document) -> Iterator[str]:
    """A whole run: a line for all, and what is to be known beside it."""
    yield headline(document)
    if document["why"] not in ("", document["state"]):
        yield f"  {document['why']}"
    told = f"{document['requests']} requests in {document['seconds']:.1f} s, {octets(document['octets'])} of content"
    yield f"  {told}, {document['origin_seconds']:.1f} s of the origin's time"
    if document["already_done"]:
        yield f"  {document['already_done']} URLs were done before"
    if document["left_out"]:
        yield f"  {document['left_out']} URLs beyond the setting `most` were left out"
    for kind, reasons in document["reasons"].items():
        if kind in (Kind.NOT_STORED, Kind.FAILED, Kind.SKIPPED):
            said = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
            yield f"  {_WORDS[Kind(kind)]}: {said}"
    for failure in document["failures"]:
        yield f"  {failure['url']}: {failure['reason']}"
    for source in document["sources"]:
        yield f"  {source['source']}: {source['state']}, {source['found']} URLs"
        for note in source["notes"]:
            yield f"    {note}"
