"""Reads the upstreams of batched connections in rounds, and lets those rest whose batch cannot be full.

Reading is what a message costs once it is written with others: a call of the kernel, and a turn through the loop, for a
hundred octets. What arrives within a round, or while a connection rests, comes with one call. The kernel keeps it
meanwhile, and tells the sender when it is too much.

The sockets are in an edge-triggered poller of our own, so that leaving one unread costs nothing; their transports do
not read. A connection that ends goes back to its transport, which knows how."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import time
from typing import TYPE_CHECKING

from gateway.websocket.feeds import CAN_POLL, descriptor_of

if TYPE_CHECKING:
    from gateway.websocket.leg import Leg

ROUND = 0.002
"""Seconds from one round to the next while there is something to read."""
LEAST_DELAY = 10 * ROUND
"""Seconds that messages may wait for each other, below which a round is too long a time."""
_AT_ONCE = 64 * 1024
"""Octets of one read."""
_MOST = 256
"""Connections that are read before everybody else has a turn."""
_EMPTY = 3
"""Rounds without anything to read, after which the loop watches instead."""
_EVENTS = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET if CAN_POLL else 0
_ENDS = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR if CAN_POLL else 0


class Rounds:
    """The upstreams of a worker that are read so."""

    __slots__ = ("_again", "_buffer", "_empty", "_last", "_legs", "_loop", "_poller", "_resting", "_timer", "_view")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._legs: dict[int, Leg] = {}
        self._poller: select.epoll | None = None
        self._timer: asyncio.TimerHandle | None = None  # None while the loop watches
        self._resting: dict[int, list[Leg]] = {}
        self._again: list[Leg] = []
        self._empty = 0
        self._last = 0.0  # what is ready now has come since
        self._buffer = bytearray(_AT_ONCE)
        self._view = memoryview(self._buffer)

    def __len__(self) -> int:
        return len(self._legs)

    def take(self, leg: Leg) -> bool:
        """Read a connection from now on, unless it is one that only its transport can read."""
        transport = leg.transport
        file = descriptor_of(transport)
        if file is None or transport.is_closing():
            return False
        if self._poller is None:
            self._poller = select.epoll()
            self._watch()
        transport.pause_reading()
        self._poller.register(file, _EVENTS)
        self._legs[file] = leg
        leg.file = file
        leg.is_armed = True
        return True

    def forget(self, leg: Leg) -> None:
        """Leave a connection to its transport."""
        file, leg.file = leg.file, -1
        leg.rounds = None
        leg.is_ready = False
        if self._legs.get(file) is not leg or self._poller is None:
            return
        del self._legs[file]
        with contextlib.suppress(OSError):  # closed, so the kernel has forgotten it
            self._poller.unregister(file)
        if not self._legs:
            self._stop()

    def again(self, leg: Leg) -> None:
        """It may be read again."""
        if leg.is_ready:
            self._again.append(leg)
            self._begin()

    # --- rounds ----------------------------------------------------------------------------------

    def _watch(self) -> None:
        assert self._poller is not None
        self._timer = None
        self._loop.add_reader(self._poller.fileno(), self._wake)

    def _wake(self) -> None:
        """Something came while nothing was expected."""
        self._begin()
        self._last = time.monotonic()
        self._round()

    def _begin(self) -> None:
        if self._timer is None and self._poller is not None:
            self._loop.remove_reader(self._poller.fileno())
            self._empty = 0
            self._timer = self._loop.call_later(ROUND, self._ring)

    def _ring(self) -> None:
        self._timer = self._loop.call_later(ROUND, self._ring)
        self._round()

    def _round(self) -> None:
        poller = self._poller
        if poller is None:
            return
        now = time.monotonic()
        legs = self._legs
        found = poller.poll(0, _MOST)
        for file, events in found:
            leg = legs.get(file)
            if leg is None:
                continue
            if events & _ENDS:
                self._return(leg)
                continue
            leg.is_ready = True
            if leg.rests_until <= now and not leg.is_held:
                self._read(leg, now)
        again, self._again = self._again, []
        for leg in again:
            if leg.is_ready and leg.rests_until <= now and not leg.is_held:
                self._read(leg, now)
        resting = self._resting
        if resting:
            turn = int(now / ROUND) - 1  # all of them are over
            for due in [each for each in resting if each <= turn]:
                for leg in resting.pop(due):
                    if leg.file < 0 or leg.rests_until > now:
                        continue
                    leg.is_ready = True  # nobody was told
                    if not leg.is_held:
                        self._read(leg, now)
        self._last = now
        if found or again or resting or self._again:
            self._empty = 0
            return
        self._empty += 1
        if self._empty >= _EMPTY and self._timer is not None:
            self._timer.cancel()
            if self._poller is not None:
                self._watch()

    def _read(self, leg: Leg, now: float) -> None:
        leg.is_ready = False
        if leg.transport.is_closing():
            return
        try:
            size = os.readv(leg.file, [self._buffer])
        except BlockingIOError:
            self._arm(leg)
            return
        except OSError:
            size = 0
        if not size:
            self._return(leg)
            return
        try:
            leg.take(bytes(self._view[:size]), self._last)
        except Exception as error:
            self._loop.call_exception_handler({"message": "a connection's protocol failed", "exception": error})
            leg.transport.abort()
            return
        if leg.file < 0:
            return
        until = leg.inward.rests_until
        if until > now:
            leg.rests_until = until
            self._resting.setdefault(int(until / ROUND), []).append(leg)
            self._disarm(leg)
            return
        self._arm(leg)
        if size == _AT_ONCE:
            leg.is_ready = True
            self._again.append(leg)

    def _disarm(self, leg: Leg) -> None:
        """Who rests need not be told of: that would cost something for each message after all."""
        if leg.is_armed and self._poller is not None:
            leg.is_armed = False
            self._poller.modify(leg.file, 0)

    def _arm(self, leg: Leg) -> None:
        if not leg.is_armed and self._poller is not None:
            leg.is_armed = True
            self._poller.modify(leg.file, _EVENTS)  # tells of what is there already

    def _return(self, leg: Leg) -> None:
        """It ends, or is broken: its transport will see the same, and knows what to do."""
        self.forget(leg)
        leg.read_on()

    def _stop(self) -> None:
        assert self._poller is not None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        else:
            self._loop.remove_reader(self._poller.fileno())
        self._resting.clear()
        self._again.clear()
        self._poller.close()
        self._poller = None
