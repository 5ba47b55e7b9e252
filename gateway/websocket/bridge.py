"""Two WebSocket connections that the gateway reads and writes frame by frame, joined into one.

Everything that ends such a pair is in this file: a peer's Close, its mistakes, its silence, its disappearance, and
our own decision. Each peer hears one Close frame, after all that waited for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway.websocket.close_codes import CloseCode, WebSocketError, is_sendable, read_close
from gateway.websocket.frames import PING
from gateway.websocket.lane import Lane
from gateway.websocket.leg import HIGH_WATER, Leg
from gateway.websocket.portions import PortionedLeg
from gateway.websocket.rounds import LEAST_DELAY
from gateway.websocket.terms import FrameTerms

if TYPE_CHECKING:
    from gateway.websocket.connections import Connections, Origins
    from gateway.websocket.figures import RouteFigures

_LOOK_AGAIN = 1.0
"""Seconds between two looks at a peer that takes nothing."""


class Bridge:
    """The pair. `deadline` is for the worker's sweep."""

    __slots__ = (
        "_by",
        "_code",
        "_connections",
        "_ended",
        "_is_closing",
        "_terms",
        "deadline",
        "down",
        "downstream",
        "figures",
        "loop",
        "origins",
        "up",
        "upstream",
    )

    def __init__(
        self,
        connections: Connections,
        origins: Origins,
        terms: FrameTerms,
        figures: RouteFigures,
        downstream: asyncio.Transport,
        upstream: asyncio.Transport,
        ended: Callable[[], None],
    ) -> None:
        now = time.monotonic()
        self._connections = connections
        self._terms = terms
        self._ended = ended
        self._is_closing = False
        self._code: int | None = None
        self._by = ""
        self.loop = connections.loop
        self.origins = origins
        self.figures = figures
        most, down, up = terms.max_message, terms.downstream, terms.upstream
        self.downstream = near = PortionedLeg("client", downstream, down, most, figures.down, now)
        self.upstream = far = Leg("upstream", upstream, up, most, figures.up, now)
        line = connections.line_of(terms.max_delay)
        down_box = down.outbox() if down.outbox is not None else None
        up_box = up.outbox() if up.outbox is not None else None
        self.up = Lane(self, near, far, terms, figures.up, up_box, down.unpack, line, now)
        self.down = Lane(self, far, near, terms, figures.down, down_box, up.unpack, line, now)
        near.join(self.up, self.down)
        far.join(self.down, self.up)
        self.deadline = now
        self._plan(now)

    def begin(self, from_downstream: bytes, from_upstream: bytes) -> None:
        """Speak; first comes what had come behind the heads."""
        for leg in (self.downstream, self.upstream):
            leg.transport.set_write_buffer_limits(high=HIGH_WATER)
            leg.transport.set_protocol(leg)
        if from_upstream:
            self.upstream.data_received(from_upstream)
        if from_downstream:
            self.downstream.data_received(from_downstream)
        terms = self._terms
        if terms.downstream.outbox is not None and terms.max_delay >= LEAST_DELAY and not self._is_closing:
            self.upstream.read_in(self._connections.rounds)
        for leg in (self.downstream, self.upstream):
            leg.read_on()

    # --- for whoever looks after all connections ---------------------------------------------------

    @property
    def mode(self) -> str:
        """One word for lists and metrics."""
        return self._terms.mode

    @property
    def queued_octets(self) -> int:
        """Octets that wait in both directions."""
        return self.up.queued[1] + self.down.queued[1]

    def describe(self) -> dict[str, Any]:
        """For people; JSON."""
        return {
            "queue": {
                name: dict(zip(("messages", "octets"), lane.queued, strict=True))
                for name, lane in (("down", self.down), ("up", self.up))
            },
            "messages": {"down": self.down.messages, "up": self.up.messages},
            "paused": [leg.name for leg in (self.downstream, self.upstream) if leg.is_held],
            "blocked": [leg.name for leg in (self.downstream, self.upstream) if leg.is_blocked],
            "targets": {"down": self.down.target, "up": self.up.target},
            "closing": self._is_closing,
        }

    def queue_changed(self, octets: int) -> None:
        """So many more octets wait, or fewer."""
        self._connections.queue_changed(octets, self._terms.queued_total)

    # --- ends --------------------------------------------------------------------------------------

    def close(self, code: int, reason: str, *, upstream_code: int = CloseCode.GOING_AWAY) -> None:
        """Our own decision: both hear it, after what waits for them."""
        if not self._is_closing:
            self.upstream.hurry()
        if self._is_closing:
            return
        self._close_begins(code, "gateway")
        now = time.monotonic()
        self.up.finish(now)
        self.down.finish(now)
        self.downstream.send_close(code, reason)
        self.upstream.send_close(upstream_code, reason)

    def received_close(self, source: Leg, payload: bytes) -> None:
        """A peer's Close frame: an announcement, or the answer to one. Raises WebSocketError."""
        code, reason = read_close(payload)
        source.got_close = True
        other = source.inward.sink
        if not self._is_closing:
            self._close_begins(code, source.name)
        if not other.sent_close:
            source.inward.finish(time.monotonic())
            other.send_close(code, reason)
        if other.is_lost:
            source.send_close(code, reason)
        self._settle()

    def failed(self, source: Leg, error: WebSocketError) -> None:
        """A peer did what no connection survives."""
        self.figures.error(error.kind)
        if not self._is_closing:
            self._close_begins(error.code, "gateway")
        source.outward.finish(time.monotonic())
        source.send_close(error.code, error.reason)
        source.say_no_more()
        self._tell_other(source)

    def lost(self, leg: Leg) -> None:
        """A peer's connection is gone."""
        leg.outward.forget()
        other = leg.inward.sink
        if other.is_lost:
            self._end()
            return
        if not self._is_closing:
            self._close_begins(None, leg.name)
        if other.got_close and not other.sent_close:
            other.send_close(self._code if self._by == other.name else CloseCode.NORMAL)
        self._tell_other(leg)
        self._settle()

    def _tell_other(self, leg: Leg) -> None:
        """What the other peer hears when `leg` is gone or failed without a word."""
        other = leg.inward.sink
        if other.sent_close or other.is_lost:
            return
        leg.inward.finish(time.monotonic())
        if leg is self.upstream:
            other.send_close(self._terms.bad_gateway_code, "the upstream is gone")
        else:
            other.send_close(CloseCode.GOING_AWAY, "the client is gone")

    def _close_begins(self, code: int | None, by: str) -> None:
        self._is_closing = True
        self._code, self._by = code, by
        self.deadline = time.monotonic() + self._terms.close_timeout

    def _settle(self) -> None:
        """Close what has said and heard its last."""
        for leg in (self.downstream, self.upstream):
            if leg.sent_close and leg.got_close and not leg.is_lost and not leg.transport.is_closing():
                leg.transport.close()

    def abort(self) -> None:
        """End both at once."""
        for leg in (self.downstream, self.upstream):
            if not leg.is_lost:
                leg.transport.abort()

    def _give_up(self) -> None:
        """Cut whoever has not answered in time. A peer whose own Close was not answered by the other gets its answer
        then (`lost`), and as long again to take it."""
        legs = [leg for leg in (self.downstream, self.upstream) if not leg.is_lost]
        for leg in [leg for leg in legs if leg.sent_close or not leg.got_close] or legs:
            leg.transport.abort()

    def _end(self) -> None:
        self.up.forget()
        self.down.forget()
        self.figures.closed(self._code if self._code is None or is_sendable(self._code) else None, self._by)
        self._ended()

    # --- time --------------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """Something may have lasted too long."""
        if self._is_closing:
            self.deadline = now + self._terms.close_timeout
            self._give_up()
            return
        for leg in (self.downstream, self.upstream):
            if leg.is_blocked and self._is_stuck(leg, now):
                self.figures.slow.inc()
                self.close(CloseCode.TRY_LATER, "messages are not taken", upstream_code=CloseCode.TRY_LATER)
                return
            if self._is_silent(leg, now):
                leg.transport.abort()  # `lost` follows and tells the other
        if now - max(self.up.active, self.down.active) >= self._terms.idle:
            self.close(CloseCode.GOING_AWAY, "idle")
        if not self._is_closing:
            self._plan(now)

    def _is_stuck(self, leg: Leg, now: float) -> bool:
        """Whether a peer has taken nothing at all for too long."""
        before, leg.unsent = leg.unsent, leg.transport.get_write_buffer_size()
        if leg.unsent < before:
            leg.blocked_since = now
        return now - leg.blocked_since >= self._terms.queue.slow_after

    def _is_silent(self, leg: Leg, now: float) -> bool:
        """Whether a peer that was asked gave no sign of life. Asks one that has been silent for long."""
        every = self._terms.ping_every
        if every is None or leg.is_held or leg.is_lost or now - leg.heard < every:
            return False
        if leg.pinged_at > leg.heard:
            return now - leg.pinged_at >= self._terms.ping_timeout
        leg.pinged_at = now
        leg.ping_payload = b"slipstream %d" % int(now * 1000)
        leg.send(PING, leg.ping_payload)
        leg.flush()
        return False

    def look_soon(self) -> None:
        """A peer is blocked: its time begins."""
        if not self._is_closing:
            self.deadline = min(self.deadline, time.monotonic() + min(_LOOK_AGAIN, self._terms.queue.slow_after))

    def _plan(self, now: float) -> None:
        """When to look again."""
        terms = self._terms
        at = max(self.up.active, self.down.active) + terms.idle
        for leg in (self.downstream, self.upstream):
            if leg.is_blocked:
                at = min(at, now + min(_LOOK_AGAIN, terms.queue.slow_after))
            if terms.ping_every is not None and not leg.is_lost:
                waits = leg.pinged_at > leg.heard
                at = min(at, leg.pinged_at + terms.ping_timeout if waits else leg.heard + terms.ping_every)
        self.deadline = max(at, now + 0.05)
