"""Who waits for company, how long, and who leaves together. Everything about the window is in this file.

A request that could share nothing goes at once. While a call of its partition is under way those that come gather, and
leave together when there are enough of them or when the window closes. The window is long where waiting pays: it
doubles with each gathering that brought two together, up to its limit, and halves with each that did not."""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

W = TypeVar("W")

SHORTEST = 16
"""The window is never less than its limit divided by this, so that it can find out that the load has grown."""
FIRST = 4
"""It begins at its limit divided by this."""


class Gathering(Generic[W]):
    """Those who leave together."""

    __slots__ = ("due", "has_left", "octets", "partition", "slots")

    def __init__(self, partition: Hashable, due: float) -> None:
        self.partition = partition
        self.due = due
        self.octets = 0
        self.has_left = False
        """Whether it waits for nobody any more."""
        self.slots: dict[str, list[W]] = {}
        """Ids in the order they were asked for, and who waits for each."""

    @property
    def waiters(self) -> int:
        """How many wait."""
        return sum(map(len, self.slots.values()))


class Gatherer(Generic[W]):
    """The gatherings of one rule. Times are monotonic seconds."""

    __slots__ = ("_due", "_limit", "_most", "_most_octets", "_number", "_open", "_under_way", "window")

    def __init__(self, most: int, limit: float, most_octets: int) -> None:
        self._most = most
        self._limit = limit
        self._most_octets = most_octets
        self._open: dict[Hashable, Gathering[W]] = {}
        self._under_way: dict[Hashable, int] = {}
        self._due: list[tuple[float, int, Gathering[W]]] = []
        self._number = 0
        self.window = limit / FIRST
        """Seconds that a request waits for company now."""

    def __len__(self) -> int:
        """Partitions of which something waits or is under way."""
        return len(self._open.keys() | self._under_way.keys())

    def gathering(self) -> Iterable[Gathering[W]]:
        """Those who wait for company now."""
        return self._open.values()

    def is_idle(self, partition: Hashable) -> bool:
        """Whether there is nothing to share: no call under way, nobody waiting."""
        return partition not in self._under_way and partition not in self._open

    def begin(self, partition: Hashable) -> None:
        """A call of that partition is under way."""
        self._under_way[partition] = self._under_way.get(partition, 0) + 1

    def ended(self, partition: Hashable) -> None:
        """It is no more."""
        left = self._under_way[partition] - 1
        if left:
            self._under_way[partition] = left
        else:
            del self._under_way[partition]

    def add(
        self, partition: Hashable, wanted: str, waiter: W, octets: int, now: float
    ) -> tuple[Gathering[W], list[Gathering[W]]]:
        """Let `waiter` wait for company; with whom, and who leaves now because there is no more room.

        `octets` is what the id takes in the bulk target. Whoever leaves is a call under way, until `ended`."""
        leaving: list[Gathering[W]] = []
        gathering = self._open.get(partition)
        if gathering is not None and wanted not in gathering.slots and gathering.octets + octets > self._most_octets:
            leaving.append(self._leave(gathering))
            gathering = None
        if gathering is None:
            gathering = self._open[partition] = Gathering(partition, now + self.window)
            self._number += 1
            heapq.heappush(self._due, (gathering.due, self._number, gathering))
        slot = gathering.slots.get(wanted)
        if slot is not None:
            slot.append(waiter)
        else:
            gathering.slots[wanted] = [waiter]
            gathering.octets += octets
            if len(gathering.slots) >= self._most:
                leaving.append(self._leave(gathering))
        return gathering, leaving

    @property
    def due_at(self) -> float:
        """When to call `take`; infinite while nobody waits."""
        due = self._due
        while due and due[0][2].has_left:
            heapq.heappop(due)
        return due[0][0] if due else math.inf

    def take(self, now: float) -> list[Gathering[W]]:
        """Those whose window has closed. They are calls under way, until `ended`."""
        leaving: list[Gathering[W]] = []
        while (due := self.due_at) <= now and due < math.inf:
            leaving.append(self._leave(heapq.heappop(self._due)[2]))
        return leaving

    def withdraw(self, gathering: Gathering[W], wanted: str, waiter: W) -> bool:
        """`waiter` wants nothing any more; whether that leaves nobody in its gathering. Strangers are ignored."""
        slot = gathering.slots.get(wanted, [])
        if waiter in slot:
            slot.remove(waiter)
            if not slot and not gathering.has_left:
                del gathering.slots[wanted]
        if gathering.waiters:
            return False
        if not gathering.has_left:
            gathering.has_left = True
            del self._open[gathering.partition]
        return True

    def _leave(self, gathering: Gathering[W]) -> Gathering[W]:
        gathering.has_left = True
        del self._open[gathering.partition]
        self.begin(gathering.partition)
        if gathering.waiters > 1:
            self.window = min(self._limit, self.window * 2)
        else:
            self.window = max(self._limit / SHORTEST, self.window / 2)
        return gathering
