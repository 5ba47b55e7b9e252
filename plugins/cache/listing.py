"""What is stored, in pages for people: searched in steps, ordered by what matters to them."""

from __future__ import annotations

import enum
import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gateway.api import WallTime
from plugins.cache.selection import EVERYTHING, Selector
from plugins.cache.store import MemoryStore
from plugins.cache.stored import StoredResponse

SLICE = 1024
"""Responses that one step looks at: about half a millisecond."""
MOST_ROWS = 10_000
"""Rows up to the end of the last page that may be asked for; a search narrows down better than page 200."""


class Order(enum.Enum):
    """What a list is ordered by."""

    KEY = "key"
    STORED_AT = "stored_at"
    LAST_USED = "last_used"
    USES = "uses"
    SIZE = "size"
    ORIGIN_SECONDS = "origin_seconds"


_ORDERS: dict[Order, Callable[[StoredResponse], Any]] = {
    Order.KEY: lambda stored: stored.key,
    Order.STORED_AT: lambda stored: stored.stored_at,
    Order.LAST_USED: lambda stored: stored.last_used,
    Order.USES: lambda stored: stored.uses,
    Order.SIZE: lambda stored: stored.size,
    Order.ORIGIN_SECONDS: lambda stored: stored.origin_seconds,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One stored response in a list."""

    key: bytes
    variant: bytes
    route: str
    status: int
    content_octets: int
    octets: int
    """Memory it takes, all included."""
    stored_at: WallTime
    response_time: WallTime
    corrected_initial_age: float
    lifetime: float
    last_used: WallTime
    uses: int
    origin_seconds: float
    tags: tuple[bytes, ...]
    """In alphabetical order."""
    soft_purged: bool

    @classmethod
    def of(cls, stored: StoredResponse) -> Row:
        """The row of a response as it is now."""
        return cls(
            key=stored.key,
            variant=stored.variant,
            route=stored.route,
            status=stored.status,
            content_octets=len(stored.body),
            octets=stored.size,
            stored_at=stored.stored_at,
            response_time=stored.response_time,
            corrected_initial_age=stored.corrected_initial_age,
            lifetime=stored.lifetime,
            last_used=stored.last_used,
            uses=stored.uses,
            origin_seconds=stored.origin_seconds,
            tags=tuple(sorted(stored.tags)),
            soft_purged=stored.soft_purged,
        )


@dataclass(frozen=True, slots=True)
class Search:
    """What to list."""

    among: Selector = EVERYTHING
    text: bytes = b""
    """Occurs in the key, upper and lower case alike."""
    status: int | None = None
    order: Order = Order.KEY
    descending: bool = False
    offset: int = 0
    most: int = 50

    def matches(self, stored: StoredResponse) -> bool:
        """Whether the response is looked for."""
        if self.status is not None and stored.status != self.status:
            return False
        if self.text and self.text.lower() not in stored.key.lower():
            return False
        return self.among.matches(stored)


class Listing:
    """One search in one store. Responses that come or go while it runs may be in it or not."""

    __slots__ = ("_best", "_candidates", "_search", "count", "octets")

    def __init__(self, store: MemoryStore, search: Search) -> None:
        self._search = search
        self._candidates = store.candidates(search.among)
        self._best: list[StoredResponse] = []
        self.count = 0
        """Responses found so far, on all pages."""
        self.octets = 0
        """Octets they take."""

    def step(self, most: int = SLICE) -> bool:
        """Look at the next responses, `most` of them; False when that was all."""
        search = self._search
        looked_at = list(islice(self._candidates, most))
        found = [stored for stored in looked_at if stored.place is not None and search.matches(stored)]
        self.count += len(found)
        self.octets += sum(stored.size for stored in found)
        rows = min(search.offset + search.most, MOST_ROWS)
        choose = heapq.nlargest if search.descending else heapq.nsmallest
        key = _ORDERS[search.order]
        self._best = choose(rows, self._best + found, key=lambda stored: (key(stored), stored.key, stored.variant))
        return len(looked_at) == most

    def page(self) -> list[Row]:
        """The rows of the page asked for, as far as the steps have come."""
        return [Row.of(stored) for stored in self._best[self._search.offset :]]
