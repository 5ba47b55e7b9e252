"""Time-outs without a timer each: connections carry their deadline, and one sweep looks at all of them.

A timer for each request costs a microsecond on the road; an attribute costs nothing. The sweep runs often
enough that a time-out is late by at most a quarter of the shortest one, and never early."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any, Protocol

import structlog

NEVER = math.inf
LONGEST_PAUSE = 0.5
SHORTEST_PAUSE = 0.01


class Deadlined(Protocol):
    """Something with a deadline. `deadline` is monotonic seconds, NEVER when nothing is waited for."""

    deadline: float

    def expire(self, now: float) -> None:
        """The deadline has passed. Must move it on, or leave the sweep."""


class Deadlines:
    """The sweep over everything that may time out."""

    __slots__ = ("_handle", "_log", "_loop", "_members", "at_each_sweep", "latest", "pause")

    def __init__(self, loop: asyncio.AbstractEventLoop, log: Any = None) -> None:
        self._loop = loop
        self._log = log or structlog.get_logger()
        self._members: set[Deadlined] = set()
        self._handle: asyncio.TimerHandle | None = None
        self.at_each_sweep: list[Callable[[], None]] = []
        """What else is worth a look now and then: gauges that would cost the road if it kept them itself."""
        self.latest = time.monotonic() + LONGEST_PAUSE
        """A time that is not yet past, for deadlines that may come a sweep late but never early."""
        self.pause = LONGEST_PAUSE
        """Seconds between two sweeps."""

    def watch(self, member: Deadlined) -> None:
        """Look at `member` from now on."""
        self._members.add(member)

    def forget(self, member: Deadlined) -> None:
        """Look no more; unknown members are ignored."""
        self._members.discard(member)

    def adapt(self, shortest: float) -> None:
        """Sweep often enough for a time-out of `shortest` seconds."""
        self.pause = min(LONGEST_PAUSE, max(SHORTEST_PAUSE, shortest / 4))

    def start(self) -> None:
        """Begin to sweep."""
        if self._handle is None:
            self._handle = self._loop.call_later(self.pause, self._sweep)

    def close(self) -> None:
        """Sweep no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _sweep(self) -> None:
        now = time.monotonic()
        self.latest = now + 2 * self.pause
        for look in list(self.at_each_sweep):
            try:
                look()
            except Exception:
                self._log.exception("a look at each sweep failed")
        for member in [member for member in self._members if member.deadline <= now]:
            if member not in self._members:
                continue  # another one's end was its end too
            try:
                member.expire(now)
            except Exception:
                self._log.exception("a time-out could not be carried out")
                self.forget(member)
        if self._handle is not None:
            self._handle = self._loop.call_later(self.pause, self._sweep)
