"""Sides of tunnels that speak and speak while the other is silent: they are read in rounds, so that what they say
within a round is one read and one write.

A feed is in a poller of our own, edge-triggered, so a connection that is left unread until the next round costs no
call. After quiet the first octets go at once, and rounds go on for as long as there is something to read. Whoever is
answered, says much at once, ends, breaks, or speaks to somebody who takes no more is no feed: the transport reads it
then, as it does all others."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.websocket.tunnel import TunnelSide

READS_IN_A_ROW = 4
"""Reads of one side, none of the other between them, that make a feed."""
QUIET = 1.0
"""Seconds of silence after which a side is no feed any more."""
MUCH = 64 * 1024
"""Octets of one read. Whoever fills it needs no company: rounds would only slow it down."""
REST = 100
"""Reads before such a side may be a feed again."""
SIDES_AT_ONCE = 128
"""Sides that are read before others have their turn on the loop."""
CAN_POLL = hasattr(select, "epoll")
_BROKEN = 0 if not CAN_POLL else select.EPOLLERR | select.EPOLLHUP | select.EPOLLRDHUP


def descriptor_of(transport: asyncio.Transport) -> int | None:
    """The file descriptor behind a transport, if its octets are those of the tunnel: `None` with TLS."""
    if not CAN_POLL or transport.get_extra_info("sslcontext") is not None:
        return None
    connection = transport.get_extra_info("socket")
    return None if connection is None or connection.fileno() < 0 else int(connection.fileno())


class Feeds:
    """The feeds of a worker that wait equally long."""

    __slots__ = ("_is_round", "_left", "_loop", "_poller", "_seconds", "_sides", "_swept")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._sides: dict[int, TunnelSide] = {}
        self._poller: select.epoll | None = None
        self._is_round = False
        """Whether a next round is planned; otherwise the loop tells when there is something to read."""
        self._left = 0
        """Sides that this round may still read. Where there are many, the first have more to say before the last were
        read: without an end to it there would be no rounds, and nothing would be joined."""
        self._swept = 0.0

    def __len__(self) -> int:
        return len(self._sides)

    def join(self, side: TunnelSide) -> None:
        """Read this side from now on. Its descriptor is that of an open transport."""
        if side.descriptor is None:
            return
        poller = self._poller
        if poller is None:
            poller = self._poller = select.epoll()
            self._loop.add_reader(poller.fileno(), self._wake)
        side.transport.pause_reading()
        side.is_feed = True
        self._sides[side.descriptor] = side
        poller.register(side.descriptor, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET)

    def leave(self, side: TunnelSide) -> None:
        """The transport reads this side again, if anybody. Before the descriptor is closed, for it may come again."""
        if side.is_feed and side.descriptor is not None and self._poller is not None:
            side.is_feed = False
            side.reads = 0
            if self._sides.pop(side.descriptor, None) is side:
                with contextlib.suppress(OSError):
                    self._poller.unregister(side.descriptor)
            side.read_on()

    def hurry(self, side: TunnelSide) -> None:
        """Pass on what has come already: there will be no further round for this side."""
        if side.is_feed:
            self._read(side, 0, time.monotonic())

    def _wake(self) -> None:
        """Something came after quiet. No further word until the rounds are over."""
        if self._poller is not None and not self._is_round:
            self._is_round = True
            self._loop.remove_reader(self._poller.fileno())
            self._begin()

    def _begin(self) -> None:
        self._left = max(1, len(self._sides))
        self._round()

    def _round(self) -> None:
        poller = self._poller
        if poller is None:
            return
        found = poller.poll(0, min(SIDES_AT_ONCE, self._left))
        self._left -= len(found)
        now = time.monotonic()
        try:
            for descriptor, events in found:
                side = self._sides.get(descriptor)
                if side is not None:
                    self._read(side, events, now)
            if now - self._swept >= QUIET:
                self._sweep(now)
        finally:
            if len(found) == SIDES_AT_ONCE and self._left > 0:
                self._loop.call_soon(self._round)
            elif found:
                self._loop.call_later(self._seconds, self._begin)
            else:
                self._is_round = False
                self._loop.add_reader(poller.fileno(), self._wake)

    def _read(self, side: TunnelSide, events: int, now: float) -> None:
        """Pass on what has come. Whatever is unusual is left to the transport."""
        if events & _BROKEN or side.transport.is_closing():
            self.leave(side)
            return
        assert side.descriptor is not None
        try:
            data = os.read(side.descriptor, MUCH)
        except BlockingIOError:
            return
        except OSError:
            self.leave(side)
            side.transport.abort()  # the kernel tells of an error once
            return
        if data:
            side.active = now
            side.octets += len(data)
            side.other.take(data)
        if not data:
            self.leave(side)
        elif len(data) == MUCH:
            self.leave(side)
            side.reads = -REST

    def _sweep(self, now: float) -> None:
        """Who was silent for long is passed on at once when it speaks again."""
        self._swept = now
        for side in list(self._sides.values()):
            if now - side.active >= QUIET:
                self.leave(side)
