"""What must end in time. Instead of a timer for each request, all are looked at now and then."""

from __future__ import annotations

from typing import Generic, TypeVar

from gateway.api import Monotonic

T = TypeVar("T")


class Watch(Generic[T]):
    """Something that must end by a moment."""

    __slots__ = ("expired", "until", "what")

    def __init__(self, until: float, what: T) -> None:
        self.until = until
        self.what = what
        self.expired = False
        """Whether its moment came before its end."""


class Watches(Generic[T]):
    """All that are watched."""

    __slots__ = ("_all", "tick")

    def __init__(self, shortest: float) -> None:
        """`shortest` is the shortest time that is usual, in seconds."""
        self._all: set[Watch[T]] = set()
        self.tick = min(max(shortest / 64, 0.005), 0.125)
        """Seconds between two looks."""

    def __len__(self) -> int:
        return len(self._all)

    def add(self, until: float, what: T) -> Watch[T]:
        """Watch something from now on."""
        watch = Watch(until, what)
        self._all.add(watch)
        return watch

    def forget(self, watch: Watch[T]) -> None:
        """It has ended."""
        self._all.discard(watch)

    def expire(self, now: Monotonic) -> list[Watch[T]]:
        """Those whose moment has come; they are watched no more."""
        due = [watch for watch in self._all if watch.until <= now]
        for watch in due:
            watch.expired = True
            self._all.discard(watch)
        return due
