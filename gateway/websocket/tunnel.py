"""A tunnel of octets between two upgraded connections (RFC 9110 §7.8).

What comes is passed on in the same call: what one read brings leaves in one write. Each side's back-pressure pauses
the other, and a half-closed side half-closes the other. Where that is asked for, a side that keeps on speaking is read
in rounds (`feeds`)."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.chain.deadlines import NEVER
from gateway.websocket.feeds import MUCH, QUIET, READS_IN_A_ROW, REST, Feeds, descriptor_of
from gateway.websocket.terms import FrameTerms, TunnelTerms

if TYPE_CHECKING:
    from gateway.websocket.connections import Origins

_LAST_SECONDS = 30.0
"""How long a side may take for what waits when the other is gone."""


@dataclass(slots=True)
class UpgradedUpstream:
    """The upstream's side after its 101: the transport, what came behind the head, and whom to tell at the end."""

    transport: asyncio.Transport
    received: bytes
    ended: Callable[[], None]
    terms: TunnelTerms | FrameTerms | None = None
    """How to go on; a tunnel unless a plugin says otherwise."""

    def abort(self) -> None:
        """Nobody wants the tunnel."""
        self.transport.abort()
        self.ended()


class TunnelSide(asyncio.Protocol):
    """One of the two connections."""

    __slots__ = (
        "active",
        "descriptor",
        "feeds",
        "has_ended",
        "is_feed",
        "is_held",
        "octets",
        "on_lost",
        "other",
        "reads",
        "transport",
    )

    def __init__(self, transport: asyncio.Transport, now: float, feeds: Feeds | None = None) -> None:
        self.transport = transport
        self.other: TunnelSide = self
        self.active = now
        """When it sent something last."""
        self.has_ended = False
        """Whether this side sends no more."""
        self.is_held = False
        """Whether it is not read since the other takes no more."""
        self.octets = 0
        """Octets it has sent."""
        self.feeds = feeds
        """Where it may become a feed."""
        self.descriptor = descriptor_of(transport) if feeds is not None else None
        self.is_feed = False
        """Whether it is read in rounds, and not by its transport."""
        self.reads = 0
        """Times it has spoken since the other did, or since it was silent for long."""
        self.on_lost: Callable[[], None] = lambda: None

    def data_received(self, data: bytes) -> None:
        """Octets of this side go to the other."""
        now = time.monotonic()
        self.octets += len(data)
        transport = self.other.transport
        if not transport.is_closing():
            transport.write(data)
        if self.feeds is not None:
            self._count(self.feeds, len(data), now)
        self.active = now

    def _count(self, feeds: Feeds, octets: int, now: float) -> None:
        """See whether this side has become a feed, and the other is none any more."""
        other = self.other
        other.reads = 0
        if other.is_feed:
            feeds.leave(other)
        if octets >= MUCH:
            self.reads = -REST
            return
        self.reads = self.reads + 1 if now - self.active < QUIET else 1
        if self.reads >= READS_IN_A_ROW and not self.is_held and not self.transport.is_closing():
            feeds.join(self)

    def take(self, data: bytes) -> None:
        """Octets of the other side, past the transport as far as nothing waits there."""
        transport = self.transport
        if transport.is_closing():
            return
        if self.descriptor is not None and not transport.get_write_buffer_size():
            try:
                sent = os.write(self.descriptor, data)
            except OSError:
                sent = 0  # full, or gone: the transport finds out which
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(data)

    def read_on(self) -> None:
        """Let this side send, unless the other takes nothing."""
        if not self.is_held and not self.is_feed and not self.transport.is_closing():
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        """This side takes no more: read no more from the other."""
        other = self.other
        other.is_held = True
        other.leave_feeds()
        if not other.transport.is_closing():
            other.transport.pause_reading()

    def resume_writing(self) -> None:
        """This side takes more again."""
        self.other.is_held = False
        self.other.read_on()

    def leave_feeds(self) -> None:
        """Be read by the transport, if by anybody."""
        if self.is_feed and self.feeds is not None:
            self.feeds.leave(self)

    def eof_received(self) -> bool:
        """This side sends no more; it may still receive."""
        self.has_ended = True
        other = self.other
        if other.has_ended or not other.transport.can_write_eof() or other.transport.is_closing():
            other.transport.close()
            return False
        other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """This side is gone: the other gets what waits for it, and then goes too."""
        self.leave_feeds()
        other = self.other
        if not other.transport.is_closing():
            other.transport.close()
        other.leave_feeds()
        self.on_lost()


class Tunnel:
    """Both sides, with one idle time-out."""

    __slots__ = ("_closing", "_downstream", "_ended", "_idle", "_lost", "_upstream", "deadline", "origins")

    def __init__(
        self,
        downstream: asyncio.Transport,
        upstream: asyncio.Transport,
        origins: Origins,
        idle_timeout: float,
        ended: Callable[[], None],
        feeds: Feeds | None = None,
    ) -> None:
        now = time.monotonic()
        self.origins = origins
        self._idle = idle_timeout
        self._lost = 0
        self._closing = False
        self._ended = ended
        self._downstream = near = TunnelSide(downstream, now, feeds)
        self._upstream = far = TunnelSide(upstream, now, feeds)
        near.other, far.other = far, near
        near.on_lost = far.on_lost = self._side_lost
        self.deadline = now + idle_timeout

    def begin(self, from_downstream: bytes, from_upstream: bytes) -> None:
        """Let octets pass; first those that had come behind the heads."""
        near, far = self._downstream, self._upstream
        near.transport.set_protocol(near)
        far.transport.set_protocol(far)
        if from_upstream:
            far.data_received(from_upstream)
        if from_downstream:
            near.data_received(from_downstream)
        near.read_on()
        far.read_on()

    @property
    def mode(self) -> str:
        """One word for lists and metrics."""
        return "tunnel"

    @property
    def queued_octets(self) -> int:
        """Octets that wait in the gateway: none but those in the transports."""
        return 0

    def describe(self) -> dict[str, Any]:
        """For people; JSON."""
        sides = ((self._downstream, "client"), (self._upstream, "upstream"))
        return {
            "octets": {"down": self._upstream.octets, "up": self._downstream.octets},
            "paused": [name for side, name in sides if side.is_held],
            "feeds": [name for side, name in sides if side.is_feed],
            "closing": self._closing,
        }

    def expire(self, now: float) -> None:
        """Nothing has passed for long, or not so long: look again later."""
        if self._closing:
            self.deadline = NEVER
            self.abort()
            return
        self.deadline = max(self._downstream.active, self._upstream.active) + self._idle
        if self.deadline <= now:
            self.close()

    def close(self, code: int = 0, reason: str = "") -> None:
        """End both sides after what waits; whoever does not take it in time is cut. A tunnel has no words for why."""
        self._end_soon()
        for side in (self._downstream, self._upstream):
            if side.feeds is not None:
                side.feeds.hurry(side)
        for side in (self._downstream, self._upstream):
            side.transport.close()
            side.leave_feeds()

    def abort(self) -> None:
        """End both sides at once."""
        self._downstream.transport.abort()
        self._upstream.transport.abort()

    def _end_soon(self) -> None:
        self._closing = True
        self.deadline = time.monotonic() + _LAST_SECONDS

    def _side_lost(self) -> None:
        self._lost += 1
        if self._lost == 1:
            self._end_soon()
        else:
            self._ended()
