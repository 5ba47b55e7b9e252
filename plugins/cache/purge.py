"""A purge, done in steps so that requests get their turn in between."""

from __future__ import annotations

from itertools import islice

from plugins.cache.selection import Selector
from plugins.cache.store import SLICE, Ending, MemoryStore


class Purge:
    """One purge of one store.

    It means what is stored when it begins, and answers that were asked for before. Until `step` has come to a response
    that one is used as before. A dry run changes nothing and counts what would go."""

    __slots__ = ("_candidates", "_dry_run", "_selector", "_soft", "_store", "count", "octets")

    def __init__(self, store: MemoryStore, selector: Selector, *, soft: bool = False, dry_run: bool = False) -> None:
        """A soft purge makes stale (to be served while it is refreshed, where that is allowed), a hard one removes."""
        self._store = store
        self._selector = selector
        self._soft = soft
        self._dry_run = dry_run
        if not dry_run:
            store.note_purge(selector, soft=soft)
        self._candidates = store.candidates(selector)
        self.count = 0
        """Responses found so far."""
        self.octets = 0
        """Octets they take."""

    def step(self, most: int = SLICE) -> bool:
        """Look at the next responses, `most` of them; False when that was all."""
        looked_at = list(islice(self._candidates, most))
        selector = self._selector
        found = [stored for stored in looked_at if stored.place is not None and selector.matches(stored)]
        self.count += len(found)
        self.octets += sum(stored.size for stored in found)
        if self._dry_run:
            pass
        elif self._soft:
            self._store.soften_all(found)
        else:
            self._store.remove_all(found, Ending.PURGED)
        return len(looked_at) == most

    def run(self) -> None:
        """All steps at once, where nobody waits."""
        while self.step():
            pass
