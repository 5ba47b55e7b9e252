"""Ways to evict, as the smallest thing that can be asked: was it there?"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from plugins.cache.s3fifo import Queued, S3Fifo


class Policy(Protocol):
    """A cache without content, bounded in octets."""

    def ask(self, thing: int, size: int) -> bool:
        """Whether it is there; if not, it is afterwards."""


class Lru:
    """What was not used for longest goes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._sizes: OrderedDict[int, int] = OrderedDict()

    def ask(self, thing: int, size: int) -> bool:
        """Whether it is there; if not, it is afterwards."""
        sizes = self._sizes
        if thing in sizes:
            sizes.move_to_end(thing)
            return True
        if size <= self._limit:
            self._used += size
            sizes[thing] = size
            while self._used > self._limit:
                _, freed = sizes.popitem(last=False)
                self._used -= freed
        return False


class _Thing(Queued):
    """Something in the queues."""

    __slots__ = ("mark", "number")

    def __init__(self, number: int, size: int) -> None:
        super().__init__(size=size)
        self.number = number
        self.mark = hash((number, "thing"))


class S3:
    """The store's own policy."""

    def __init__(self, limit: int) -> None:
        self._queues: S3Fifo[_Thing] = S3Fifo(limit, lambda thing: thing.mark)
        self._things: dict[int, _Thing] = {}

    def ask(self, thing: int, size: int) -> bool:
        """Whether it is there; if not, it is afterwards."""
        found = self._things.get(thing)
        if found is not None:
            found.uses += 1
            return True
        if size <= self._queues.capacity:
            new = self._things[thing] = _Thing(thing, size)
            for gone in self._queues.add(new):
                del self._things[gone.number]
        return False


POLICIES: dict[str, Callable[[int], Policy]] = {"S3-FIFO": S3, "LRU": Lru}
