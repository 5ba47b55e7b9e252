"""So many at a time, the others in the order they came."""

from __future__ import annotations

from collections import deque
from typing import Any


class Turns:
    """Hands out turns. What waits for one is woken with True, and then has it."""

    __slots__ = ("_most", "_queue", "taken")

    def __init__(self, most: int) -> None:
        self._most = most
        self._queue: deque[Any] = deque()
        self.taken = 0
        """Turns that are out."""

    def __len__(self) -> int:
        return len(self._queue)

    def take(self) -> bool:
        """Whether there is a turn at once; then it is taken."""
        if self.taken >= self._most:
            return False
        self.taken += 1
        return True

    def queue(self, waiter: Any) -> None:
        """Wait for a turn."""
        self._queue.append(waiter)

    def leave(self, waiter: Any) -> None:
        """Wait no longer. One that was given a turn meanwhile gives it back."""
        try:
            self._queue.remove(waiter)
        except ValueError:
            self.give_back()

    def give_back(self) -> None:
        """A turn is over: the next one has it."""
        if self._queue:
            self._queue.popleft().set_result(True)
        else:
            self.taken -= 1
