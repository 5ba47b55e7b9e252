"""What the caches of all routes of a worker have in common, and what a reload keeps."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.api import Clock, Tiers
from plugins.cache.confirmations import Confirmations
from plugins.cache.filling import Filling
from plugins.cache.freshness import SteadyTime
from plugins.cache.key import Keyer
from plugins.cache.outbox import Outbox
from plugins.cache.refreshes import Refreshes
from plugins.cache.settings import CacheSettings
from plugins.cache.store import MemoryStore
from plugins.cache.sweeping import Sweeper
from plugins.cache.tiered import Tiered

ENTRY_OVERHEAD = 64 * 1024
"""Octets that fields, key and what is derived may take beside the largest content."""


class Shared:
    """The store, its clock, what is being refreshed and filled, news for other workers, and who uses all that.

    One store serves all routes, so its limits are the widest that a route in use wants: old and new ones both while a
    reload changes them."""

    def __init__(self, settings: CacheSettings, clock: Clock) -> None:
        self.store = MemoryStore(settings.memory, settings.max_entry + ENTRY_OVERHEAD, settings.variants)
        self.steady = SteadyTime(clock.wall(), clock.monotonic())
        self.filling = Filling(settings.max_filling)
        self.refreshes = Refreshes(self.filling)
        self.outbox = Outbox()
        self.confirmations = Confirmations()
        self.sweeper = Sweeper(self.store)
        self._routes: dict[int, tuple[CacheSettings, Keyer]] = {}
        self._changing: tuple[Keyer, ...] = ()
        self._marks: dict[str, bytes] = {}
        self._tiered: Tiered | None = None

    def mark_of(self, upstream: str) -> bytes:
        """What tells the keys of an upstream from those of others, which may have the same URLs. Nothing for the first
        one: where there is no other its keys are just URLs."""
        return self._marks.setdefault(upstream, b"upstream " + upstream.encode() if self._marks else b"")

    def tiered(self, tiers: Tiers, clock: Clock) -> Tiered:
        """The store's dealings with these tiers."""
        if self._tiered is None or self._tiered.tiers is not tiers:
            self._tiered = Tiered(tiers, self.store, self.steady, clock)
        return self._tiered

    def join(self, route: object, settings: CacheSettings, keyer: Keyer) -> None:
        """A route begins to use the store."""
        self._routes[id(route)] = (settings, keyer)
        self._fit()

    def leave(self, route: object) -> bool:
        """A route no longer uses the store, if it ever did; whether others do."""
        self._routes.pop(id(route), None)
        self._fit()
        return bool(self._routes)

    def _fit(self) -> None:
        wanted = [settings for settings, _ in self._routes.values()]
        self._changing = tuple(keyer for _, keyer in self._routes.values() if keyer.changes_query)
        if wanted:
            self.filling.limit = max(settings.max_filling for settings in wanted)
            self.store.entry_limit = max(settings.max_entry for settings in wanted) + ENTRY_OVERHEAD
            self.store.most_variants = max(settings.variants for settings in wanted)

    @property
    def memory(self) -> int:
        """Octets that the store should be allowed now."""
        return max((settings.memory for settings, _ in self._routes.values()), default=self.store.limit)

    def targets(self, target: bytes) -> Iterable[bytes]:
        """The forms that a target takes in keys: as it came, and as each route in use has it."""
        if not self._changing:
            return (target,)
        return dict.fromkeys([target, *(keyer.target(target) for keyer in self._changing)])
