"""All tiers behind the memory of a worker as one: what plugins see."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection
from typing import Any

from gateway.config.tiers import TierSettings
from gateway.figures import Figures
from gateway.tiers.tier import Entry, FarTier, Found, NearTier, PurgeOrder, Tier


class Tiers:
    """A near tier, which answers at once, and a far one, which has to be waited for. Either may be missing."""

    def __init__(self, settings: TierSettings, near: NearTier | None = None, far: FarTier | None = None) -> None:
        self.settings = settings
        self._near = near
        self._far = far
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

    def put(self, entry: Entry) -> None:
        """Write a record to every tier, behind."""
        for at, tier in enumerate(self._all):
            own = entry if len(self._all) == 1 else _with_mark(entry, at)
            tier.put(own)

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
        await asyncio.gather(*(tier.open() for tier in self._all))

    async def close(self) -> None:
        """Write what waits, in bounded time, and let go of everything."""
        await asyncio.gather(*(tier.close() for tier in self._all), return_exceptions=True)


def _look_at(noted: asyncio.Future[Any]) -> None:
    """The tier itself has said what went wrong."""
    if not noted.cancelled():
        noted.exception()


def _with_mark(entry: Entry, at: int) -> Entry:
    """The same for the tier in that place: a tier looks at the first mark alone."""
    return Entry(
        name=entry.name,
        variant=entry.variant,
        labels=entry.labels,
        head=entry.head,
        body=entry.body,
        when=entry.when,
        until=entry.until,
        marks=entry.marks[at : at + 1],
        uses=entry.uses,
    )


async def tiers_for(settings: TierSettings, figures: Figures, current: Tiers | None) -> Tiers | None:
    """The tiers for a configuration, ready; those in use where they fit. `None` without any.

    A file may be open only once in a process: where another configuration wants the same one in another way, the tier
    in use goes on, and what cannot be changed meanwhile counts from the next start on."""
    host = settings.host
    if host is None:
        return None
    if current is not None and current.settings.host is not None and current.settings.host.path == host.path:
        return current
    from gateway.tiers.host import HostTier  # its libraries are for those who want them

    tiers = Tiers(settings, HostTier(host, figures))
    await tiers.open()
    return tiers
