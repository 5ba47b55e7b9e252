"""One timer for everything that waits equally long.

Whoever begins to wait later is due later, so a line is enough: no heap, and no timer for each connection."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Protocol

EARLY = 0.003
"""Seconds by which what is nearly due goes with what is: timers have steps of a millisecond, and late is worse."""


class Waiting(Protocol):
    """Somebody in the line."""

    due_at: float
    """When, in monotonic seconds. Whoever was served meanwhile has another time here, and is passed over."""

    def due(self, now: float) -> None:
        """The time has come."""


class DueLine:
    """Everybody who waits for the same number of seconds."""

    __slots__ = ("_line", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._line: deque[tuple[float, Waiting]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def join(self, waiting: Waiting, due_at: float) -> None:
        """Stand in line. `due_at` is never earlier than that of those who stand there."""
        self._line.append((due_at, waiting))
        if self._timer is None:
            self._set(due_at - time.monotonic())

    def _set(self, seconds: float) -> None:
        self._timer = self._loop.call_later(max(0.0, seconds - EARLY), self._ring)

    def _ring(self) -> None:
        self._timer = None
        line = self._line
        now = time.monotonic()
        try:
            while line and line[0][0] <= now + EARLY:
                due_at, waiting = line.popleft()
                if waiting.due_at == due_at:
                    waiting.due(now)
        finally:
            while line and line[0][1].due_at != line[0][0]:
                line.popleft()  # served meanwhile: no reason to wake up
            if line:
                self._set(line[0][0] - now)
