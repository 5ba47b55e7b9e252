"""A purge, done in steps so that requests get their turn in between."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from plugins.cache.selection import Selector
from plugins.cache.store import SLICE, Ending, MemoryStore


class Purge:
    """One purge of one store.

    It means what is stored when it begins, and answers that were asked for before. Until `step` has come to a response
    that one is used as before. A dry run changes nothing and counts what would go."""

    __slots__ = ("_candidates", "_dry_run", "_ending", "_selector", "_soft", "_store", "count", "octets")

    def __init__(
        self,
        store: MemoryStore,
        selector: Selector,
        *,
        soft: bool = False,
        dry_run: bool = False,
        ending: Ending = Ending.PURGED,
    ) -> None:
        """A soft purge makes stale (to be served while it is refreshed, where that is allowed), a hard one removes."""
        self._store = store
        self._selector = selector
        self._soft = soft
        self._dry_run = dry_run
        self._ending = ending
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
            self._store.remove_all(found, self._ending)
        return len(looked_at) == most

    def run(self) -> None:
        """All steps at once, where nobody waits."""
        while self.step():
            pass


class Purges:
    """Purges of one store that count from the same moment, and are done one after the other in steps."""

    __slots__ = ("_left", "_purges")

    def __init__(
        self,
        store: MemoryStore,
        selectors: Iterable[Selector],
        *,
        soft: bool = False,
        dry_run: bool = False,
        ending: Ending = Ending.PURGED,
    ) -> None:
        self._purges = [Purge(store, each, soft=soft, dry_run=dry_run, ending=ending) for each in selectors]
        self._left = list(self._purges)

    def step(self) -> bool:
        """Look at the next responses, some `SLICE` of them; False when that was all."""
        looked_at = 0
        while self._left and looked_at < SLICE:
            purge = self._left[-1]
            before = purge.count
            if purge.step():
                return True
            self._left.pop()
            looked_at += 1 + purge.count - before
        return bool(self._left)

    @property
    def count(self) -> int:
        """Responses found so far."""
        return sum(purge.count for purge in self._purges)

    @property
    def octets(self) -> int:
        """Octets they take."""
        return sum(purge.octets for purge in self._purges)
