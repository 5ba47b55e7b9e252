"""One direction of a framed pair: what one peer says, on its way to the other. Queue, back-pressure and limits are
here."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from gateway.websocket.close_codes import CloseCode, WebSocketError
from gateway.websocket.frames import CLOSE, PONG
from gateway.websocket.leg import WRITE_AT_ONCE
from gateway.websocket.limits import Bucket, PingLimit
from gateway.websocket.plain import PlainOutbox
from gateway.websocket.reader import Event
from gateway.websocket.runs import Run
from gateway.websocket.terms import Flush, FrameTerms, Message, Outbox, Sending, Slow, TakesRuns, Unpack

if TYPE_CHECKING:
    from gateway.websocket.bridge import Bridge
    from gateway.websocket.due import DueLine
    from gateway.websocket.figures import WayFigures
    from gateway.websocket.leg import Leg


LATE = 0.02
"""Seconds by which the loop may be late before it counts as busy."""


class Lane:
    """From `source` to `sink`."""

    __slots__ = (
        "_bucket",
        "_conflated",
        "_due_line",
        "_figures",
        "_frames",
        "_is_batching",
        "_joins",
        "_most",
        "_noted",
        "_outbox",
        "_paused_at",
        "_queue",
        "_reads_runs",
        "_ready",
        "_ready_octets",
        "_unpack",
        "active",
        "bridge",
        "due_at",
        "messages",
        "paced",
        "sink",
        "source",
    )

    def __init__(
        self,
        bridge: Bridge,
        source: Leg,
        sink: Leg,
        terms: FrameTerms,
        figures: WayFigures,
        outbox: Outbox | None,
        unpack: Unpack | None,
        due_line: DueLine,
        now: float,
    ) -> None:
        self.bridge = bridge
        self.source = source
        self.sink = sink
        self._figures = figures
        self._outbox: Outbox | None = outbox
        self._is_batching = outbox is not None
        self._unpack = unpack
        self._due_line = due_line
        self._queue = terms.queue
        self._joins = terms.join
        self._most = terms.max_message
        limited = source.name == "client" and terms.messages_per_second is not None
        self._bucket = Bucket(terms.messages_per_second or 0.0, terms.burst) if limited else None
        takes_runs = isinstance(outbox, TakesRuns) and unpack is None and source.name == "upstream"
        self.paced = cast(TakesRuns, outbox) if takes_runs else None
        """What need not see each message, and knows when the source is worth reading."""
        self._reads_runs = takes_runs or (
            outbox is None and terms.join and sink.may_pass_on and unpack is None and source.name == "upstream"
        )
        self._ready: deque[Sending] | None = None
        self._ready_octets = 0
        self._noted = (0, 0)
        self._frames = 0
        self._conflated = 0
        self._paused_at = 0.0
        self.due_at = math.inf
        """Of the line of those who wait."""
        self.active = now
        """When the last message came, or ping or pong for the other peer."""
        self.messages = 0
        """Messages so far."""

    # --- what comes ------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """Octets of the source."""
        source, reader = self.source, self.source.reader
        if self._reads_runs and (self._is_batching or self._passes_on(data)):
            run, data = reader.run(data)
            if run is not None:
                self._relay_run(run, data, now)
                if run.size == len(data):
                    return
                data = data[run.size :]
        try:
            self._take(reader.feed(data), now)
        except WebSocketError as error:
            self.bridge.failed(source, error)
            return
        if reader.failure is not None and not source.got_close:
            self.bridge.failed(source, reader.failure)

    def _take(self, events: list[Event], now: float) -> None:
        row, figures = self._figures.row, self._figures
        row[figures.frames] += self.source.reader.frames - self._frames
        self._frames = self.source.reader.frames
        if not events:
            return
        for event in events:
            if event[0] > 2:
                break
        else:  # messages alone: nearly every time
            self._relay(events, now)
            return
        messages: list[Message] = []
        for event in events:
            if event[0] <= 2:
                messages.append(event)
                continue
            if messages:
                self._relay(messages, now)
                messages = []
            self._control(event[0], event[1], now)
        if messages:
            self._relay(messages, now)

    def _control(self, opcode: int, payload: bytes, now: float) -> None:
        """Control frames pass what is queued, but for a Close (RFC 6455 §5.5)."""
        source = self.source
        if opcode == CLOSE:
            self.bridge.received_close(source, payload)
            return
        if opcode == PONG and source.ping_payload and payload == source.ping_payload:
            source.ping_payload = b""  # the answer to a question of our own
            return
        if source.pings is None:
            source.pings = PingLimit()
        if source.pings.admit(now):
            self.active = now  # somebody wants the connection to stay
            if not self.sink.sent_close:
                self.sink.send(opcode, payload)
            return
        self.bridge.figures.pings.inc()
        if source.pings.is_exceeded:
            raise WebSocketError(CloseCode.POLICY, "pings", "too many pings")

    def _relay(self, messages: list[Message], now: float) -> None:
        """Pass messages on, or keep them."""
        unpack, failure = self._unpack, None
        if unpack is not None:
            opened: list[Message] = []
            try:
                for opcode, payload in messages:
                    opened += unpack(opcode, payload)
            except WebSocketError as error:
                failure = error
            messages = opened
            if any(len(payload) > self._most for _, payload in messages):
                raise WebSocketError(CloseCode.TOO_BIG, "too_big", f"a message of more than {self._most} octets")
        if self._bucket is not None and not self._bucket.take(len(messages), now):
            raise WebSocketError(CloseCode.POLICY, "rate", "too many messages")
        self.active = now
        self._count(messages)
        sink = self.sink
        if not sink.sent_close and not sink.is_lost:
            if self._outbox is None and not sink.is_blocked:
                for opcode, payload in messages:
                    sink.send(opcode & 0xF, payload)
                    if not self._joins:
                        sink.flush()
            else:
                self._queue_up(messages, now)
        if failure is not None:
            raise failure

    def vain(self, now: float) -> None:
        """The source has rested, and said nothing."""
        outbox = self.paced
        if outbox is not None and not self.sink.is_blocked and not self._ready:
            self._go(outbox, outbox.vain(now), False, now)
            self.sink.flush()

    def _passes_on(self, data: bytes) -> bool:
        """Whether messages go on as they come; a peer that is slow is to be noticed before a lot has gone."""
        return self._outbox is None and not self.sink.is_blocked and len(data) < WRITE_AT_ONCE

    def _relay_run(self, run: Run, data: bytes, now: float) -> None:
        """Pass messages on that `data` begins with, or keep them."""
        self.active = now
        figures, row = self._figures, self._figures.row
        count, binaries = run.messages, run.binaries
        self.messages += count
        self._frames += count
        row[figures.frames] += count
        row[figures.text] += count - binaries
        if binaries:
            row[figures.binary] += binaries
        row[figures.octets] += run.octets
        sink, outbox = self.sink, self.paced
        if sink.sent_close or sink.is_lost:
            return
        if outbox is not None:
            blocked = sink.is_blocked or bool(self._ready)
            sendings = outbox.accept_run(run, now, blocked)
            if sendings and not outbox.messages and not blocked and not self._noted[0]:  # nothing waits, as mostly
                self.due_at = math.inf
                self._send(sendings)
            else:
                self._go(outbox, sendings, blocked, now)
        else:
            sink.pass_on(data if run.size == len(data) else data[: run.size])

    def _count(self, messages: list[Message]) -> None:
        figures, row = self._figures, self._figures.row
        texts = sum([opcode & 1 for opcode, _ in messages])
        octets = sum([len(payload) for _, payload in messages])
        self.messages += len(messages)
        row[figures.text] += texts
        row[figures.binary] += len(messages) - texts
        row[figures.octets] += octets

    # --- what waits ------------------------------------------------------------------------------

    @property
    def queued(self) -> tuple[int, int]:
        """Messages and octets that wait."""
        outbox = self._outbox
        ready = sum(sending.messages for sending in self._ready) if self._ready else 0
        if outbox is None:
            return ready, self._ready_octets
        return outbox.messages + ready, outbox.octets + self._ready_octets

    @property
    def target(self) -> int | None:
        """Messages that batches aim for."""
        return self._outbox.target if self._is_batching and self._outbox is not None else None

    def _queue_up(self, messages: list[Message], now: float) -> None:
        outbox = self._outbox
        if outbox is None:
            outbox = self._outbox = PlainOutbox()
        blocked = self.sink.is_blocked or bool(self._ready)
        self._go(outbox, outbox.accept(messages, now, blocked), blocked, now)

    def _go(self, outbox: Outbox, sendings: list[Sending], blocked: bool, now: float) -> None:
        """Send what shall go, and see to what waits on."""
        if sendings:
            self._send(sendings)
        if outbox.due_at != self.due_at:
            self.due_at = outbox.due_at
            if outbox.messages:
                self._due_line.join(self, outbox.due_at)
        if outbox.conflated != self._conflated:
            self._figures.row[self._figures.conflated] += outbox.conflated - self._conflated
            self._conflated = outbox.conflated
        if outbox.messages or blocked or self._noted[0]:
            self._note()
        if blocked:
            self._bound(now)

    def _send(self, sendings: Sequence[Sending]) -> None:
        sink = self.sink
        for opcode, payload, _, _, _ in sendings:
            sink.send(opcode, payload)
            if not self._joins:
                sink.flush()
        if self._is_batching and self._outbox is not None:
            self._figures.sent(sendings, self._outbox.target)

    def _bound(self, now: float) -> None:
        """Keep the queue within its bounds: by not reading the source, or by giving up what is old."""
        queue = self._queue
        messages, octets = self.queued
        if queue.slow is Slow.DROP_OLDEST:
            dropped = 0
            while messages > queue.messages or octets > queue.octets:
                gone_messages, gone_octets = self._drop_oldest()
                messages, octets, dropped = messages - gone_messages, octets - gone_octets, dropped + gone_messages
            if dropped:
                self._figures.dropped.inc(dropped)
                self._note()
        elif (octets > queue.stop_above or messages >= queue.messages) and not self.source.is_held:
            self._paused_at = now
            self.source.hold()

    def _drop_oldest(self) -> tuple[int, int]:
        if self._ready:
            sending = self._ready.popleft()
            self._ready_octets -= len(sending.payload)
            return sending.messages, len(sending.payload)
        assert self._outbox is not None
        return 1, self._outbox.drop_oldest()

    def _note(self) -> None:
        """Tell figures and the worker's total what has changed."""
        now, before = self.queued, self._noted
        if now != before:
            self._noted = now
            row, figures = self._figures.row, self._figures
            row[figures.queued_messages] += now[0] - before[0]
            row[figures.queued_octets] += now[1] - before[1]
            self.bridge.queue_changed(now[1] - before[1])

    def due(self, now: float) -> None:
        """The time of what waits has come."""
        if now - self.due_at > LATE and self._outbox is not None:
            self._outbox.pressure(True, now)
        self.due_at = math.inf
        if not self.sink.is_blocked and not self._ready:
            self._empty(Flush.TIME, now)
            self.sink.flush()

    def _empty(self, reason: Flush, now: float) -> None:
        """Send all that waits, as far as the sink takes it."""
        outbox, ready = self._outbox, self._ready or deque()
        if outbox is not None and outbox.messages:
            for sending in outbox.take(reason, now):
                ready.append(sending)
                self._ready_octets += len(sending.payload)
            self.due_at = outbox.due_at
        while ready and (not self.sink.is_blocked or reason is Flush.CLOSE):
            sending = ready.popleft()
            self._ready_octets -= len(sending.payload)
            self._send([sending])
        self._ready = ready or None
        if not ready and not self._is_batching:
            self._outbox = None
        self._note()

    def blocked(self) -> None:
        """The sink takes no more."""
        self.bridge.look_soon()
        if self._outbox is not None:
            self._outbox.pressure(True, time.monotonic())

    def unblocked(self) -> None:
        """The sink takes more."""
        now = time.monotonic()
        if self._outbox is not None:
            self._outbox.pressure(False, now)
            self._empty(Flush.DRAIN, now)
            self.sink.flush()
        if not self.sink.is_blocked and self.source.is_held and self.queued[1] <= self._queue.go_on_below:
            self._count_pause(now)
            self.source.release()

    def _count_pause(self, now: float) -> None:
        self._figures.row[self._figures.paused] += now - self._paused_at
        self._paused_at = now

    def finish(self, now: float) -> None:
        """Everything goes now: a Close follows."""
        if not self.sink.sent_close and not self.sink.is_lost:
            self._empty(Flush.CLOSE, now)
            self.sink.flush()

    def forget(self) -> None:
        """Nobody is there any more to take what waits."""
        if self.source.is_held:
            self._count_pause(time.monotonic())
        self._ready = None
        self._ready_octets = 0
        self._outbox = self.paced = None
        self._is_batching = False
        self.due_at = math.inf
        self._note()
