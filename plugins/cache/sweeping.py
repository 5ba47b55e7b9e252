"""Sweeps: what is stored is gone through and asked about, in the background and in batches. No I/O.

Whoever orders a sweep first has what is meant looked for (`Scan`), gets it in pages of numbers, and then asks for it in
batches by those numbers. A key travels once at most, in the report of a failure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, islice
from typing import Any

from gateway.api import WallTime
from plugins.cache.ahead import fresh_until
from plugins.cache.key import split_url
from plugins.cache.plan import has_origin_validator
from plugins.cache.refreshes import Mark
from plugins.cache.selection import EVERYTHING, ByPrefix, ByRoute, ByTag, Selector
from plugins.cache.store import MemoryStore
from plugins.cache.stored import StoredResponse
from plugins.cache.vary import PART

SLICE = 512
"""Responses that one step looks at."""
MOST_ROWS = 500
"""Rows of one page: about two milliseconds, and some 50 KiB of JSON."""
MOST_SCANNED = 1_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a sweep is about."""

    among: tuple[Selector, ...]
    """Any of these."""
    within: float | None
    """Only what expires within so many seconds."""
    fetches: bool
    """Whether what has no validator is fetched anew."""

    @classmethod
    def of(cls, message: dict[str, Any]) -> Wanted:
        """From what the administrator says. Raises ValueError for a prefix that is no URL."""
        chosen: list[Selector] = [ByRoute(name) for name in message.get("routes", ())]
        chosen += [ByTag(tag.encode()) for tag in message.get("tags", ())]
        chosen += [ByPrefix(b"".join(split_url(prefix))) for prefix in message.get("prefixes", ())]
        within = message.get("within")
        return cls(
            tuple(chosen) or (EVERYTHING,), None if within is None else float(within), bool(message.get("fetch"))
        )

    def means(self, stored: StoredResponse, now: WallTime) -> bool:
        """Whether that one is meant."""
        if self.within is not None and not stored.soft_purged and fresh_until(stored) > now + self.within:
            return False
        return any(selector.matches(stored) for selector in self.among)


class Scan:
    """What one sweep found in this worker, by number."""

    __slots__ = ("_candidates", "_now", "_seen", "_wanted", "began", "marks", "run", "unconfirmable")

    def __init__(self, run: str, store: MemoryStore, wanted: Wanted, now: WallTime) -> None:
        self.run = run
        """The name that the sweep has for those who ordered it."""
        self.began = now
        self.marks: list[Mark] = []
        self.unconfirmable = 0
        """Responses that are meant and were left out: they have no validator."""
        self._wanted = wanted
        self._now = now
        tags_alone = all(isinstance(selector, ByTag) for selector in wanted.among)
        among: Sequence[Selector] = wanted.among if tags_alone else (EVERYTHING,)
        self._seen: set[Mark] | None = set() if len(among) > 1 else None  # with several tags it may come up twice
        self._candidates: Iterator[StoredResponse] = chain.from_iterable(map(store.candidates, among))

    def step(self) -> bool:
        """Look at the next responses; False when that was all."""
        looked_at = list(islice(self._candidates, SLICE))
        for stored in looked_at:
            mark = (stored.key, stored.variant)
            if stored.place is None or stored.variant.startswith(PART) or not self._wanted.means(stored, self._now):
                continue
            if self._seen is not None:
                if mark in self._seen:
                    continue
                self._seen.add(mark)
            if not has_origin_validator(stored) and not self._wanted.fetches:
                self.unconfirmable += 1
                continue
            self.marks.append(mark)
        if len(looked_at) == SLICE and len(self.marks) < MOST_SCANNED:
            return True
        self._seen, self._candidates = None, iter(())
        return False

    def rows(self, store: MemoryStore, offset: int, shift: float) -> list[list[Any]]:
        """A page of what was found: number, identity, route, when it was confirmed and until when it is fresh (wall
        time), uses, what the origin took, octets. `shift` is what wall time is ahead of the store's."""
        rows = []
        for number, mark in enumerate(self.marks[offset : offset + MOST_ROWS], offset):
            stored = held(store, mark)
            if stored is not None:
                confirmed, until = stored.response_time + shift, fresh_until(stored) + shift
                figures = [round(confirmed, 3), round(until, 3), stored.uses, round(stored.origin_seconds, 4)]
                rows.append([number, identity(stored), stored.route, *figures, len(stored.body)])
        return rows


def held(store: MemoryStore, mark: Mark) -> StoredResponse | None:
    """What is stored under a key and a secondary key now."""
    key, variant = mark
    return next((stored for stored in store.get(key) or () if stored.variant == variant), None)


def identity(stored: StoredResponse) -> str:
    """The same for what other workers hold of the same answer: the same question to the origin, the same answer."""
    digest = blake2b(digest_size=12)
    etag = stored.etag.encode() if stored.etag is not None else b""
    modified = b"" if stored.last_modified is None else b"%d" % stored.last_modified
    for part in (stored.key, stored.variant, etag, modified):
        digest.update(b"%d " % len(part))
        digest.update(part)
    return digest.hexdigest()


class Sweeper:
    """The scans of a worker: one at a time, whatever routes there are."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.scan: Scan | None = None

    def begin(self, message: dict[str, Any], now: WallTime) -> Scan:
        """The scan for a sweep, to be stepped to its end. It takes the place of an earlier one."""
        self.scan = Scan(str(message["run"]), self._store, Wanted.of(message), now)
        return self.scan

    def of(self, message: dict[str, Any]) -> Scan:
        """The scan that the message is about. Raises LookupError."""
        if self.scan is None or self.scan.run != message["run"]:
            raise LookupError(f"no sweep {message['run']!r} is under way here")
        return self.scan

    def end(self, message: dict[str, Any]) -> None:
        """Forget the scan."""
        if self.scan is not None and self.scan.run == message["run"]:
            self.scan = None
