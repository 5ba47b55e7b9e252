"""Gets, sets and purges of the memory store, counted in CPU time of this process: a core is what they are for."""

import random
import time
from dataclasses import dataclass

from gateway.api import WallTime
from loadtests.store.responses import fields_of, key_of, response
from plugins.cache.purge import Purge
from plugins.cache.selection import ByTag
from plugins.cache.store import MemoryStore

GETS_A_SECOND = 1_000_000
SETS_A_SECOND = 150_000
PURGE_SECONDS = 1.0
STEP_MILLISECONDS = 10.0
_OCTETS = 1024
_NOW = WallTime(784_111_777.0)


@dataclass(frozen=True, slots=True)
class Speed:
    """One figure and the bound it must keep."""

    what: str
    figure: float
    bound: float
    unit: str
    more_is_better: bool = True

    @property
    def is_within(self) -> bool:
        """Whether the figure keeps its bound."""
        return self.figure >= self.bound if self.more_is_better else self.figure <= self.bound


def gets(entries: int, count: int) -> Speed:
    """Find a response and note its use, in random order; each is there."""
    store = _filled(entries)
    keys = random.Random(1).choices([stored.key for stored in store], k=count)
    get = store.get
    start = time.process_time()
    for key in keys:
        found = get(key)
        if found is not None:
            found[0].use(_NOW)
    spent = time.process_time() - start
    return Speed("gets, each noted as a use", count / spent, GETS_A_SECOND, "a second")


def sets(count: int) -> Speed:
    """Make a stored response and put it into a full store, so that another one leaves."""
    store = _filled(count // 4, limit=count // 4 * 4096)
    fields, body = fields_of(0, _OCTETS), bytes(_OCTETS)
    start = time.process_time()
    for number in range(count, 2 * count):
        store.put(response(number, body, fields=fields))
    spent = time.process_time() - start
    return Speed("sets, one eviction each", count / spent, SETS_A_SECOND, "a second")


def purge(entries: int) -> list[Speed]:
    """Purge every response by a tag all have, and the longest that another request had to wait for a step."""
    store = _filled(entries, tags=frozenset([b"all"]))
    start = time.process_time()
    removal = Purge(store, ByTag(b"all"))
    longest, more = 0.0, True
    while more:
        before = time.process_time()
        more = removal.step()
        longest = max(longest, time.process_time() - before)
    spent = time.process_time() - start
    what = f"purge of {removal.count:,} responses by tag"
    return [
        Speed(what, spent, PURGE_SECONDS, "s", more_is_better=False),
        Speed("its longest step", 1000 * longest, STEP_MILLISECONDS, "ms", more_is_better=False),
    ]


def _filled(entries: int, limit: int = 1 << 40, tags: frozenset[bytes] = frozenset()) -> MemoryStore:
    store = MemoryStore(limit)
    fields, body = fields_of(0, _OCTETS), bytes(_OCTETS)
    for number in range(entries):
        store.put(response(number, body, fields=fields, tags=tags))
    assert store.get(key_of(entries - 1)) is not None
    return store
