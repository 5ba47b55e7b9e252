"""What every tier can do, and what goes in and comes out. Tiers know nothing of HTTP: they keep octets.

A tier keeps records under names; a name may have several *variants*. Each record carries labels, by which it can be
purged, and a *mark*: how many purges the tier had seen when what it holds was asked for. A purge is one row in the
tier, whatever it means, and a record is held against those rows when it is found: so a purge costs the same however
many records it means, and what was on its way during one is purged as well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

EVERYTHING = b"*"
"""The label that every record has."""


class EntryLease(Protocol):
    """The right under which an answer was fetched for all replicas."""

    key: bytes
    """Where it stands in Redis."""
    token: bytes
    """What shows that it is held still."""
    name: bytes
    """How those who wait know it."""

    def written(self, *, stored: bool) -> None:
        """The answer lies where all find it and those who wait have been told; or it does not."""

    def set_apart(self, seconds: float) -> None:
        """The answer is not for others: each has to fetch its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record on its way into the tiers."""

    name: bytes
    variant: bytes = b""
    labels: Sequence[bytes] = ()
    """What it can be purged by, beside `EVERYTHING` and beginnings of its name."""
    head: bytes
    """The first part of the record."""
    body: bytes = b""
    """The second part, joined with the first where nobody waits."""
    when: float
    """Wall time of the answer in it: a later one takes its place."""
    until: float
    """Wall time from which on nobody has a use for it."""
    marks: tuple[int, ...] = ()
    """What `Tiers.marks` was when the origin was asked, a number for each tier."""
    uses: int = 0
    lease: EntryLease | None = None
    """Under what it was fetched. A far tier writes nothing when that is lost, and says what became of the record."""

    @property
    def octets(self) -> int:
        """About what it takes."""
        return len(self.head) + len(self.body) + len(self.name) + len(self.variant) + 64


@dataclass(slots=True)
class Found:
    """A record that a tier has. Not frozen: one is made for every look-up, and that would make it three times as
    dear."""

    record: bytes
    when: float
    until: float
    soft_purged: bool
    """A soft purge means it."""
    gone: bytes | None = None
    """When set, there is no record: that of the known variant with this name was removed at `when`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeOrder:
    """What a purge means: everything with one of the labels, or with a name that begins with one of the prefixes."""

    labels: tuple[bytes, ...] = ()
    prefixes: tuple[bytes, ...] = ()
    soft: bool = False


Changed = Callable[[Sequence[bytes] | None], None]
"""Gets names, or `None`: everything may have been changed."""


class TierError(Exception):
    """A tier could not do what was asked; the text says why."""


class Tier(Protocol):
    """One tier. None of the methods raises or waits, but where it says so."""

    @property
    def mark(self) -> int:
        """Number of the last purge that is known here: to be read when the origin is asked."""

    def put(self, entry: Entry) -> bool:
        """Write a record behind, in place of an older one of its name and variant; whether there was room for it."""

    def drop(self, name: bytes, variant: bytes) -> None:
        """Remove a record behind. It is not found any more from now on."""

    def used(self, name: bytes, variant: bytes, uses: int) -> None:
        """Note behind that a record was used, here or in front of the tier."""

    def purge(self, order: PurgeOrder) -> Awaitable[None]:
        """Purge: what is meant is not found here any more from now on, and nowhere else once this has been awaited.
        Whoever does not wait may let go of it. Awaiting raises TierError."""

    async def open(self) -> None:
        """Make ready, in bounded time. A tier that cannot work says so in the log, finds nothing and tries again."""

    async def close(self) -> None:
        """Write what waits, in bounded time, and let go of everything."""


class NearTier(Tier, Protocol):
    """A tier that answers at once."""

    def find(self, name: bytes, known: Collection[tuple[bytes, float]] = ()) -> list[Found]:
        """The records of a name that may be used, all variants. Of the variants that are `known` with the time of
        their answer only later ones."""


class FarTier(Tier, Protocol):
    """A tier that has to be waited for."""

    @property
    def settings(self) -> object:
        """What it was made with."""

    @property
    def client(self) -> object:
        """By what it is reached."""

    async def find(self, name: bytes, known: Collection[tuple[bytes, float]] = ()) -> list[Found]:
        """The same; within the tier's time-out, and empty when that has passed."""

    def on_change(self, changed: Changed) -> None:
        """Call back with the names of what others have changed, removed or let go of, so that what was kept of it in
        front of the tier can be held against the tier before its next use."""
