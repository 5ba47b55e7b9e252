"""What upgraded connections count. Children are looked up once for each route."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from gateway.figures import Figures
from gateway.figures.layout import Join
from gateway.websocket.terms import Flush, Sending

SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Messages in a batch."""
WAITS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds in a queue."""
DOWN, UP = "down", "up"
"""To the client, to the upstream."""
_KNOWN_CODES = frozenset({*range(1000, 1004), *range(1007, 1015)})


class WayFigures:
    """One direction of one route."""

    def __init__(self, figures: Figures, route: str, way: str) -> None:
        labels = {"route": route, "direction": way}
        text = "Messages relayed"
        self.row = figures.row
        self.text = figures.counter("websocket_messages_total", text, type="text", **labels).cell
        self.binary = figures.counter("websocket_messages_total", text, type="binary", **labels).cell
        self.frames = figures.counter("websocket_frames_total", "Frames read", **labels).cell
        self.writes = figures.counter("websocket_writes_total", "Writes to sockets", **labels).cell
        text = "Octets of content in messages relayed"
        self.octets = figures.counter("websocket_message_bytes_total", text, **labels).cell
        self.queued_messages = figures.gauge(
            "websocket_queue_messages", "Messages that wait", route=route, direction=way
        ).cell
        self.queued_octets = figures.gauge(
            "websocket_queue_bytes", "Octets of messages that wait", route=route, direction=way
        ).cell
        text = "Time in which a source was not read since its sink was full"
        self.paused = figures.counter("websocket_paused_seconds_total", text, **labels).cell
        self.dropped = figures.counter("websocket_dropped_total", "Messages given up for a slow peer", **labels)
        self.conflated = figures.counter("websocket_conflated_total", "Messages replaced by newer ones", **labels).cell
        text = "Messages that the last batch aimed for"
        self.target = figures.gauge("websocket_adaptive_target", text, route=route, direction=way, join=Join.MAX).cell
        sizes = figures.histogram("websocket_batch_messages", "Messages in a batch", SIZES, **labels)
        self._sizes, self._sizes_total = sizes.cell, sizes.total
        text = "Wait of a batch's oldest message"
        waits = figures.histogram("websocket_batch_wait_seconds", text, WAITS, **labels)
        self._waits, self._waits_total = waits.cell, waits.total
        text = "Batches by what sent them"
        self._flushes = {
            reason: figures.counter("websocket_flush_total", text, reason=reason.value, **labels).cell
            for reason in Flush
        }

    def sent(self, sendings: Sequence[Sending], target: int) -> None:
        """Batches go out that aimed for so many messages."""
        row = self.row
        row[self.target] = target
        at, end = 0, len(sendings)
        while at < end:
            _, _, messages, waited, reason = like = sendings[at]
            begin = at
            at += 1
            while at < end and sendings[at][2:] == like[2:]:
                at += 1
            count = at - begin
            row[self._sizes + bisect_left(SIZES, messages)] += count
            row[self._sizes_total] += count * messages
            row[self._waits + bisect_left(WAITS, waited)] += count
            row[self._waits_total] += count * waited
            row[self._flushes[reason]] += count


class RouteFigures:
    """All of one route."""

    def __init__(self, figures: Figures, route: str) -> None:
        self._figures = figures
        self._route = route
        self.down = WayFigures(figures, route, DOWN)
        self.up = WayFigures(figures, route, UP)
        self.slow = figures.counter("websocket_slow_closes_total", "Connections closed for a slow peer", route=route)
        self.pings = figures.counter("websocket_pings_dropped_total", "Pings and pongs above the limit", route=route)

    def connections(self, mode: str, change: int) -> None:
        """So many more connections, or fewer."""
        self._figures.gauge("websocket_connections", "Upgraded connections", route=self._route, mode=mode).inc(change)

    def closed(self, code: int | None, by: str) -> None:
        """A connection ended; `by` is client, upstream or gateway."""
        known = "none" if code is None else str(code) if code in _KNOWN_CODES else "private"
        text = "Closed connections by close code"
        self._figures.counter("websocket_close_total", text, route=self._route, code=known, by=by).inc()

    def error(self, kind: str) -> None:
        """A peer broke the protocol."""
        text = "Connections that a peer's mistake ended"
        self._figures.counter("websocket_protocol_errors_total", text, route=self._route, kind=kind).inc()
