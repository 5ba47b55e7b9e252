"""Which keys were found in a tier lately and answered from there, without coming into memory.

What is asked for once only should not push out of memory what is used: it is answered as it lies in the tier, and of
its key only a mark is kept. The second use brings it into memory, as long as it comes so soon that it would have been
there still, had the first one brought it in: with a full memory, before as many others came as memory holds. This is
what the ghost of S3-FIFO says of what was thrown out; here it is said before anything is taken in."""

from __future__ import annotations

from plugins.cache.s3fifo import Ghost
from plugins.cache.store import MemoryStore

LEAST = 1024
"""Marks that are remembered, however small the memory is."""
OCTETS_FOR_EACH = 16 * 1024
"""Of memory, for each mark that is remembered while memory fills: the table takes 0.2 percent beside it."""
FULL = 0.9
"""The share of memory that has to be in use before it counts as full: the largest response leaves so much of a gap."""


class FirstUses:
    """Tells first uses from second ones."""

    __slots__ = ("_ghost", "_latest", "_store", "is_full")

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._ghost = Ghost()
        self._latest = 0
        self.is_full = False
        """Whether what comes into memory makes something else leave."""
        self.fit()

    def fit(self) -> None:
        """Go by what memory holds now. To be called now and then."""
        store = self._store
        most = max(LEAST, store.limit // OCTETS_FOR_EACH)
        self._ghost.fit(most)
        self.is_full = store.used >= FULL * store.limit
        self._latest = max(LEAST, min(most, len(store))) if self.is_full else most

    def is_first(self, key: bytes) -> bool:
        """Whether this use of a key that is not in memory is the first one. If so, the next one is not."""
        mark = hash(key)
        if self._ghost.recalls(mark, self._latest):
            return False
        self._ghost.add(mark)
        return True
