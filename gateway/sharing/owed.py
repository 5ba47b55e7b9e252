"""What the replicas have still to be told by this worker, and what it told them lately. No I/O.

A purge is owed until it stands in the log, however long Redis is away. What stood in the log is kept for a while: when
the log is lost, whoever was away at that time has to be told once more."""

from __future__ import annotations

import secrets
from collections import deque

from gateway.sharing.words import ALL, MOST_OCTETS
from gateway.tiers.pending import PendingPurges
from gateway.tiers.tier import PurgeOrder

MOST_NAMES = 65_536
"""Names that may be owed. When more have gathered, everything is."""
REMEMBERED_SECONDS = 600.0
MOST_REMEMBERED = 4096

Debt = tuple[str, PurgeOrder]
"""A purge and its identity."""


class Owed:
    """Purges of this worker."""

    def __init__(self, names: bytes = b"") -> None:
        """`names` is the key of digests of those who hold records against what is owed."""
        self.pending = PendingPurges(names)
        """What is owed, to hold records against."""
        self._digest_key = names
        self._debts: deque[Debt] = deque()
        self._labels: dict[bytes, None] = {}
        self._names = 0
        self._told: deque[tuple[float, Debt]] = deque(maxlen=MOST_REMEMBERED)

    def __bool__(self) -> bool:
        return bool(self._debts or self._labels)

    def add(self, identity: str, order: PurgeOrder) -> None:
        """Owe a purge that somebody waits for."""
        self._debts.append((identity, order))
        self.pending.add(order)
        self._count(len(order.labels) + len(order.prefixes))

    def gather(self, order: PurgeOrder) -> None:
        """Owe a hard purge that nobody waits for: it goes with others that come meanwhile. Labels alone count."""
        new = dict.fromkeys(label for label in order.labels if label not in self._labels)
        if new:
            self._labels.update(new)
            self.pending.add(PurgeOrder(labels=tuple(new)))
            self._count(len(new))

    def _count(self, names: int) -> None:
        self._names += names
        if self._names > MOST_NAMES:
            self._labels.clear()
            self._debts = deque([(new_identity(), ALL)])
            self._names = 1
            self.pending = PendingPurges(self._digest_key)
            self.pending.add(ALL)

    def next(self) -> Debt | None:
        """What to tell next; it is owed until `told`."""
        if not self._debts and self._labels:
            self._cut()
        return self._debts[0] if self._debts else None

    def _cut(self) -> None:
        labels: list[bytes] = []
        octets = 0
        for label in self._labels:
            if octets + len(label) > MOST_OCTETS and labels:
                break
            labels.append(label)
            octets += len(label) + 4
        for label in labels:
            del self._labels[label]
        self._debts.append((new_identity(), PurgeOrder(labels=tuple(labels))))

    def told(self, debt: Debt, now: float) -> None:
        """It stands in the log."""
        if self._debts and self._debts[0] is debt:
            self._debts.popleft()
            self.pending.discard(debt[1])
            self._names -= len(debt[1].labels) + len(debt[1].prefixes)
        self._told.append((now, debt))

    def owe_again(self, now: float) -> int:
        """The log is lost: what was told lately is owed once more. How many purges that are."""
        again = [debt for at, debt in self._told if now - at <= REMEMBERED_SECONDS]
        self._told.clear()
        for _, order in again:
            self.pending.add(order)
            self._names += len(order.labels) + len(order.prefixes)
        self._debts.extendleft(reversed(again))
        return len(again)


def new_identity() -> str:
    """A name for a purge that no other has."""
    return secrets.token_hex(8)
