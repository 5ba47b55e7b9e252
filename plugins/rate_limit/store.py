"""Where debts are kept. The one in memory answers at once; another may answer later, so its callers look first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol
from weakref import WeakValueDictionary

from gateway.api import Monotonic
from plugins.rate_limit.gcra import Gcra, Standing
from plugins.rate_limit.table import Table


class Bucket:
    """One limit in a store: its rule, and the name by which all workers know it."""

    __slots__ = ("__weakref__", "name", "rule", "table")

    def __init__(self, name: str, rule: Gcra, table: Table) -> None:
        self.name = name
        self.rule = rule
        self.table = table


Charge = tuple[Bucket, bytes, int, bool]
"""What a request takes from one limit: the limit, the key, the cost, and whether it is a dry run."""


class Taken(NamedTuple):
    """What became of a request's charges."""

    standings: list[Standing]
    """One for each charge, in their order."""
    refused: bool
    """Whether one of them did not fit. Then nothing was taken."""
    wait: float
    """Seconds until all that did not fit will."""


class Store(Protocol):
    """Takes charges: all of them or none."""

    def bucket(self, name: str, rule: Gcra, most: int) -> Bucket:
        """The limit of that name, which is kept as long as somebody has it. `most` keys are remembered exactly."""

    def take(self, charges: Sequence[Charge], now: Monotonic) -> Taken | Awaitable[Taken]:
        """Take the charges if they all fit. What a dry run would have refused takes nothing from it."""

    def correct(self, bucket: Bucket, key: bytes, cost: int, now: Monotonic) -> Awaitable[None] | None:
        """Charge more afterwards, or give back (a negative cost)."""

    def peek(self, charges: Sequence[Charge], now: Monotonic) -> Taken | None:
        """What `take` would say, if that can be told without waiting; nothing is taken."""


class MemoryStore:
    """Debts in this worker's memory, and what the other workers should know of them."""

    def __init__(self) -> None:
        self._buckets: WeakValueDictionary[str, Bucket] = WeakValueDictionary()
        self._news: dict[tuple[str, bytes], int] = {}
        self.pending: Callable[[], None] | None = None
        """Called when there is something to tell other workers and there was nothing before; `None` without others."""
        self.most_news = 50_000
        """Keys that may wait to be told. Beyond them, keys that come anew are counted here alone."""

    def bucket(self, name: str, rule: Gcra, most: int) -> Bucket:
        """The limit of that name: debts outlive a reload that leaves name, key and rate as they are."""
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = Bucket(name, rule, Table(most))
        bucket.table.resize(most)
        return bucket

    def take(self, charges: Sequence[Charge], now: Monotonic) -> Taken:
        """Take the charges if they all fit."""
        taken, debts = _judge(charges, now)
        if not taken.refused:
            for (bucket, key, cost, _), standing, paid in zip(charges, taken.standings, debts, strict=True):
                if standing.fits:
                    bucket.table.put(key, paid, now)
                    if self.pending is not None:
                        self._tell(bucket.name, key, cost)
        return taken

    def peek(self, charges: Sequence[Charge], now: Monotonic) -> Taken:
        """What `take` would say."""
        return _judge(charges, now)[0]

    def correct(self, bucket: Bucket, key: bytes, cost: int, now: Monotonic) -> None:
        """Charge more afterwards, or give back."""
        _charge(bucket, key, cost, now)
        if self.pending is not None:
            self._tell(bucket.name, key, cost)

    # --- between workers --------------------------------------------------------------------------

    def _tell(self, name: str, key: bytes, cost: int) -> None:
        news = self._news
        if not news and self.pending is not None:
            self.pending()
        at = name, key
        known = news.get(at)
        if known is not None:
            news[at] = known + cost
        elif len(news) < self.most_news:
            news[at] = cost

    @property
    def has_news(self) -> bool:
        """Whether there is something to tell the other workers."""
        return bool(self._news)

    def news(self, most: int) -> list[tuple[str, str, int]]:
        """What was taken here since the last time, as JSON can carry it: limit, key, cost. At most so many."""
        told: list[tuple[str, str, int]] = []
        while self._news and len(told) < most:
            (name, key), cost = self._news.popitem()
            told.append((name, key.decode("latin-1"), cost))
        return told

    def hear(self, news: Iterable[Sequence[Any]], now: Monotonic) -> None:
        """Charge what other workers let through. Limits that nobody here has are passed over."""
        for name, key, cost in news:
            bucket = self._buckets.get(name)
            if bucket is not None:
                _charge(bucket, key.encode("latin-1"), cost, now)


def _judge(charges: Sequence[Charge], now: Monotonic) -> tuple[Taken, list[float]]:
    standings: list[Standing] = []
    debts: list[float] = []
    wait = 0.0
    refused = False
    for bucket, key, cost, is_dry in charges:
        rule = bucket.rule
        before = bucket.table.get(key)
        after = rule.charge(before, cost, now)
        standing = rule.standing(before, after, now)
        standings.append(standing)
        debts.append(after)
        if not standing.fits and not is_dry:
            refused = True
            wait = max(wait, standing.wait)
    return Taken(standings, refused, wait), debts


def _charge(bucket: Bucket, key: bytes, cost: int, now: Monotonic) -> None:
    """Charge whether it fits or not. A debt never grows beyond twice the burst."""
    rule, table = bucket.rule, bucket.table
    table.put(key, min(rule.charge(table.get(key), cost, now), now + 2 * rule.tolerance), now)
