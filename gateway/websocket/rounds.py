"""Reads the upstreams of batched connections in rounds, and lets those rest whose batch cannot be full.

Reading is what a message costs once it is written with others: a call of the kernel, and a turn through the loop, for a
hundred octets. What arrives within a round, or while a connection rests, comes with one call. The kernel keeps it
meanwhile, and tells the sender when it is too much.

The sockets are in a poller of our own, so that leaving one unread costs nothing; their transports do not read. Whoever
is read as something comes is told of edge-triggered, who rests only once, and then not before it was read. A connection
that ends goes back to its transport, which knows how."""

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
_ALWAYS = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET if CAN_POLL else 0
_ONCE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT if CAN_POLL else 0
_ENDS = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR if CAN_POLL else 0


class Rounds:
    """The upstreams of a worker that are read so."""

    __slots__ = (
        "_again",
        "_buffer",
        "_empty",
        "_is_round",
        "_last",
        "_legs",
        "_loop",
        "_poller",
        "_resting",
        "_timer",
        "_view",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._legs: dict[int, Leg] = {}
        self._poller: select.epoll | None = None
        self._is_round = False  # whether a next round is planned; otherwise the loop watches
        self._timer: asyncio.TimerHandle | None = None  # for the next round, or the end of the first rest
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
        self._poller.register(file, _ALWAYS)
        self._legs[file] = leg
        leg.file = file
        leg.armed = _ALWAYS
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

    def hurry(self, leg: Leg) -> None:
        """Take what has come already, and do not let it rest again: its end is near."""
        if leg.file >= 0 and not leg.is_held:
            self._read(leg, time.monotonic())
            if leg.file >= 0:
                leg.rests_until = 0.0
                self._arm(leg, False)

    # --- rounds ----------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Nothing has come for some rounds: the loop tells when something does, or when a rest ends."""
        assert self._poller is not None
        self._is_round = False
        self._timer = None
        if self._resting:
            until = (min(self._resting) + 1) * ROUND
            self._timer = self._loop.call_later(max(0.0, until - time.monotonic()), self._wake)
        self._loop.add_reader(self._poller.fileno(), self._wake)

    def _wake(self) -> None:
        """Something came while nothing was expected, or a rest ends."""
        self._begin()
        self._last = time.monotonic()
        self._round()

    def _begin(self) -> None:
        if not self._is_round and self._poller is not None:
            self._loop.remove_reader(self._poller.fileno())
            if self._timer is not None:
                self._timer.cancel()
            self._is_round = True
            self._empty = 0
            self._timer = self._loop.call_later(ROUND, self._ring)

    def _ring(self) -> None:
        self._timer = self._loop.call_later(ROUND, self._ring)
        self._round()

    def _round(self) -> None:
        poller = self._poller
        if poller is None:
            return
        now, last = time.monotonic(), self._last
        legs = self._legs
        found = poller.poll(0, _MOST)
        for file, events in found:
            leg = legs.get(file)
            if leg is None:
                continue
            if events & _ENDS:
                self._return(leg)
                continue
            if leg.armed == _ONCE:
                leg.armed = 0
            if leg.is_held:
                leg.is_ready = True
            elif not leg.rests_until:  # who rests is read at its end
                box = leg.inward.paced
                until = box.comes(last, now) if box is not None and not leg.sent_close else 0.0
                if until > now:
                    self._rest(leg, until)
                else:
                    self._read(leg, now)
        again, self._again = self._again, []
        for leg in again:
            if leg.is_ready and not leg.rests_until and not leg.is_held:
                self._read(leg, now)
        resting, has_read = self._resting, bool(found or again)
        if resting:
            turn = int(now / ROUND) - 1  # all of them are over
            for due in [each for each in resting if each <= turn]:
                has_read = True
                for leg in resting.pop(due):
                    if 0.0 < leg.rests_until <= now and leg.file >= 0:
                        if leg.is_held:
                            leg.rests_until = 0.0
                            leg.is_ready = True
                        else:
                            self._read(leg, now)
        self._last = now
        if has_read or self._again:
            self._empty = 0
            return
        self._empty += 1
        if self._empty >= _EMPTY and self._timer is not None:
            self._timer.cancel()
            if self._poller is not None:
                self._watch()

    def _read(self, leg: Leg, now: float) -> None:
        rested = leg.rests_until > 0.0
        leg.rests_until = 0.0
        leg.is_ready = False
        if leg.transport.is_closing():
            return
        try:
            size = os.readv(leg.file, [self._buffer])
        except BlockingIOError:
            if rested:
                leg.inward.vain(now)
            self._arm(leg, rested)
            return
        except OSError:
            size = 0
        if not size:
            self._return(leg)
            return
        box = leg.inward.paced  # was told since when there is something
        now = time.monotonic()  # others may have taken their time in this round
        try:
            leg.take(bytes(self._view[:size]), self._last if box is None else now)
        except Exception as error:
            self._loop.call_exception_handler({"message": "a connection's protocol failed", "exception": error})
            leg.transport.abort()
            return
        if leg.file < 0:
            return
        until = box.rests_until if box is not None and not leg.sent_close else 0.0
        if until > now:
            self._rest(leg, until)
            return
        if rested or leg.armed != _ALWAYS:
            self._arm(leg, rested)
        if size == _AT_ONCE:
            leg.is_ready = True
            self._again.append(leg)

    def _rest(self, leg: Leg, until: float) -> None:
        leg.rests_until = until
        due = int(until / ROUND)
        if due in self._resting:
            self._resting[due].append(leg)
        else:
            self._resting[due] = [leg]

    def _arm(self, leg: Leg, rests: bool) -> None:
        """Be told of what comes, and of what is there already. Who usually rests then need be told once: anything else
        would cost something for each message after all."""
        events = _ONCE if rests else _ALWAYS
        if leg.armed != events and self._poller is not None and leg.file >= 0:
            leg.armed = events
            self._poller.modify(leg.file, events)

    def _return(self, leg: Leg) -> None:
        """It ends, or is broken: its transport will see the same, and knows what to do."""
        self.forget(leg)
        leg.read_on()

    def _stop(self) -> None:
        assert self._poller is not None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._is_round:
            self._loop.remove_reader(self._poller.fileno())
        self._is_round = False
        self._resting.clear()
        self._again.clear()
        self._poller.close()
        self._poller = None
