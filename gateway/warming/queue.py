"""Which URL is asked for next: the first one in the list whose upstream may be asked now. No I/O."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from gateway.warming.outcome import Outcome
from gateway.warming.pace import Bucket, Lane, Speed


class Queue:
    """The URLs that are left, by upstream, each upstream with a pace of its own and one rate over all."""

    def __init__(self, speed: Speed) -> None:
        self._speed = speed
        self._bucket = Bucket(speed.rate)
        self.lanes: dict[str, Lane] = {}
        """The pace of each upstream."""
        self._waiting: dict[str, list[int]] = {}
        self._under_way: dict[str, int] = {}
        self.size = 0
        """URLs that wait."""

    def add(self, index: int, upstream: str) -> None:
        """Have the URL at `index` of the list asked for; also once more, after it failed."""
        if upstream not in self.lanes:
            self.lanes[upstream] = Lane(self._speed.concurrency)
            self._waiting[upstream] = []
            self._under_way[upstream] = 0
        heapq.heappush(self._waiting[upstream], index)
        self.size += 1

    def take(self, now: float) -> tuple[int, str] | None:
        """The next URL to ask for, and its upstream; then `finished` has to follow. `None` when none may be now."""
        if self._bucket.wait(now) > 0:
            return None
        found: tuple[int, str] | None = None
        for upstream, waiting in self._waiting.items():
            if waiting and self.lanes[upstream].may_ask(self._under_way[upstream], now):
                candidate = (waiting[0], upstream)
                found = candidate if found is None or candidate < found else found
        if found is not None:
            heapq.heappop(self._waiting[found[1]])
            self._under_way[found[1]] += 1
            self.size -= 1
            self._bucket.take(now)
        return found

    def finished(self, upstream: str) -> None:
        """A request has ended."""
        self._under_way[upstream] -= 1

    def spent(self, now: float, outcome: Outcome) -> None:
        """One more request was made than was taken, and came to the origin if `outcome` says so."""
        if outcome.origin_seconds:
            self._bucket.take(now)

    def give_back(self) -> None:
        """What was taken last did not come to the origin: it was stored already."""
        self._bucket.give_back()

    @property
    def under_way(self) -> int:
        """Requests that have not ended."""
        return sum(self._under_way.values())

    def wait(self, now: float) -> float | None:
        """Seconds after which to look again when nothing ends before; `None` when only an end can help."""
        times = [
            max(self.lanes[upstream].until - now, self._bucket.wait(now))
            for upstream, waiting in self._waiting.items()
            if waiting and self._under_way[upstream] < max(1, int(self.lanes[upstream].allowed))
        ]
        return max(0.0, min(times)) if times else None

    def give_up(self, upstream: str) -> Iterator[int]:
        """The URLs of an upstream that wait, which are out of the queue then."""
        waiting, self._waiting[upstream] = self._waiting[upstream], []
        self.size -= len(waiting)
        yield from waiting
