"""What waits to be written to Redis: bounded in octets, one thing for each place, the newest. No I/O.

Records are given up when Redis cannot take them: the next answer comes. Removals are kept until they have been done,
for as long as that takes: what is wrong must not be found again when Redis comes back."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.tiers.tier import Entry

Place = tuple[bytes, bytes]
"""The tag of a name, and the digest of a variant."""

MOST_DROPS = 65_536
"""Removals that may wait. With more, nothing from before is believed."""


@dataclass(frozen=True, slots=True)
class Drop:
    """What was there at `when` has to go."""

    when: float


Work = Entry | Drop


class RedisWaiting:
    """The queue. What is under way stands in it still."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """Octets of records that may wait."""
        self.octets = 0
        self.floor = 0.0
        """Records of answers from before this time are not believed."""
        self._work: dict[Place, Work] = {}
        self._under_way: dict[Place, Work] = {}
        self._drops = 0

    def __len__(self) -> int:
        return len(self._work) + len(self._under_way)

    def put(self, place: Place, entry: Entry) -> bool:
        """Have a record written; whether there was room for it. The one that waited in its place will not be."""
        if self.octets + entry.octets > self.limit:
            return False
        self._set(place, entry)
        return True

    def drop(self, place: Place, when: float) -> None:
        """Have what is at a place removed."""
        if self._drops >= MOST_DROPS and not isinstance(self._work.get(place), Drop):
            self.floor = max(self.floor, when)
        else:
            self._set(place, Drop(when))

    def gone(self, place: Place) -> float:
        """Until when what was written there must not be believed; 0.0 when it may be."""
        work = self._work.get(place) or self._under_way.get(place)
        return max(work.when, self.floor) if isinstance(work, Drop) else self.floor

    def _set(self, place: Place, work: Work) -> None:
        self._forget(self._work.pop(place, None))
        self._work[place] = work
        if isinstance(work, Drop):
            self._drops += 1
        else:
            self.octets += work.octets

    def _forget(self, work: Work | None) -> None:
        if isinstance(work, Drop):
            self._drops -= 1
        elif work is not None:
            self.octets -= work.octets
            settle(work, stored=False)

    def batch(self, most: int, octets: int, *, drops_only: bool = False) -> list[tuple[Place, Work]]:
        """What to write next: so many things at most, records of some `octets`, nothing that is under way. It is under
        way from now on."""
        batch: list[tuple[Place, Work]] = []
        for place, work in self._work.items():
            if place in self._under_way or (drops_only and not isinstance(work, Drop)):
                continue
            batch.append((place, work))
            octets -= 0 if isinstance(work, Drop) else work.octets
            if len(batch) >= most or octets <= 0:
                break
        for place, _ in batch:
            self._under_way[place] = self._work.pop(place)
        return batch

    def done(self, place: Place) -> None:
        """It was written, or given up."""
        work = self._under_way.pop(place)
        if isinstance(work, Drop):
            self._drops -= 1
        else:
            self.octets -= work.octets

    def again(self, place: Place) -> None:
        """A removal could not be done: it waits on, unless something newer does."""
        work = self._under_way.pop(place)
        if place in self._work:
            self._drops -= 1
        else:
            self._work[place] = work

    def give_up(self) -> None:
        """Let go of all records that wait."""
        for place in [place for place, work in self._work.items() if not isinstance(work, Drop)]:
            self._forget(self._work.pop(place))


def settle(entry: Entry, *, stored: bool) -> None:
    """Tell the lease under which a record was fetched what became of it."""
    if entry.lease is not None:
        entry.lease.written(stored=stored)
