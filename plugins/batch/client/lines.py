"""The source of answers that are sent line by line: lets a slow client slow its batch down, and end it by leaving."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class LineSource:
    """A `BodySource`. `paused` is looked at between two items; `more` is called when that ends, `left` when the client
    has gone."""

    __slots__ = ("_left", "_make_waiter", "_more", "paused")

    def __init__(self, make_waiter: Callable[[], Any], more: Callable[[], None], left: Callable[[], object]) -> None:
        self._make_waiter = make_waiter
        self._more = more
        self._left = left
        self.paused = False
        """Whether the client takes no more for now."""

    def pause(self) -> None:
        """The client takes no more for now."""
        self.paused = True

    def resume(self) -> None:
        """It takes more again."""
        self.paused = False
        self._more()

    def cancel(self) -> None:
        """It has left."""
        self.paused = False
        self._left()
        self._more()

    def waiter(self) -> Any:
        """For those who read the lines instead of sending them on."""
        return self._make_waiter()
