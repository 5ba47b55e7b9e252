"""One timer for everything that waits, in the place of one for each connection."""

from __future__ import annotations

import asyncio
import itertools
import time
from heapq import heappop, heappush
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
    """Everybody who waits, whoever is due first in front."""

    __slots__ = ("_at", "_line", "_loop", "_numbers", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._line: list[tuple[float, int, Waiting]] = []
        self._numbers = itertools.count()
        self._at = 0.0  # when the timer rings
        self._timer: asyncio.TimerHandle | None = None

    def join(self, waiting: Waiting, due_at: float) -> None:
        """Stand in line."""
        heappush(self._line, (due_at, next(self._numbers), waiting))
        if self._timer is None:
            self._set(due_at)
        elif due_at < self._at:
            self._timer.cancel()
            self._set(due_at)

    def _set(self, at: float) -> None:
        self._at = at
        self._timer = self._loop.call_later(max(0.0, at - time.monotonic() - EARLY), self._ring)

    def _ring(self) -> None:
        self._timer = None
        line = self._line
        now = time.monotonic()
        try:
            while line and line[0][0] <= now + EARLY:
                due_at, _, waiting = heappop(line)
                if waiting.due_at == due_at:
                    waiting.due(now)
        finally:
            while line and line[0][2].due_at != line[0][0]:
                heappop(line)  # served meanwhile: no reason to wake up
            if line and self._timer is None:
                self._set(line[0][0])
