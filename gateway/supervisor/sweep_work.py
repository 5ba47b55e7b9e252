"""The work of one sweep: what workers hold, laid together, in order, and handed out in batches. No I/O, no clock.

What several workers hold of one answer is asked about once: one of them asks, and tells the others when it is
confirmed. When it has changed, the others are sent to look as well: they find the new answer in a tier, or fetch it."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from heapq import nlargest
from math import inf
from typing import Any

from gateway.config.sweeps import Order

SPARE = 10_000
MOST_FAILURES = 20
"""Failures of a sweep that are named in its report."""

Row = Sequence[Any]
"""Number, identity, route, when confirmed, until when fresh, uses, seconds of the origin, octets."""


class Item:
    """One stored response, in one worker or several."""

    __slots__ = ("holders", "octets", "route", "urgency")

    def __init__(self, route: str, octets: int) -> None:
        self.route = route
        self.octets = octets
        self.holders: dict[str, int] = {}
        """The numbers that workers have for it."""
        self.urgency = 0.0
        """The most urgent first."""


_URGENCIES: dict[Order, Callable[[Row], float]] = {
    Order.SAVES: lambda row: float(row[5] * row[6]),
    Order.USES: lambda row: float(row[5]),
    Order.EXPIRY: lambda row: -float(row[4]),
    Order.AGE: lambda row: -float(row[3]),
}


class Batch:
    """Some items of one route, for one worker."""

    __slots__ = ("items", "route", "worker")

    def __init__(self, worker: str, route: str, items: list[Item]) -> None:
        self.worker = worker
        self.route = route
        self.items = items

    @property
    def numbers(self) -> list[int]:
        """What the worker calls them."""
        return [item.holders[self.worker] for item in self.items]


class Work:
    """Everything that is to be asked about in one sweep, and what became of it."""

    def __init__(self, order: Order, most: int) -> None:
        self._urgency = _URGENCIES[order]
        self._most = most
        self._items: dict[str, Item] = {}
        self._queues: dict[tuple[str, str], deque[Item]] = {}
        self._rests: dict[str, float] = {}
        self._gone: set[str] = set()
        self.counts: Counter[str] = Counter()
        """How many ended how; `lost` with their worker or their route."""
        self.figures = {"octets_saved": 0, "octets_fetched": 0, "origin_seconds": 0.0}
        self.failures: list[dict[str, str]] = []
        self.total = 0
        """What was to be asked about: one for each answer, and one for each further worker that held what changed."""
        self.held = 0
        """Stored responses that were found, in all workers."""
        self.left_out = 0
        """Answers beyond the most that a sweep may have; some of them maybe once for each worker that has them."""
        self.unconfirmable = 0

    def add(self, worker: str, rows: Iterable[Row]) -> None:
        """What a worker holds."""
        for row in rows:
            number, identity, route, _, _, _, _, octets = row
            item = self._items.get(identity)
            if item is None:
                item = self._items[identity] = Item(route, octets)
                item.urgency = -inf
            item.holders[worker] = number
            item.urgency = max(item.urgency, self._urgency(row))
            self.held += 1
        if len(self._items) > 2 * self._most + SPARE:
            self._keep_most()

    def _keep_most(self) -> None:
        """Let go of the least urgent while there is more to come: what is held here is bounded."""
        best = nlargest(self._most, self._items.items(), key=lambda pair: pair[1].urgency)
        self.left_out += len(self._items) - len(best)
        self._items = dict(best)

    def arrange(self) -> None:
        """Everything has been found: put it in order, and share it out."""
        items = sorted(self._items.values(), key=lambda item: item.urgency, reverse=True)
        self._items = {}
        self.left_out += max(0, len(items) - self._most)
        self.total = min(len(items), self._most)
        shares: Counter[str] = Counter()
        for item in items[: self._most]:
            worker = min(item.holders, key=lambda name: (shares[name], name))
            shares[worker] += 1
            self._queue(worker, item.route).append(item)

    def _queue(self, worker: str, route: str) -> deque[Item]:
        return self._queues.setdefault((worker, route), deque())

    @property
    def waiting(self) -> int:
        """What still has to be asked about, but for what is under way."""
        return sum(map(len, self._queues.values()))

    @property
    def done(self) -> int:
        """What has been asked about, or needs no question any more."""
        return sum(self.counts.values())

    def next(self, worker: str, most: int, now: float) -> Batch | None:
        """The next batch for a worker: from the route with the most urgent item, of those that may be asked."""
        best: tuple[float, str] | None = None
        for (name, route), queue in self._queues.items():
            if name == worker and queue and self._rests.get(route, 0.0) <= now:
                best = max(best or (-inf, ""), (queue[0].urgency, route))
        if best is None:
            return None
        queue = self._queues[worker, best[1]]
        return Batch(worker, best[1], [queue.popleft() for _ in range(min(most, len(queue)))])

    def resting(self, now: float) -> dict[str, float]:
        """Routes whose origin is left alone now, and for how many more seconds."""
        return {route: round(until - now, 1) for route, until in self._rests.items() if until > now}

    def settle(self, batch: Batch, result: dict[str, Any], now: float) -> int:
        """Take in what a worker says about a batch; how many were asked about."""
        before = self.done
        by_number = {item.holders[batch.worker]: item for item in batch.items}
        self.counts.update(result["counts"])
        for name in self.figures:
            self.figures[name] += result[name]
        self.failures += result["failures"][: MOST_FAILURES - len(self.failures)]
        left = [by_number[number] for number in result["left"] if number in by_number]
        self._queue(batch.worker, batch.route).extendleft(reversed(left))
        if result["rest"] is not None:
            self._rests[batch.route] = max(self._rests.get(batch.route, 0.0), now + result["rest"])
        for number in result["changed"]:
            item = by_number.get(number)
            if item is not None:
                self._ask_others(item, batch.worker)
        return self.done - before

    def _ask_others(self, item: Item, asked: str) -> None:
        """What one worker found changed, the others hold as it was."""
        for worker, number in item.holders.items():
            if worker != asked and worker not in self._gone:
                other = Item(item.route, item.octets)
                other.urgency = item.urgency
                other.holders = {worker: number}
                self._queue(worker, item.route).appendleft(other)
                self.total += 1

    def lose_batch(self, batch: Batch) -> None:
        """Nobody knows what became of it."""
        self.counts["lost"] += len(batch.items)

    def lose(self, worker: str, batch: Batch | None = None) -> None:
        """A worker is gone, with what it held; what others hold too, they are asked for."""
        self._gone.add(worker)
        items = [] if batch is None else list(batch.items)
        for (name, _), queue in self._queues.items():
            if name == worker:
                items += queue
                queue.clear()
        self._hand_over(items, worker)

    def lose_route(self, batch: Batch) -> None:
        """A worker has that route no more."""
        queue = self._queue(batch.worker, batch.route)
        self._hand_over([*batch.items, *queue], batch.worker)
        queue.clear()

    def _hand_over(self, items: Iterable[Item], worker: str) -> None:
        for item in items:
            item.holders.pop(worker, None)
            others = item.holders.keys() - self._gone
            if others:
                self._queue(min(others), item.route).append(item)
            else:
                self.counts["lost"] += 1
