"""What replicas write to each other: purges, and that they have taken them over. No I/O.

A purge is JSON, so that people can read the log. What cannot be read, or is of a later version, means everything:
better cold than wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from gateway.tiers.tier import EVERYTHING, PurgeOrder

VERSION = 1
MOST_OCTETS = 8 * 1024
"""Of the labels and prefixes in one message; an order with more is written in several."""
ALL = PurgeOrder(labels=(EVERYTHING,))
ALL_SOFTLY = PurgeOrder(labels=(EVERYTHING,), soft=True)
_SEQUENCE_BITS = 20


@dataclass(frozen=True, slots=True)
class Written:
    """A purge as it lies in the log."""

    order: PurgeOrder
    identity: str
    """The same for each time that the same purge is told."""
    sender: str
    """The worker that wrote it."""
    answer_to: str
    """The channel on which that one hears who has taken it over; empty when it does not listen."""


def write(written: Written) -> bytes:
    """For the log."""
    order = written.order
    return orjson.dumps(
        {
            "v": VERSION,
            "id": written.identity,
            "from": written.sender,
            "to": written.answer_to,
            "soft": order.soft,
            "labels": [label.decode("latin-1") for label in order.labels],
            "prefixes": [prefix.decode("latin-1") for prefix in order.prefixes],
        }
    )


def read(octets: bytes) -> Written:
    """What lies in the log."""
    try:
        found = orjson.loads(octets)
        if found["v"] != VERSION:
            raise ValueError("another version")
        order = PurgeOrder(
            labels=tuple([label.encode("latin-1") for label in found["labels"]]),
            prefixes=tuple([prefix.encode("latin-1") for prefix in found["prefixes"]]),
            soft=bool(found["soft"]),
        )
        return Written(order, str(found["id"]), str(found["from"]), str(found["to"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Written(ALL, "", "", "")


def pieces(order: PurgeOrder) -> Iterator[PurgeOrder]:
    """An order as several that are not too long; itself when it is not."""
    labels: list[bytes] = []
    prefixes: list[bytes] = []
    octets = 0
    for name, names in [*((label, labels) for label in order.labels), *((each, prefixes) for each in order.prefixes)]:
        if octets and octets + len(name) > MOST_OCTETS:
            yield PurgeOrder(labels=tuple(labels), prefixes=tuple(prefixes), soft=order.soft)
            labels.clear()
            prefixes.clear()
            octets = 0
        names.append(name)
        octets += len(name) + 4
    if labels or prefixes:
        yield PurgeOrder(labels=tuple(labels), prefixes=tuple(prefixes), soft=order.soft)


def number_of(place: bytes) -> int:
    """The number of an entry in a stream, by its ID (`milliseconds-sequence`): greater for a later one, also when the
    log has begun anew in between."""
    milliseconds, _, sequence = place.partition(b"-")
    return int(milliseconds) << _SEQUENCE_BITS | int(sequence or 0)
