"""Lets what comes in quick succession leave together, as network cards do with interrupts. For those who ask for it.

A message alone is passed on in the call that brought it. When the same peer sends again within a moment, and the
other has said nothing in between, it is in a burst: from then on its octets wait, and it is left unread, for that
long; what has come meanwhile is one read, and all of it one write. A burst that goes on is looked at once in a
moment. The first moment in which nothing comes ends it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Protocol


class Writer(Protocol):
    """Who has something to write."""

    def flush(self) -> None:
        """Write it, now."""


class Source(Protocol):
    """Where it comes from."""

    transport: asyncio.Transport

    def read_on(self) -> None:
        """Read again, unless something else forbids it."""


class Gathering:
    """The bursts of a worker that wait equally long. One timer serves all of them."""

    __slots__ = ("_line", "_loop", "_timer", "moment")

    def __init__(self, loop: asyncio.AbstractEventLoop, moment: float) -> None:
        self.moment = moment
        """Seconds. A message of a burst waits twice that long at most, give or take the loop's step of a
        millisecond."""
        self._loop = loop
        self._line: deque[tuple[float, Pace]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def hold(self, pace: Pace) -> None:
        """Let `pace` have its turn a moment later."""
        self._line.append((time.monotonic() + self.moment, pace))
        if self._timer is None:
            self._timer = self._loop.call_later(self.moment, self._ring)

    def _ring(self) -> None:
        self._timer = None
        line, until = self._line, time.monotonic() + 0.0005
        while line and line[0][0] <= until:
            line.popleft()[1].turn()
        if line:
            self._timer = self._loop.call_later(max(0.001, line[0][0] - until), self._ring)


_AT_ONCE, _UNREAD, _READING = range(3)
"""Nothing waits; the source is left unread; the source is read again, and then all that has come goes."""


class Pace:
    """When one writer writes what one source brings."""

    __slots__ = ("_gathering", "_is_bursty", "_source", "_state", "_writer")

    def __init__(self, writer: Writer, source: Source, gathering: Gathering) -> None:
        self._writer = writer
        self._source = source
        self._gathering = gathering
        self._is_bursty = False
        self._state = _AT_ONCE

    @property
    def moment(self) -> float:
        """Seconds within which another message makes a burst."""
        return self._gathering.moment

    @property
    def is_unread(self) -> bool:
        """Whether the source is to be left unread for now."""
        return self._state == _UNREAD

    def came(self, is_quick: bool) -> None:
        """More is ready; `is_quick` when it came right behind the last."""
        if self._state == _READING:
            self._writer.flush()
            self._state = _AT_ONCE  # its turn is still to come, and leaves the source unread or ends the burst
            self._is_bursty = True
            self._leave_unread()
        elif self._state == _AT_ONCE:
            if (self._is_bursty or is_quick) and self._leave_unread():
                self._gathering.hold(self)
            else:
                self._writer.flush()

    def _leave_unread(self) -> bool:
        if self._source.transport.is_closing():
            return False
        self._state = _UNREAD
        self._source.transport.pause_reading()
        return True

    def turn(self) -> None:
        """A moment is over."""
        if self._state == _UNREAD:
            self._state = _READING
            self._source.read_on()
            self._gathering.hold(self)
        elif self._state == _READING:  # nothing more had come
            self._state = _AT_ONCE
            self._is_bursty = False
            self._writer.flush()
