"""What waits to be written to a tier: bounded in octets, one thing for each place, the newest.

Filled by the loop, emptied by a thread. What is being written counts as waiting until it has been."""

from __future__ import annotations

import math
from collections.abc import Mapping
from threading import Condition
from typing import Any

from gateway.tiers.tier import Entry, PurgeOrder

Work = Entry | None
"""What is to be at a place: a record, or nothing."""

MOST_DROPS = 65_536
"""Removals and purges that may wait. With more the tier has to be emptied instead."""
MOST_USES = 65_536
"""Records whose uses may wait; uses of further ones are not counted."""


class Waiting:
    """The queue. Its methods take a lock for a moment, none waits for the thread's work."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """Octets of records that may wait. May be changed."""
        self.octets = 0
        self.work: dict[bytes, Work] = {}
        """Place → what is to be there. The loop looks here before it believes the tier."""
        self.uses: dict[bytes, int] = {}
        self.purges: list[tuple[PurgeOrder, Any]] = []
        """Purges that are not in the tier yet, each with whom to tell."""
        self.overflows = 0
        """How often too much had to be removed at once, so that everything has to go."""
        self.emptied = 0
        """How many of those times are over."""
        self.ended = 0
        """How many batches have ended. Whoever looked into the tier looks again if that has changed meanwhile: what he
        did not see there yet does not wait here any more."""
        self._closing = False
        self._enough: float = math.inf
        """Octets of records at which the thread wants to be woken: to wake it costs both sides more than a record."""
        self._news = Condition()

    def put(self, place: bytes, entry: Entry) -> bool:
        """Have `entry` written; whether there was room for it."""
        with self._news:
            if self.octets + entry.octets > self.limit:
                return False
            self._set(place, entry)
            return True

    def drop(self, place: bytes) -> None:
        """Have what is at `place` removed."""
        with self._news:
            if place not in self.work and len(self.work) >= MOST_DROPS:
                self.overflows += 1  # and what is under way is not found until everything is gone
            else:
                self._set(place, None)

    def use(self, places: Mapping[bytes, int]) -> None:
        """Have uses counted, some time: how many there were of each place."""
        with self._news:
            known = self.uses
            for place, uses in places.items():
                if place in known or len(known) < MOST_USES:
                    known[place] = known.get(place, 0) + uses

    def purge(self, order: PurgeOrder, tell: Any) -> bool:
        """Have a purge noted; False when there are too many: then everything has to go."""
        with self._news:
            if len(self.purges) >= MOST_DROPS:
                self.overflows += 1
                return False
            self.purges.append((order, tell))
            self._news.notify()
            return True

    def _set(self, place: bytes, work: Work) -> None:
        before = self.work.pop(place, None)
        if before is not None:
            self.octets -= before.octets
        self.work[place] = work
        if work is not None:
            self.octets += work.octets
        if self.octets >= self._enough:
            self._news.notify()

    # ---- the thread's side -------------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> bool:
        """Wait until there is something to do, at most so long; False when it is the last time."""
        with self._news:
            if not self._closing and self.is_empty:
                self._wait(0, seconds)
            return not self._closing

    def gather(self, seconds: float, octets: int) -> None:
        """Let more come together, for at most so long or until it is so much. Not when a purge waits."""
        with self._news:
            if not self._closing and not self.purges and self.octets < octets:
                self._wait(octets, seconds)

    def _wait(self, enough: float, seconds: float) -> None:
        self._enough = enough
        try:
            self._news.wait(seconds)
        finally:
            self._enough = math.inf

    def batch(self, octets: int) -> tuple[list[tuple[bytes, Work]], list[tuple[PurgeOrder, Any]], dict[bytes, int]]:
        """What to write next, records of some `octets`. It waits until `done`."""
        with self._news:
            batch: list[tuple[bytes, Work]] = []
            for place, work in self.work.items():
                batch.append((place, work))
                octets -= 0 if work is None else work.octets
                if octets <= 0:
                    break
            uses, self.uses = self.uses, {}
            return batch, list(self.purges), uses

    def done(self, batch: list[tuple[bytes, Work]], purges: int) -> None:
        """A batch was written, or given up; the first `purges` purges too."""
        with self._news:
            self.ended += 1  # first: see there
            for place, work in batch:
                if place in self.work and self.work[place] is work:
                    del self.work[place]
                    self.octets -= 0 if work is None else work.octets
            del self.purges[:purges]

    def give_up(self, batch: list[tuple[bytes, Work]]) -> None:
        """A batch could not be written. What is older at its places must go: it is out of date."""
        with self._news:
            for place, work in batch:
                if work is not None and self.work.get(place) is work:
                    self.octets -= work.octets
                    self.work[place] = None

    @property
    def is_overflowed(self) -> bool:
        """Whether everything has to go."""
        return self.emptied != self.overflows

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self.work and not self.purges

    def close(self) -> None:
        """Wake the thread for the last time."""
        with self._news:
            self._closing = True
            self._news.notify()
