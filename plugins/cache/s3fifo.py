"""S3-FIFO bounded in octets: which stored response has to go when room is needed.

Two queues, oldest first. What is new waits in *small*, a tenth of the limit. What was used there more than once moves
on to *main*, the others leave, and a mark of each is kept for a while by the *ghost*: what comes back meanwhile goes
straight to main. What reaches the head of main goes round once more for each use since the last time, three at most.
So a scan of things that are asked for once only passes through the tenth, and a use costs one addition, since nothing
is moved before room is needed ("FIFO queues are all you need for cache eviction", SOSP 2023).

Everything that changes a queue is in this file. Nothing is called back: who has to leave is returned."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

SMALL_SHARE = 10
"""Small has one part in so many of the limit: the paper's tenth."""
MOST_ROUNDS = 3
"""Uses that count at most: two bits in the paper."""
USES_TO_STAY = 2
"""Uses in small that lead to main, as in the paper. On the traces of `loadtests/store` one, two and three are within a
point of each other."""
PATIENCE = 256
"""Entries spared in search of one to evict, before the next must go whatever its uses. It bounds the pause (some
0.1 ms) when everything was used lately, and then nothing is lost by it."""


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Queued:
    """What can stand in the queues."""

    size: int = 0
    """Octets it takes; while it is queued only `S3Fifo` changes it."""
    uses: int = 0
    """How often it was used: the one thing to count when it is."""
    spent: int = field(default=0, init=False)
    """How many of the uses count no longer."""
    place: Queue[Any] | None = field(default=None, init=False)
    """The queue it stands in. `before` and `after` are there only while it does: they would keep others alive."""
    before: Any = field(init=False)
    after: Any = field(init=False)

    @property
    def freq(self) -> int:
        """Uses that still count, 0 to 3."""
        return min(self.uses - self.spent, MOST_ROUNDS)


T = TypeVar("T", bound=Queued)


class Queue(Generic[T]):
    """A linked list that knows how many octets it holds. Entries leave from anywhere in constant time."""

    __slots__ = ("_ends", "length", "octets")

    def __init__(self) -> None:
        ends = Queued()
        ends.before = ends.after = ends
        self._ends = ends
        self.length = 0
        self.octets = 0

    @property
    def oldest(self) -> T:
        """The head of the queue, which must not be empty."""
        oldest: T = self._ends.after
        return oldest

    def push(self, entry: T) -> None:
        """Put an entry that stands nowhere at the tail."""
        ends = self._ends
        last = ends.before
        entry.before = last
        entry.after = ends
        last.after = ends.before = entry
        entry.place = self
        self.length += 1
        self.octets += entry.size

    def pull(self, entry: T) -> None:
        """Take one of this queue's entries out."""
        before, after = entry.before, entry.after
        before.after = after
        after.before = before
        del entry.before, entry.after
        entry.place = None
        self.length -= 1
        self.octets -= entry.size

    def __iter__(self) -> Iterator[T]:
        """From the oldest on; nothing may change meanwhile."""
        entry = self._ends.after
        while entry is not self._ends:
            yield entry
            entry = entry.after


_LOW = (1 << 32) - 1
_HIGH = _LOW << 32
_LEAST_PLACES = 64


class Ghost:
    """Marks (hashes of 64 bits) of what left small lately, in a table of eight octets for each place.

    A place holds half a mark and the number of its entering, so that old ones run out by themselves. Of two marks that
    want the same place the later one gets it: a quarter of the marks is forgotten too early, and that costs nothing one
    could measure. One look-up in 2^32 is wrong, and then something new begins in main."""

    __slots__ = ("_entered", "_mask", "_table")

    def __init__(self) -> None:
        self._entered = 0
        self._clear(_LEAST_PLACES)

    @property
    def octets(self) -> int:
        """Memory of the table."""
        return 8 * (self._mask + 1)

    def add(self, mark: int) -> None:
        """Remember a mark."""
        self._entered = entered = self._entered + 1 & _LOW
        self._table[mark & self._mask] = mark & _HIGH | entered

    def recalls(self, mark: int, latest: int) -> bool:
        """Whether `mark` is among the `latest` that were added."""
        found = self._table[mark & self._mask]
        return not (found ^ mark) & _HIGH and found != 0 and (self._entered - found & _LOW) < latest

    def fit(self, wanted: int) -> None:
        """Have twice to four times the places for `wanted` marks; a table that does not is replaced by an empty one."""
        if not 2 * wanted <= self._mask + 1 <= max(8 * wanted, _LEAST_PLACES):
            self._clear(max(1 << (2 * wanted).bit_length(), _LEAST_PLACES))

    def _clear(self, places: int) -> None:
        self._mask = places - 1
        self._table = array("Q", bytes(8 * places))


class S3Fifo(Generic[T]):
    """The two queues and the ghost. `used` never exceeds `limit` when a method has returned."""

    __slots__ = ("_ghost", "_main", "_mark_of", "_small", "_small_limit", "limit", "reserved")

    def __init__(self, limit: int, mark_of: Callable[[T], int]) -> None:
        """`mark_of` gives what the ghost remembers an entry by: a hash of what finds it."""
        self._mark_of = mark_of
        self._small: Queue[T] = Queue()
        self._main: Queue[T] = Queue()
        self._ghost = Ghost()
        self.reserved = 0
        """Octets set apart for what belongs to no entry."""
        self.limit = limit
        self._small_limit = limit // SMALL_SHARE

    @property
    def used(self) -> int:
        """Octets of all entries, of the ghost and of what is reserved."""
        return self._small.octets + self._main.octets + self.reserved + self._ghost.octets

    @property
    def capacity(self) -> int:
        """Octets of the largest entry that could be taken in, all others leaving."""
        return self.limit - self.reserved - self._ghost.octets

    def __len__(self) -> int:
        return self._small.length + self._main.length

    def __iter__(self) -> Iterator[T]:
        """Every entry, those in small first; nothing may change meanwhile."""
        yield from self._small
        yield from self._main

    def add(self, entry: T) -> list[T]:
        """Take in an entry no larger than `capacity`; the entries that had to leave for it, oldest first."""
        known = self._ghost.recalls(self._mark_of(entry), self._ghostly())
        entry.spent = entry.uses
        leaving = self._make_room(entry.size)
        (self._main if known else self._small).push(entry)
        return leaving

    def replace(self, old: T, new: T) -> list[T]:
        """Take in `new` for `old`, which leaves: its uses count on, and what had come to main stays there."""
        place = old.place
        new.uses, new.spent = old.uses, old.spent
        self.remove(old)
        leaving = self._make_room(new.size)
        (place or self._small).push(new)
        return leaving

    def remove(self, entry: T) -> None:
        """Take an entry out, if it is in."""
        if entry.place is not None:
            entry.place.pull(entry)

    def grow(self, entry: T, octets: int) -> list[T]:
        """`entry` takes so many octets more (or fewer); the entries that had to leave, maybe itself too."""
        entry.size += octets
        if entry.place is not None:
            entry.place.octets += octets
        return self._make_room(0)

    def reserve(self, octets: int) -> list[T]:
        """Set apart so many octets for what belongs to no entry (an index); the entries that had to leave for it."""
        self.reserved = octets
        return self._make_room(0)

    def lower(self, limit: int, most: int) -> list[T]:
        """Lower the limit to `limit`, or as far as it goes with `most` entries leaving; the entries that left."""
        leaving: list[T] = []
        while self.used > limit and len(self) and len(leaving) < most:
            leaving.append(self._evict())
        self._ghost.fit(self._ghostly())
        self.raise_to(max(limit, self.used) if len(self) else limit)
        return leaving

    def raise_to(self, limit: int) -> None:
        """Set a limit that everything fits."""
        self.limit = limit
        self._small_limit = limit // SMALL_SHARE

    def _ghostly(self) -> int:
        """How many marks to remember: as many as there are entries in the longer queue."""
        return max(self._main.length, self._small.length)

    def _make_room(self, octets: int) -> list[T]:
        leaving: list[T] = []
        small, main = self._small, self._main
        while self.reserved + self._ghost.octets + small.octets + main.octets + octets > self.limit and len(self):
            leaving.append(self._evict())
        return leaving

    def _evict(self) -> T:
        small, main = self._small, self._main
        spared = 0
        while True:
            if small.length and (small.octets > self._small_limit or not main.length):
                entry = small.oldest
                small.pull(entry)
                if entry.uses - entry.spent < USES_TO_STAY or spared >= PATIENCE:
                    break
                entry.spent = entry.uses
            else:
                entry = main.oldest
                main.pull(entry)
                rounds = entry.uses - entry.spent
                if rounds <= 0 or spared >= PATIENCE:
                    return entry
                entry.spent = entry.uses - min(rounds, MOST_ROUNDS) + 1
            main.push(entry)
            spared += 1
        self._ghost.fit(self._ghostly())
        self._ghost.add(self._mark_of(entry))
        return entry
