"""The memory store: key → stored responses, bounded in octets.

Everything that puts a response into the store or takes one out is in this file. Each method leaves the table of keys,
the queues and the tags in agreement before it tells anybody that a response has gone."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain
from typing import TypeVar

from plugins.cache.recent import RecentPurges
from plugins.cache.s3fifo import S3Fifo
from plugins.cache.selection import ByKey, ByTag, ByUrl, Selector
from plugins.cache.stored import Freshening, StoredResponse
from plugins.cache.tags import TagIndex
from plugins.cache.urls import UrlIndex

T = TypeVar("T")

Variants = tuple[StoredResponse, ...]
"""The stored responses of one primary key, the one stored or confirmed last in front (RFC 9111 §4.1)."""

SLICE = 128
"""Responses that one step removes, before others get their turn: about half a millisecond when they are long unused."""


class Ending(enum.Enum):
    """Why a response left the store."""

    EVICTED = "evicted"
    REPLACED = "replaced"
    VARIANTS = "too_many_variants"
    PURGED = "purged"
    INVALIDATED = "invalidated"


class Put(enum.Enum):
    """What became of a response that was to be stored."""

    STORED = "stored"
    TOO_LARGE = "too_large"
    PURGED_MEANWHILE = "purged_meanwhile"
    """It was asked for before a purge that means it, so it may be what the purge was to remove."""


MOST_ABSENCES = 4096
"""Absences that are watched at once."""


class Absence:
    """That nothing is stored for a key."""

    __slots__ = ("holds",)

    def __init__(self) -> None:
        self.holds = True


class MemoryStore:
    """Stored responses in memory."""

    __slots__ = (
        "_absences",
        "_account",
        "_by_key",
        "_queues",
        "_recent",
        "_tags",
        "_urls",
        "endings",
        "entry_limit",
        "get",
        "most_variants",
    )

    def __init__(self, limit: int, entry_limit: int | None = None, most_variants: int = 16) -> None:
        self._absences: dict[bytes, Absence] = {}
        self._by_key: dict[bytes, Variants] = {}
        self._queues: S3Fifo[StoredResponse] = S3Fifo(limit, _mark_of)
        self._tags = TagIndex()
        self._urls = UrlIndex()
        self._recent = RecentPurges()
        self._account = self._grow  # bound once: each response keeps it
        self.entry_limit = limit if entry_limit is None else entry_limit
        """Octets of the largest response that may be stored, all that it costs included. May be changed."""
        self.most_variants = most_variants
        """Responses for one key; for one more the least used goes. May be changed."""
        self.endings: dict[Ending, int] = dict.fromkeys(Ending, 0)
        """How many responses left, by reason."""
        self.get: Callable[[bytes], Variants | None] = self._by_key.get
        """The stored responses of a primary key, `None` when there are none."""

    # ---- figures -----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many responses there are."""
        return len(self._queues)

    def __iter__(self) -> Iterator[StoredResponse]:
        """Every response; nothing may change meanwhile."""
        return iter(self._queues)

    @property
    def keys(self) -> int:
        """How many primary keys there are."""
        return len(self._by_key)

    @property
    def used(self) -> int:
        """Octets taken, never more than `limit`."""
        return self._queues.used

    @property
    def limit(self) -> int:
        """Octets that may be taken; while `resize` lowers it, as far as that has come."""
        return self._queues.limit

    @property
    def largest(self) -> int:
        """Octets of the largest response that would be stored now."""
        return min(self.entry_limit, self._queues.capacity)

    @property
    def epoch(self) -> int:
        """Number of the last purge or invalidation: to be read when the origin is asked, for `put` and `freshen`."""
        return self._recent.latest

    def was_purged(self, stored: StoredResponse, since: int) -> bool:
        """Whether what is not in the store was purged after that `epoch`, and not softly."""
        return self._recent.hit(stored, since) is True

    # ---- absence -----------------------------------------------------------------------------------------------------

    def absence(self, key: bytes) -> Absence | None:
        """Watch over nothing being stored for a key: it ends when something is. `None` when something is stored."""
        absence = self._absences.get(key)
        if absence is None and key not in self._by_key:
            if len(self._absences) >= MOST_ABSENCES:
                self._end_absences()
            absence = self._absences[key] = Absence()
        return absence

    def _end_absences(self) -> None:
        """Let all end, though nothing may be stored: whoever relies on them has to look again."""
        absences, self._absences = self._absences, {}
        for absence in absences.values():
            absence.holds = False

    # ---- in ----------------------------------------------------------------------------------------------------------

    def put(self, stored: StoredResponse, since: int | None = None) -> Put:
        """Store a response in place of the one with its key and variant, which goes even if the new one is too large.

        `since` is the `epoch` of the moment when the origin was asked."""
        if stored.place is not None:
            raise ValueError(f"{stored!r} is in a store")
        key = stored.key
        present = self._by_key.get(key, ())
        old = next((other for other in present if other.variant == stored.variant), None) if present else None
        purged = None if since is None else self._recent.hit(stored, since)
        stored.size = stored.measure()
        if purged:
            return Put.PURGED_MEANWHILE
        if stored.size > self.largest:
            if old is not None:
                self.remove(old, Ending.REPLACED)
            return Put.TOO_LARGE
        stored.soft_purged = purged is not None
        stored.account = self._account
        self._by_key[key] = variants = (stored, *present)
        if self._absences and (absence := self._absences.pop(key, None)) is not None:
            absence.holds = False
        if present:
            names = frozenset([name for each in variants for name, _ in each.request_fields])
            for each in variants:
                each.rival_fields = names
        else:
            self._urls.add(key)
        self._tags.add(stored)
        if old is None:
            leaving = self._queues.add(stored)
        else:
            stored.last_used = old.last_used
            leaving = self._queues.replace(old, stored)
            self._forget((old,), Ending.REPLACED)
        if leaving:
            self._forget(leaving, Ending.EVICTED)
        if present:
            leaving += self._surplus(key)
        self._settle([*present, *leaving])  # the others too: what they answered this one may answer from now on
        return Put.STORED

    def freshen(self, stored: StoredResponse, by: Freshening, since: int | None = None) -> bool:
        """Take over what a validation says about a response; whether the store has it (if not, `put` may bring it in).

        `since` is the `epoch` of the moment when the origin was asked: what was purged meanwhile stays so."""
        purged = None if since is None else self._recent.hit(stored, since)
        if purged:
            self.remove(stored, Ending.PURGED)
        if stored.place is None:
            stored.freshen(by)
            return False
        self._tags.discard(stored)
        stored.freshen(by)
        stored.soft_purged = purged is not None
        self._tags.add(stored)
        present = self._by_key[stored.key]
        if len(present) > 1:
            self._by_key[stored.key] = (stored, *_without(present, stored))
        leaving = self._queues.grow(stored, stored.measure() - stored.size)
        self._forget(leaving, Ending.EVICTED)
        self._settle([*present, *leaving])
        return stored.place is not None

    # ---- out ---------------------------------------------------------------------------------------------------------

    def remove(self, stored: StoredResponse, ending: Ending) -> None:
        """Take a response out, if it is in."""
        self.remove_all((stored,), ending)

    def remove_all(self, responses: Iterable[StoredResponse], ending: Ending) -> None:
        """Take those out that are in."""
        gone = [stored for stored in responses if stored.place is not None]
        for stored in gone:
            self._queues.remove(stored)
        self._forget(gone, ending)
        self._settle(gone)

    def soften_all(self, responses: Iterable[StoredResponse]) -> None:
        """Make those stale that are in."""
        softened = [stored for stored in responses if stored.place is not None and not stored.soft_purged]
        for stored in softened:
            stored.soft_purged = True
        _tell(softened)

    def doubt_all(self, responses: Iterable[StoredResponse]) -> None:
        """Have those that are in held against the far tier before they are used again."""
        doubted = [stored for stored in responses if stored.place is not None and not stored.doubted]
        for stored in doubted:
            stored.doubted = True
        _tell(doubted)

    def invalidate(self, url: bytes) -> int:
        """Remove what is stored of a URL, and answers under way to it (RFC 9111 §4.4); how many were stored."""
        selector = ByUrl(url)
        self._recent.note(selector, soft=False)
        found = list(self.candidates(selector))
        self.remove_all(found, Ending.INVALIDATED)
        return len(found)

    def resize(self, limit: int) -> bool:
        """Move the limit, with at most `SLICE` responses leaving; False when more have to, by calling again."""
        if limit >= self._queues.used:
            self._queues.raise_to(limit)
            return True
        leaving = self._queues.lower(limit, SLICE)
        self._forget(leaving, Ending.EVICTED)
        self._settle(leaving)
        return self._queues.limit <= limit

    # ---- looking for -------------------------------------------------------------------------------------------------

    def candidates(self, selector: Selector) -> Iterator[StoredResponse]:
        """Responses among which are all that `selector` means now. By the time one comes up it may have left."""
        match selector:
            case ByKey(key):
                return iter(self._by_key.get(key, ()))
            case ByUrl(url):
                keys = [url, *self._urls.keys(url)]
                return chain.from_iterable([self._by_key.get(key, ()) for key in keys])
            case ByTag(tag):
                return _handed_out(self._tags.carriers(tag))
            case _:
                return chain.from_iterable(_handed_out(list(self._by_key.values())))

    def note_purge(self, selector: Selector, *, soft: bool) -> None:
        """Let the purge count for answers under way as well."""
        self._recent.note(selector, soft=soft)

    # ---- in agreement ------------------------------------------------------------------------------------------------

    def _grow(self, stored: StoredResponse, octets: int) -> bool:
        if octets > 0 and stored.size + octets > self.largest:
            return False
        leaving = self._queues.grow(stored, octets)
        self._forget(leaving, Ending.EVICTED)
        self._settle(leaving)
        return True

    def _surplus(self, key: bytes) -> list[StoredResponse]:
        """Take out the least used variant if there are too many, never the newest."""
        present = self._by_key.get(key, ())
        if len(present) <= self.most_variants:
            return []
        least = min(present[1:], key=_usefulness)
        self._queues.remove(least)
        self._forget((least,), Ending.VARIANTS)
        return [least]

    def _forget(self, gone: Collection[StoredResponse], ending: Ending) -> None:
        """Take what has left the queues out of the tables."""
        by_key = self._by_key
        for stored in gone:
            key = stored.key
            present = by_key[key]
            if len(present) == 1:
                del by_key[key]
                self._urls.discard(key)
            else:
                by_key[key] = _without(present, stored)
            self._tags.discard(stored)
            stored.account = None
        self.endings[ending] += len(gone)

    def _settle(self, changed: list[StoredResponse]) -> None:
        """Reserve what the indexes take now, and tell whoever waits for the end of what has changed."""
        queues, tags, urls = self._queues, self._tags, self._urls
        while (octets := tags.octets + urls.octets) != queues.reserved:
            leaving = queues.reserve(octets)
            self._forget(leaving, Ending.EVICTED)
            changed += leaving
        _tell(changed)


def _handed_out(found: list[T]) -> Iterator[T]:
    """One after the other, and none kept: 100,000 removed responses freed together would be a pause of 30 ms."""
    while found:
        yield found.pop()


def _mark_of(stored: StoredResponse) -> int:
    return hash((stored.key, stored.variant))


def _usefulness(stored: StoredResponse) -> tuple[int, float]:
    return stored.uses, stored.last_used


def _without(present: Variants, stored: StoredResponse) -> Variants:
    return tuple(other for other in present if other is not stored)


def _tell(changed: Iterable[StoredResponse]) -> None:
    """Let every one of them end; then raise the first error."""
    failure: Exception | None = None
    for stored in changed:
        try:
            stored.end()
        except Exception as error:
            failure = failure or error
    if failure is not None:
        raise failure
