"""What the caches of all routes of a worker have in common, and what a reload keeps."""

from __future__ import annotations

from gateway.api import Clock
from plugins.cache.freshness import SteadyTime
from plugins.cache.settings import CacheSettings
from plugins.cache.store import MemoryStore

ENTRY_OVERHEAD = 64 * 1024
"""Octets that fields, key and what is derived may take beside the largest content."""


class Shared:
    """The store, its clock, and what is being refreshed."""

    def __init__(self, settings: CacheSettings, clock: Clock) -> None:
        self.store = MemoryStore(settings.memory, settings.max_entry + ENTRY_OVERHEAD, settings.variants)
        self.steady = SteadyTime(clock.wall(), clock.monotonic())
        self.refreshing: set[tuple[bytes, bytes]] = set()
        """Keys and variants of stored responses that are being refreshed behind."""
