"""One of the two connections that a framed pair consists of: frames out, octets in, and what the transport says."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from gateway.websocket.close_codes import close_payload
from gateway.websocket.deflate import Deflater, Inflater
from gateway.websocket.frames import CLOSE, FIN, RSV1, encode, encode_masked
from gateway.websocket.limits import PingLimit
from gateway.websocket.reader import FrameReader
from gateway.websocket.terms import LegTerms

if TYPE_CHECKING:
    from gateway.websocket.figures import WayFigures
    from gateway.websocket.lane import Lane
    from gateway.websocket.rounds import Rounds

WRITE_AT_ONCE = 64 * 1024
"""Octets of frames that are joined into one write."""
HIGH_WATER = 64 * 1024
"""Octets in the transport above which a peer counts as blocked."""

BATCH_OVERHEAD = 64 * 1024
"""Octets that a batch may be longer than a message may."""


class Leg(asyncio.Protocol):
    """The client's or the upstream's connection."""

    __slots__ = (
        "_deflater",
        "_encode",
        "_pending",
        "_pending_octets",
        "armed",
        "blocked_since",
        "figures",
        "file",
        "got_close",
        "heard",
        "inward",
        "is_blocked",
        "is_failed",
        "is_held",
        "is_lost",
        "is_ready",
        "name",
        "outward",
        "ping_payload",
        "pinged_at",
        "pings",
        "reader",
        "rests_until",
        "rounds",
        "sent_close",
        "transport",
        "unsent",
    )

    inward: Lane
    """Where what this peer sends goes."""
    outward: Lane
    """Where what this peer gets comes from."""

    def __init__(
        self,
        name: str,
        transport: asyncio.Transport,
        terms: LegTerms,
        max_message: int,
        figures: WayFigures,
        now: float,
    ) -> None:
        is_upstream = name == "upstream"
        self.name = name
        """client or upstream."""
        self.transport = transport
        self.figures = figures
        """Of the direction towards this peer."""
        if terms.unpack is not None:
            max_message += BATCH_OVERHEAD
        inflater = Inflater(terms.deflate) if terms.deflate is not None else None
        self._deflater = Deflater(terms.deflate) if terms.deflate is not None else None
        self.reader = FrameReader(is_masked=not is_upstream, max_message=max_message, inflater=inflater)
        self._encode = encode_masked if is_upstream else encode
        self._pending: list[bytes] = []
        self._pending_octets = 0
        self.heard = now
        """When its last octets came."""
        self.pinged_at = 0.0
        """When we last asked whether it is there."""
        self.ping_payload = b""
        self.pings: PingLimit | None = None
        self.is_blocked = False
        """Whether it takes no more for now."""
        self.blocked_since = 0.0
        self.unsent = 0
        self.is_held = False
        """Whether it is not read since its sink is full."""
        self.is_failed = False
        """Whether it broke the protocol: what it says no longer counts."""
        self.rounds: Rounds | None = None
        """By whom it is read in the place of its transport."""
        self.file = -1
        self.armed = 0
        """What `rounds` are told of: the events of their poller."""
        self.is_ready = False
        """Whether there is something to read, as far as `rounds` know."""
        self.rests_until = 0.0
        """Before that `rounds` do not read it; 0 for who does not rest."""
        self.sent_close = False
        self.got_close = False
        self.is_lost = False

    def join(self, inward: Lane, outward: Lane) -> None:
        """What comes goes into `inward`, what goes comes out of `outward`."""
        self.inward, self.outward = inward, outward

    # --- out -----------------------------------------------------------------------------------

    def send(self, opcode: int, payload: bytes) -> None:
        """A frame that goes with the next `flush`, or earlier when there is much."""
        first = FIN | opcode
        deflater = self._deflater
        if deflater is not None and opcode < 8 and (packed := deflater.deflate(payload)) is not None:
            first |= RSV1
            payload = packed
        self._pending.append(self._encode(first, payload))
        octets = self._pending_octets = self._pending_octets + len(payload)
        if octets >= WRITE_AT_ONCE:
            self.flush()

    @property
    def may_pass_on(self) -> bool:
        """Whether the upstream's frames are, octet for octet, what this peer would get."""
        return self._deflater is None and self._encode is encode

    def pass_on(self, frames: bytes) -> None:
        """Whole frames, as they came."""
        self._pending.append(frames)
        self._pending_octets += len(frames)
        if self._pending_octets >= WRITE_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what is ready."""
        pending = self._pending
        if not pending:
            return
        self._pending = []
        self._pending_octets = 0
        if not self.transport.is_closing():
            figures = self.figures
            figures.row[figures.writes] += 1.0
            self.transport.write(pending[0] if len(pending) == 1 else b"".join(pending))

    def send_close(self, code: int | None, reason: str | bytes = b"") -> None:
        """The last frame (RFC 6455 §5.5.1); only one is ever sent."""
        if self.sent_close or self.is_lost:
            return
        self.send(CLOSE, close_payload(code, reason))
        self.flush()
        self.sent_close = True

    def say_no_more(self) -> None:
        """After a failure: what we said may still be read, what the peer says is dropped (RFC 6455 §7.1.7)."""
        self.is_failed = True
        self.is_held = False
        if not self.transport.is_closing():
            self._leave_rounds()
            self.transport.resume_reading()
            if self.transport.can_write_eof():
                self.transport.write_eof()

    # --- in ------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Of asyncio.Protocol."""
        self.take(data, time.monotonic())

    def take(self, data: bytes, now: float) -> None:
        """Octets that came at about `now`."""
        self.heard = now
        if not self.got_close and not self.is_failed:
            self.inward.receive(data, now)
            self.inward.sink.flush()

    def hold(self) -> None:
        """Read no more: the sink is full."""
        if not self.is_held and not self.is_lost:
            self.is_held = True
            if self.rounds is None:
                self.transport.pause_reading()

    def release(self) -> None:
        """Read on."""
        if self.is_held:
            self.is_held = False
            self.read_on()

    def read_on(self) -> None:
        """Let this peer speak, unless its sink is full."""
        if self.is_held or self.transport.is_closing():
            return
        if self.rounds is None:
            self.transport.resume_reading()
        else:
            self.rounds.again(self)

    def read_in(self, rounds: Rounds) -> None:
        """Be read by them, where that is possible."""
        if rounds.take(self):
            self.rounds = rounds

    def hurry(self) -> None:
        """Take what it has said already, though it rests."""
        if self.rounds is not None:
            self.rounds.hurry(self)

    def _leave_rounds(self) -> None:
        if self.rounds is not None:
            self.rounds.forget(self)

    def pause_writing(self) -> None:
        """Of asyncio.Protocol."""
        self.is_blocked = True
        self.blocked_since = time.monotonic()
        self.unsent = self.transport.get_write_buffer_size()
        self.outward.blocked()

    def resume_writing(self) -> None:
        """Of asyncio.Protocol."""
        self.is_blocked = False
        self.outward.unblocked()

    def eof_received(self) -> bool:
        """Of asyncio.Protocol: without a Close frame that is the end, with one it was the end already."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Of asyncio.Protocol."""
        self.is_lost = True
        self._leave_rounds()
        self._pending = []
        self.inward.bridge.lost(self)
