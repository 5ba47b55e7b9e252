"""The purges that records in Redis are held against, as the tier wants to know them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from gateway.tiers.tier import PurgeOrder


class PurgeBook(Protocol):
    """All purges of all replicas, as far as they count still."""

    @property
    def mark(self) -> int:
        """Number of the last purge that is known here: to be read when the origin is asked."""

    @property
    def is_current(self) -> bool:
        """Whether every purge is known. While not, nothing in Redis is believed."""

    def hit(self, labels: bytes, name: bytes, mark: int) -> bool | None:
        """Whether a purge after `mark` means a record: True for a hard one, False for a soft one, `None` for none.
        `labels` are digests, one behind the other."""

    def purge(self, order: PurgeOrder) -> Awaitable[None]:
        """Let a purge count here at once, and everywhere once this has been awaited. Raises TierError. Whoever does
        not wait may let go of it."""


class NoBook:
    """For who has no replicas and purges nothing."""

    mark = 0
    is_current = True

    def hit(self, labels: bytes, name: bytes, mark: int) -> bool | None:
        """Nothing was purged."""
        return None

    def purge(self, order: PurgeOrder) -> Awaitable[None]:
        """Nobody is told."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done
