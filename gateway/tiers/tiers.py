"""All tiers behind the memory of a worker as one: what plugins see."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.config.tiers import RedisTierSettings, TierSettings
from gateway.figures import Figures
from gateway.tiers.tier import Changed, Entry, FarTier, Found, NearTier, PurgeOrder, Tier

if TYPE_CHECKING:
    from gateway.redis.client import Redis
    from gateway.tiers.redis_book import PurgeBook


class Tiers:
    """A near tier, which answers at once, and a far one, which has to be waited for. Either may be missing."""

    def __init__(
        self,
        settings: TierSettings,
        near: NearTier | None = None,
        far: FarTier | None = None,
        lender: Tiers | None = None,
    ) -> None:
        """`lender` has the same near tier, open: it is closed with the last that has it."""
        self.settings = settings
        self._near = near
        self._far = far
        self._sharers: list[int] = [0] if lender is None else lender._sharers
        self._sharers[0] += 1
        self._all: tuple[Tier, ...] = tuple(tier for tier in (near, far) if tier is not None)

    @property
    def marks(self) -> tuple[int, ...]:
        """How many purges each tier has seen: to be read when the origin is asked, for what is stored of its answer."""
        return tuple([tier.mark for tier in self._all])

    @property
    def has_far(self) -> bool:
        """Whether there is a tier that has to be waited for."""
        return self._far is not None

    def find(self, name: bytes, known: Collection[tuple[bytes, float]] = ()) -> list[Found]:
        """What the near tier has under a name, all variants. Of the variants that are `known` with the time of their
        answer only later ones."""
        return [] if self._near is None else self._near.find(name, known)

    async def find_far(self, name: bytes, known: Collection[tuple[bytes, float]] = ()) -> list[Found]:
        """The same in the far tier; within its time-out."""
        return [] if self._far is None else await self._far.find(name, known)

    def on_change(self, changed: Changed) -> None:
        """Call back with the names of what other machines have changed in the far tier, or with `None`: everything may
        have been changed."""
        if self._far is not None:
            self._far.on_change(changed)

    def put(self, entry: Entry) -> None:
        """Write a record to every tier, behind."""
        if self._far is None and entry.lease is not None:
            entry.lease.written(stored=False)
        for at, tier in enumerate(self._all):
            tier.put(entry if len(self._all) == 1 else _with_mark(entry, at))

    def put_near(self, entry: Entry) -> None:
        """Write a record that was found in the far tier to the near one, behind."""
        if self._near is not None:
            self._near.put(_with_mark(entry, 0))

    def drop_near(self, name: bytes, variant: bytes) -> None:
        """Remove a record from the near tier alone: in the far one it is gone already."""
        if self._near is not None:
            self._near.drop(name, variant)

    def in_turns(self, step: Callable[[], bool]) -> None:
        """Take steps until one says that there are no more, and let others have their turn in between."""
        if step():
            asyncio.get_running_loop().call_soon(self.in_turns, step)

    def drop(self, name: bytes, variant: bytes = b"") -> None:
        """Remove a record from every tier, behind. It is not found here any more from now on."""
        for tier in self._all:
            tier.drop(name, variant)

    def used(self, name: bytes, variant: bytes, uses: int) -> None:
        """Note that a record was used in front of the tiers: what is used stays longer."""
        for tier in self._all:
            tier.used(name, variant, uses)

    def purge(self, order: PurgeOrder) -> Awaitable[Any]:
        """Purge in every tier. What is meant is not found here any more from now on, and nowhere else when this has
        been awaited, which raises TierError where a tier could not note it. Whoever does not wait may let go of it."""
        noted = asyncio.gather(*[tier.purge(order) for tier in self._all])
        noted.add_done_callback(_look_at)
        return noted

    async def open(self) -> None:
        """Make the tiers ready, in bounded time."""
        await asyncio.gather(*(tier.open() for tier in self._own()))

    async def close(self) -> None:
        """Write what waits, in bounded time, and let go of everything."""
        tiers = self._own()
        self._sharers[0] -= 1
        await asyncio.gather(*(tier.close() for tier in tiers), return_exceptions=True)

    def _own(self) -> list[Tier]:
        """All tiers but one that others have open."""
        is_shared = self._sharers[0] > 1
        return [tier for tier in self._all if not (is_shared and tier is self._near)]

    @property
    def near(self) -> NearTier | None:
        """The tier that answers at once."""
        return self._near

    @property
    def far(self) -> FarTier | None:
        """The tier that has to be waited for."""
        return self._far


def _look_at(noted: asyncio.Future[Any]) -> None:
    """The tier itself has said what went wrong."""
    if not noted.cancelled():
        noted.exception()


def _with_mark(entry: Entry, at: int) -> Entry:
    """The same for the tier in that place: a tier looks at the first mark alone."""
    return replace(entry, marks=entry.marks[at : at + 1])


async def tiers_for(
    settings: TierSettings,
    figures: Figures,
    current: Tiers | None,
    redis: Redis | None = None,
    book: PurgeBook | None = None,
) -> Tiers | None:
    """The tiers for a configuration, ready; those in use where they fit. `None` without any. `book` has the purges of
    all replicas.

    A file may be open only once in a process: where another configuration wants the same one in another way, the tier
    in use goes on, and what cannot be changed meanwhile counts from the next start on."""
    host, wanted = settings.host, settings.redis if redis is not None else None
    keeps_near = current is not None and _path(current.settings) == _path(settings)
    if current is not None and keeps_near and _is_same(current.far, wanted, redis):
        return current
    if host is None and wanted is None:
        return None
    near: NearTier | None = current.near if current is not None and keeps_near else None
    far: FarTier | None = None
    if host is not None and near is None:
        from gateway.tiers.host import HostTier  # its libraries are for those who want them

        near = HostTier(host, figures)
    if wanted is not None and redis is not None:
        from gateway.tiers.redis import RedisTier

        far = RedisTier(wanted, redis, figures, book)
    tiers = Tiers(settings, near, far, current if keeps_near and near is not None else None)
    await tiers.open()
    return tiers


def _path(settings: TierSettings) -> Path | None:
    return None if settings.host is None else settings.host.path


def _is_same(far: FarTier | None, wanted: RedisTierSettings | None, redis: Redis | None) -> bool:
    if far is None or wanted is None:
        return far is None and wanted is None
    return far.settings == wanted and far.client is redis
