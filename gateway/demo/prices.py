"""The price ticker with and without batches, side by side: what both clients get and what it costs. No I/O, no clock.

Both ask the same origin for the same messages; one of them takes batches."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.demo import percentiles
from gateway.demo.percentiles import Percentiles
from gateway.demo.snapshot import Snapshot
from gateway.demo.words import milliseconds, rate

SINGLE, BATCHED = "prices", "prices-batched"
"""Routes of the gateway, and what the two feeds are called."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One client's view of the ticker; figures a second."""

    messages: float
    frames: float
    """Frames that it had to read."""
    writes: float
    """Writes of the gateway to its socket."""
    delays: Percentiles
    """How long messages were under way."""


def feeds(snapshot: Snapshot) -> tuple[Feed, Feed] | None:
    """Without and with batches; `None` before there is anything to say."""
    single, batched = snapshot.prices.single, snapshot.prices.batched
    alone, together = percentiles.of_values(single), percentiles.of_values(batched)
    if alone is None or together is None:
        return None
    down = {"direction": "down"}
    return (
        Feed(
            snapshot.per_second(len(single)),
            snapshot.rate("websocket_messages_total", route=SINGLE, **down),
            snapshot.rate("websocket_writes_total", route=SINGLE, **down),
            alone,
        ),
        Feed(
            snapshot.per_second(len(batched)),
            snapshot.rate("websocket_batch_messages_count", route=BATCHED, **down),
            snapshot.rate("websocket_writes_total", route=BATCHED, **down),
            together,
        ),
    )


def rows(snapshot: Snapshot) -> tuple[tuple[str, ...], ...]:
    """The comparison as a table; empty before there is anything to say."""
    found = feeds(snapshot)
    if found is None:
        return ()
    return (
        ("messages", *(f"{rate(feed.messages)}/s" for feed in found)),
        ("frames to read", *(f"{rate(feed.frames)}/s" for feed in found)),
        ("writes to the socket", *(f"{rate(feed.writes)}/s" for feed in found)),
        ("under way, p50", *(milliseconds(feed.delays.p50) for feed in found)),
        ("under way, p99", *(milliseconds(feed.delays.p99) for feed in found)),
    )


def added(snapshot: Snapshot) -> str:
    """What batches add to the way of a message, for half of them and for ninety-nine of a hundred."""
    found = feeds(snapshot)
    if found is None:
        return "–"
    single, batched = found[0].delays, found[1].delays
    return f"{milliseconds(batched.p50 - single.p50)}, p99 {milliseconds(batched.p99 - single.p99)}"


def in_words(feed: Feed) -> str:
    """One feed in a line."""
    return (
        f"{rate(feed.messages)} messages/s in {rate(feed.frames)} frames/s, {rate(feed.writes)} writes/s; "
        f"under way {milliseconds(feed.delays.p50)} / {milliseconds(feed.delays.p99)}"
    )
