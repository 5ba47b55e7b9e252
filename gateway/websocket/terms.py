"""How an upgraded connection shall be carried: what a plugin of its route may say, as plain values and small
promises."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from gateway.websocket.deflate import Deflate
from gateway.websocket.runs import Run

Message = tuple[int, bytes]
"""An opcode, 1 for text and 2 for binary, and the content. The four bits above the opcode are the message's priority, 0
to 15, where its sender has said one."""


class Flush(enum.StrEnum):
    """Why what waited was sent."""

    TIME = "time"
    SIZE = "size"
    BYTES = "bytes"
    PRIORITY = "priority"
    ADAPTIVE = "adaptive"
    IDLE = "idle"
    """Nothing will fill a batch soon, so waiting would gain nothing."""
    DRAIN = "drain"
    """The peer takes octets again."""
    CLOSE = "close"


class Sending(NamedTuple):
    """A frame that is ready to go, and what is told about it."""

    opcode: int
    payload: bytes
    messages: int
    waited: float
    """Seconds that the oldest message in it has waited."""
    reason: Flush


class Outbox(Protocol):
    """What waits for one peer, and when it goes. Rules only: whoever holds it keeps the time and does the writing."""

    messages: int
    """Messages that wait."""
    octets: int
    """Their content."""
    due_at: float
    """Monotonic seconds at which everything must go, infinity while nothing waits."""
    conflated: int
    """Messages that newer ones have replaced so far."""

    @property
    def target(self) -> int:
        """Messages it aims to send together, for whoever looks."""

    def accept(self, messages: list[Message], now: float, blocked: bool) -> list[Sending]:
        """Take messages in; the frames that go at once, in order. None while the peer is `blocked`."""

    def take(self, reason: Flush, now: float) -> list[Sending]:
        """All that waits, in frames, in order."""

    def drop_oldest(self) -> int:
        """Give up the message that has waited longest; its octets."""

    def pressure(self, is_high: bool, now: float) -> None:
        """Whether sending falls behind; told now and then."""


@runtime_checkable
class TakesRuns(Outbox, Protocol):
    """An outbox that need not look at each message."""

    @property
    def rests_until(self) -> float:
        """Monotonic seconds before which nothing is won by reading the source; in the past for none."""

    def accept_run(self, run: Run, now: float, blocked: bool) -> list[Sending]:
        """As `accept`. The records are the outbox's own from then on."""

    def comes(self, since: float, now: float) -> float:
        """Something has come at the source since then. When it is worth reading; in the past for at once."""

    def vain(self, now: float) -> list[Sending]:
        """Nothing has come although it was time to read; what goes all the same."""


Unpack = Callable[[int, bytes], list[Message]]
"""The messages in a frame of a peer that sends batches. Raises WebSocketError."""


class Slow(enum.Enum):
    """What happens to a peer that does not take what waits for it."""

    BLOCK_THEN_CLOSE = "block_then_close"
    DROP_OLDEST = "drop_oldest"


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """Bounds of what may wait in one direction of one connection."""

    messages: int = 1000
    octets: int = 1 << 20
    stop_above: int = 256 << 10
    """Octets above which the source is read no more."""
    go_on_below: int = 64 << 10
    """Octets below which it is read again."""
    slow: Slow = Slow.BLOCK_THEN_CLOSE
    slow_after: float = 10.0
    """Seconds a peer may take nothing before its connection is closed."""


@dataclass(frozen=True, slots=True)
class LegTerms:
    """What was agreed with one peer."""

    outbox: Callable[[], Outbox] | None = None
    """Makes what batches towards it; `None` sends messages as they come."""
    unpack: Unpack | None = None
    """Opens its batches; `None` where each frame is a message."""
    deflate: Deflate | None = None


@dataclass(frozen=True, slots=True)
class TunnelTerms:
    """The connection stays a tunnel of octets."""

    idle: float | None = None
    """Seconds without an octet after which it ends; `None` for that of the gateway's limits."""


@dataclass(frozen=True, slots=True)
class FrameTerms:
    """The gateway reads and writes the frames of both peers."""

    downstream: LegTerms = LegTerms()
    upstream: LegTerms = LegTerms()
    mode: str = "framed"
    """One word for metrics and lists."""
    max_message: int = 1 << 20
    queue: QueueLimits = QueueLimits()
    queued_total: int = 64 << 20
    """Octets that may wait in all connections of a worker together; above it the largest is closed."""
    max_delay: float = 0.1
    """Seconds within which an outbox is looked at; as long as the longest wait in one."""
    join: bool = True
    """Whether frames that are ready together leave in one write."""
    idle: float = 3600.0
    """Seconds without a message or ping of a peer, in either direction, after which the connection ends."""
    ping_every: float | None = None
    """Seconds of silence of a peer before it is asked whether it is there; `None` never asks."""
    ping_timeout: float = 20.0
    """Seconds it may take to say something then."""
    messages_per_second: float | None = None
    """Messages that a client may send, on average."""
    burst: int = 100
    """Messages that it may send at once."""
    close_timeout: float = 5.0
    """Seconds a peer may take to answer a Close frame."""
    bad_gateway_code: int = 1014
    """What a client hears when the upstream is gone without a Close frame."""


class Upgraded(Protocol):
    """The upstream's side of a connection after a 101, as plugins see it (`Response.upgraded`)."""

    terms: TunnelTerms | FrameTerms | None
    """How to go on; `None` for a tunnel with the gateway's own settings."""

    def abort(self) -> None:
        """Nobody wants it."""
