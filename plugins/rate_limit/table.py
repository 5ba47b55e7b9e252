"""When the debt of each key is paid: a bounded table that forgets nothing a client could profit from.

A debt that is paid needs no room. When more debts are live than there is room for, one of the smallest of the oldest
goes into a cell that it shares with others, and the longest debt in a cell counts for all of its keys. So whoever
floods the table with keys of his own cannot get a debt forgotten; at worst a stranger waits for another's."""

from __future__ import annotations

from array import array
from collections import deque

from gateway.api import Monotonic

CELLS = 4096
"""Cells for what has no room. A key's cell follows from `hash`, whose seed no client knows."""
_LOOKS = 4
"""Oldest keys looked at when one must go. The one with the least debt does: heavy debtors are known by name longest."""


class Table:
    """Key → time at which its debt is paid."""

    __slots__ = ("__weakref__", "_cells", "_most", "_order", "_paid", "evicted")

    def __init__(self, most: int) -> None:
        self._most = most
        self._paid: dict[bytes, float] = {}
        self._order: deque[bytes] = deque()
        self._cells: array[float] | None = None
        self.evicted = 0
        """Debts that went into a shared cell."""

    def __len__(self) -> int:
        return len(self._paid)

    def resize(self, most: int) -> None:
        """Hold so many keys from here on; what is too many goes with the next ones that come."""
        self._most = most

    def get(self, key: bytes) -> float:
        """When the key's debt is paid; a time in the past when there is none."""
        paid = self._paid.get(key)
        if paid is None:
            return self._cells[hash(key) % CELLS] if self._cells is not None else 0.0
        return paid

    def put(self, key: bytes, paid: float, now: Monotonic) -> None:
        """Remember when the key's debt will be paid."""
        if key in self._paid:
            self._paid[key] = paid
            return
        if paid <= now:
            return
        self._forget_paid(now)
        while len(self._paid) >= self._most:
            self._evict()
        self._paid[key] = paid
        self._order.append(key)

    def _forget_paid(self, now: Monotonic) -> None:
        """Look at the two oldest: each key that comes lets two go, so the table shrinks by itself."""
        order, table = self._order, self._paid
        for _ in range(min(2, len(order))):
            key = order.popleft()
            if table[key] <= now:
                del table[key]
            else:
                order.append(key)

    def _evict(self) -> None:
        order, table = self._order, self._paid
        candidates = [order.popleft() for _ in range(min(_LOOKS, len(order)))]
        least = min(candidates, key=table.__getitem__)
        candidates.remove(least)
        order.extend(candidates)
        if self._cells is None:
            self._cells = array("d", bytes(8 * CELLS))
        cell = hash(least) % CELLS
        self._cells[cell] = max(self._cells[cell], table.pop(least))
        self.evicted += 1
