"""A tunnel of octets between two upgraded connections (RFC 9110 §7.8).

What arrives in one turn of the loop leaves in one write. Each side's back-pressure pauses the other, and
a half-closed side half-closes the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.chain.deadlines import NEVER, Deadlines

_LAST_SECONDS = 30.0
"""How long a side may take for what waits when the other is gone."""


@dataclass(slots=True)
class UpgradedUpstream:
    """The upstream's side after its 101: the transport, what came behind the head, and whom to tell at the end."""

    transport: asyncio.Transport
    received: bytes
    ended: Callable[[], None]

    def abort(self) -> None:
        """Nobody wants the tunnel."""
        self.transport.abort()
        self.ended()


class TunnelSide(asyncio.Protocol):
    """One of the two connections."""

    __slots__ = ("_flush_handle", "_loop", "_pending", "active", "has_ended", "on_lost", "other", "transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self._loop = loop
        self._pending: list[bytes] = []
        self._flush_handle: asyncio.Handle | None = None
        self.other: TunnelSide = self
        self.active = 0.0
        self.has_ended = False
        """Whether this side sends no more."""
        self.on_lost: Callable[[], None] = lambda: None

    def data_received(self, data: bytes) -> None:
        """Octets of this side go to the other."""
        self.other.write(data)

    def write(self, data: bytes) -> None:
        """Send with all else that comes in this turn of the loop."""
        self.active = time.monotonic()
        self._pending.append(data)
        if self._flush_handle is None:
            self._flush_handle = self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what waits, now."""
        self._flush_handle = None
        pending = self._pending
        if pending and not self.transport.is_closing():
            self._pending = []
            self.transport.write(pending[0] if len(pending) == 1 else b"".join(pending))

    def pause_writing(self) -> None:
        """This side takes no more: read no more from the other."""
        if not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """This side takes more again."""
        if not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def eof_received(self) -> bool:
        """This side sends no more; it may still receive."""
        self.has_ended = True
        other = self.other
        other.flush()
        if other.has_ended or not other.transport.can_write_eof() or other.transport.is_closing():
            other.transport.close()
            return False
        other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """This side is gone: the other gets what waits for it, and then goes too."""
        other = self.other
        if not other.transport.is_closing():
            other.flush()
            other.transport.close()
        self.on_lost()


class Tunnel:
    """Both sides, with one idle time-out."""

    __slots__ = ("_closing", "_deadlines", "_downstream", "_ended", "_idle", "_lost", "_upstream", "deadline")

    def __init__(
        self,
        downstream: asyncio.Transport,
        upstream: UpgradedUpstream,
        received: bytes,
        idle_timeout: float,
        deadlines: Deadlines,
        ended: Callable[[], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self._deadlines = deadlines
        self._idle = idle_timeout
        self._lost = 0
        self._closing = False
        self._ended = (ended, upstream.ended)
        self._downstream = near = TunnelSide(downstream, loop)
        self._upstream = far = TunnelSide(upstream.transport, loop)
        near.other, far.other = far, near
        near.active = far.active = time.monotonic()
        near.on_lost = far.on_lost = self._side_lost
        self.deadline = near.active + idle_timeout
        downstream.set_protocol(near)
        upstream.transport.set_protocol(far)
        if upstream.received:
            near.write(upstream.received)
        if received:
            far.write(received)
        downstream.resume_reading()
        upstream.transport.resume_reading()
        deadlines.watch(self)

    def expire(self, now: float) -> None:
        """Nothing has passed for long, or not so long: look again later."""
        if self._closing:
            self.deadline = NEVER
            self.abort()
            return
        self.deadline = max(self._downstream.active, self._upstream.active) + self._idle
        if self.deadline <= now:
            self.close()

    def close(self) -> None:
        """End both sides after what waits; whoever does not take it in time is cut."""
        self._end_soon()
        for side in (self._downstream, self._upstream):
            side.flush()
            side.transport.close()

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
            self._deadlines.forget(self)
            for ended in self._ended:
                ended()
