"""Which records leave the host tier: those that were not used for longest and least often, by samples.

Places are digests, so whatever lies behind a random place is a fair sample, and no order of all records has to be kept:
of each sample the worst quarter leaves. Only whoever writes evicts, within its own transaction; writers take turns, so
never two at once, and nobody has to be chosen."""

from __future__ import annotations

import os
from math import log2
from struct import Struct
from typing import Any

from gateway.tiers.host_file import HostFile

SAMPLE = 32
LEAVING = 8
HIGH = 0.8
"""Of the file: above that records leave. The rest is for pages that a transaction leaves behind until the next."""
DOUBLING = 600.0
"""Seconds by which twice as many uses make a record look younger."""

USES = Struct(">ddI")
"""Last use, time from which on it is of no use, number of uses."""
PLACE = 24


def worth(row: bytes, now: float) -> float:
    """How much a record is worth: the time of its last use, later for what is used often; nothing when it is over."""
    last, until, uses = USES.unpack(row)
    return 0.0 if until <= now else float(last + DOUBLING * log2(1 + uses))


def evict(file: HostFile, txn: Any, octets: int, now: float) -> int:
    """Let records leave until at most `octets` are used; how many left."""
    gone = 0
    while file.used(txn) > octets:
        found = _sample(file, txn)
        if not found:
            return gone
        found.sort(key=lambda each: worth(each[1], now))
        leaving = found[: max(1, len(found) * LEAVING // SAMPLE)]
        for place, _ in leaving:
            txn.delete(place, db=file.uses)
            txn.delete(place, db=file.records)
        gone += len(leaving)
    return gone


def _sample(file: HostFile, txn: Any) -> list[tuple[bytes, bytes]]:
    """Some records: a few in a row behind each of some random places."""
    found: dict[bytes, bytes] = {}
    cursor = txn.cursor(file.uses)
    for _ in range(SAMPLE // 4):
        going = cursor.set_range(os.urandom(PLACE)) or cursor.first()
        for _ in range(4):
            if not going:
                break
            found[cursor.key()] = cursor.value()
            going = cursor.next()
    return list(found.items())
