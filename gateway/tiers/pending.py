"""Purges that a tier has not noted yet: until it has, whoever looks into the tier holds what it finds against these."""

from __future__ import annotations

from gateway.tiers.frame import DIGEST, digest
from gateway.tiers.tier import PurgeOrder

_Marks = tuple[list[bytes], tuple[bytes, ...]]


class PendingPurges:
    """A handful of purges, usually none."""

    __slots__ = ("_hard", "_names", "_prefixes", "_soft", "count")

    def __init__(self, names: bytes = b"") -> None:
        """`names` is the key of digests."""
        self._names = names
        self._hard: dict[bytes, int] = {}
        self._soft: dict[bytes, int] = {}
        self._prefixes: list[tuple[bytes, bool]] = []
        self.count = 0

    def add(self, order: PurgeOrder) -> None:
        """Hold what is found against `order` from now on."""
        rows = self._soft if order.soft else self._hard
        for label in order.labels:
            row = digest(label, key=self._names)
            rows[row] = rows.get(row, 0) + 1
        self._prefixes += [(prefix, order.soft) for prefix in order.prefixes]
        self.count += 1

    def discard(self, order: PurgeOrder) -> None:
        """Forget one that was added: the tier knows it."""
        rows = self._soft if order.soft else self._hard
        for label in order.labels:
            row = digest(label, key=self._names)
            rows[row] -= 1
            if not rows[row]:
                del rows[row]
        for prefix in order.prefixes:
            self._prefixes.remove((prefix, order.soft))
        self.count -= 1

    def hit(self, labels: bytes, name: bytes) -> bool | None:
        """Whether one of them means a record: True for a hard one, False for a soft one, `None` for none."""
        found: bool | None = None
        for begin in range(0, len(labels), DIGEST):
            row = labels[begin : begin + DIGEST]
            if row in self._hard:
                return True
            if row in self._soft:
                found = False
        for prefix, soft in self._prefixes:
            if name.startswith(prefix):
                if not soft:
                    return True
                found = False
        return found
