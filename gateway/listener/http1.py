"""A downstream connection: HTTP/1.1 in, one exchange at a time, answers in the order of the requests (RFC 9112).

The connection owns its octets until a head is complete; then the head is parsed in one go and the exchange starts in
the same call. What follows the message waits as octets, not as parsed requests, so a flood of pipelined requests costs
its own length and no more. Heads arrive in this file, bodies in `incoming.py`; answers leave by `exchange.py`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from gateway.chain.deadlines import NEVER
from gateway.errors import (
    BodyTooLargeError,
    FieldsTooLargeError,
    GatewayError,
    RequestTimeoutError,
    StreamAbortedError,
)
from gateway.http.fields import Fields
from gateway.http.message import Downstream, Monotonic, Request, Response
from gateway.http.request_head import check_partial_head, is_one_head, skip_empty_lines
from gateway.listener.at_once import answer_at_once
from gateway.listener.encode import interim_head, response_head
from gateway.listener.error_response import error_response
from gateway.listener.exchange import Exchange
from gateway.listener.forwarded import believe
from gateway.listener.front import Front
from gateway.listener.incoming import IncomingBody
from gateway.listener.record import refusal_record
from gateway.listener.replay import Replay, kind_of
from gateway.listener.reset import reset_on_close
from gateway.listener.slow_reader import SlowReader

_MOST_WAITING = 64 * 1024
"""Octets of pipelined requests that may wait; then reading pauses."""
_LINGER_SECONDS = 2.0
_LINGER_OCTETS = 4 * 1024 * 1024
WRITE_HIGH_WATER = 128 * 1024


class Http1Connection(asyncio.Protocol):
    """One downstream connection."""

    def __init__(self, front: Front, scheme: str, address: str) -> None:
        self.front = front
        self.scheme = scheme
        self.address = address
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set before anything else happens
        self.downstream: Downstream = None  # type: ignore[assignment]  # as above
        self.exchange: Exchange | None = None
        self.close_after = False
        """Whether the connection ends with the current exchange."""
        self.paused = False
        """Whether the downstream takes no more for now."""
        self.deadline = NEVER
        self._slow_reader = SlowReader(self)
        self._buffer = b""
        self.replays: dict[bytes, Replay] = {}
        """The replay lane's answers for downstreams of this kind."""
        self._interim: Callable[[int, Fields], None] | None = None
        self.replay: Replay | None = None
        self.replayed = b""
        """The octets that `replay`, the replay lane's latest answer here, was given to."""
        self.head = b""
        """The octets of the current request's head, when it came alone and whole."""
        self.incoming: IncomingBody | None = None
        """The body of the current request, while octets of it are still to come."""
        self.served = 0
        """Requests answered so far, the current one included."""
        self._lingering = -1
        self._pumping = False

    # --- the transport's calls ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is up (after TLS)."""
        self.transport = transport  # type: ignore[assignment]  # uvloop's transports have no common base
        front = self.front
        transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)  # type: ignore[attr-defined]  # as above
        self.downstream = Downstream(self.address, self.scheme, front.is_trusted(self.address))
        self.replays = front.lane.tables[kind_of(self.downstream)]
        self._interim = self.send_interim
        front.connections.add(self)
        front.deadlines.watch(self)
        self.deadline = time.monotonic() + front.limits.keep_alive_timeout

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: whatever is under way ends."""
        front = self.front
        front.connections.discard(self)
        front.deadlines.forget(self)
        self._interim = None
        self.deadline = NEVER
        self._slow_reader.end()
        incoming, self.incoming = self.incoming, None
        try:
            if self.exchange is not None:  # first: what the lost body does to the upstream is not the gateway's failure
                self.exchange.abandon()
            if incoming is not None:
                incoming.stream.fail(StreamAbortedError("the downstream left in the middle of its request"))
        finally:
            self.forget()

    def eof_received(self) -> bool:
        """The downstream sends no more. As with most peers this means that it left."""
        return False

    def pause_writing(self) -> None:
        """The downstream reads slowly."""
        self.paused = True
        self._slow_reader.begin()
        if self.exchange is not None:
            self.exchange.pause_body()

    def resume_writing(self) -> None:
        """The downstream has caught up."""
        self.paused = False
        if self._lingering < 0 and not self.transport.is_closing():
            self._slow_reader.end()
        if self.exchange is not None:
            self.exchange.resume_body()
        else:
            self._go_on()

    def data_received(self, data: bytes) -> None:
        """Octets of a body, of a head, or of requests that must wait."""
        front = self.front
        is_idle = self.exchange is None and self.incoming is None and not self.paused and self._lingering < 0
        if self.replays and is_idle and not self._buffer and front.lane.answer(data, self):
            return
        figures = front.figures
        figures.row[figures.octets_in] += len(data)
        if self.incoming is not None:
            self.incoming.receive(data)
        elif is_idle:
            if not self._buffer and (front.heads.knows(data) or is_one_head(data)):
                self.head = data
                try:  # one whole head and nothing else: nearly every time
                    self._begin(data, data, len(data))
                except GatewayError as error:
                    self.refuse(error)
            else:
                self._pump(data)
        elif self._lingering >= 0:
            self._lingering += len(data)
            if self._lingering > _LINGER_OCTETS:
                self.transport.abort()
        else:
            self._buffer += data
            if len(self._buffer) > _MOST_WAITING:
                self.front.figures.limit_hit("pipelined")
                self.transport.pause_reading()

    # --- heads ---------------------------------------------------------------------------------

    def _pump(self, data: bytes) -> None:
        """Start exchanges from what has arrived until one has to wait or a head is incomplete."""
        is_new = not self._buffer
        self.head = b""
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        at = 0
        started = 0
        self._pumping = True
        try:
            while True:
                end = data.find(b"\r\n\r\n", at)
                if data.startswith(b"\r\n", at):
                    at = skip_empty_lines(data, at)
                    end = data.find(b"\r\n\r\n", at)
                if end < 0:
                    self._keep_partial_head(data[at:], is_new=is_new or at > 0)
                    return
                end += 4
                head = data if at == 0 and end == len(data) else data[at:end]
                at = end
                at = self._begin(head, data, at)
                started += 1
                if self.exchange is not None or self.incoming is not None or self.paused or self.close_after:
                    break
                if self.transport.is_closing():
                    return
                if at >= len(data):
                    if not self._buffer:
                        return
                    data, self._buffer, at = self._buffer, b"", 0  # it came behind a chunked body
                if started >= self.front.limits.pipelined:  # let the other connections have their turn
                    self.front.loop.call_soon(self._go_on)
                    break
        except GatewayError as error:
            self.refuse(error)
            return
        finally:
            self._pumping = False
        if at < len(data) and self._lingering < 0:
            self._buffer = data[at:] + self._buffer
            if len(self._buffer) > _MOST_WAITING:
                self.transport.pause_reading()

    def _go_on(self) -> None:
        """Take up what waits. Reading goes on too, until there is too much of it again."""
        if self._buffer and self.exchange is None and not self.paused and not self.transport.is_closing():
            if not self.transport.is_reading():
                self.transport.resume_reading()
            self._pump(b"")

    def _keep_partial_head(self, part: bytes, *, is_new: bool) -> None:
        """Keep what has come of a head. Raises when it can never become one."""
        self._buffer = part
        limits = self.front.limits
        check_partial_head(part, limits.target, limits.head)
        if part and part != b"\r":  # half an empty line is no beginning
            latest = time.monotonic() + limits.head_timeout
            if is_new or self.deadline > latest:
                self.deadline = latest

    def _begin(self, head: bytes, data: bytes, at: int) -> int:
        """Parse one head, take what there is of its body, start its exchange. Returns where the next message begins."""
        front = self.front
        limits = front.limits
        if len(head) > limits.head:
            raise FieldsTooLargeError(f"the head has more than {limits.head} octets", limit="head")
        request, framing = front.heads.parse(head, self.downstream, Monotonic(time.monotonic()))
        self.served += 1
        self.close_after = framing.close or front.draining or self.served >= limits.requests_per_connection
        self.deadline = NEVER
        length = framing.length
        if length:
            if length > limits.body:
                raise BodyTooLargeError(f"the body has more than {limits.body} octets", limit="body")
            if 0 < length <= len(data) - at:
                request.body = data[at : at + length]
                at += length
            else:
                incoming = self.incoming = IncomingBody(self, length, expect=framing.expect)
                request.body = incoming.stream
                if at < len(data):
                    rest, at = data[at:], len(data)
                    incoming.receive(rest)
        request.interim = self._interim
        if self.downstream.trusted:
            believe(request, front.is_trusted)
        route = front.router(request)
        if route is not None and self.head:
            request.offers_replay = front.lane.state if route.may_replay else 0
            if route.at_once is not None and answer_at_once(self, request, route, route.at_once):
                return at
        exchange = self.exchange = Exchange(self, request, route)
        exchange.begin()
        return at

    def body_received(self, rest: bytes) -> None:
        """The request's body is complete; `rest` came behind it."""
        self.incoming = None
        self.deadline = NEVER
        if rest:
            self._buffer = rest

    @property
    def is_made(self) -> bool:
        """Whether the connection has come about, TLS included."""
        return self.downstream is not None

    @property
    def is_busy(self) -> bool:
        """Whether an exchange is under way."""
        return self.exchange is not None

    def send_interim(self, status: int, fields: Fields) -> None:
        """Relay a 1xx response to a client that understands it (RFC 9110 §15.2)."""
        exchange = self.exchange
        if exchange is None or exchange.head_sent or exchange.request.minor == 0:
            return
        if status == 100:
            if self.incoming is None or not self.incoming.wants_continue:
                return
            self.incoming.wants_continue = False
        self._write(interim_head(status, fields.encode()))

    def _write(self, data: bytes) -> None:
        figures = self.front.figures
        figures.row[figures.octets_out] += len(data)
        self.transport.write(data)

    def finished(self, now: float) -> None:
        """The current exchange is over and its answer complete."""
        self.exchange = None
        if self.incoming is not None:
            self._linger()
        elif self.close_after:
            if self._buffer:
                self._linger()
            else:
                self._close()
        else:
            self.deadline = now + self.front.limits.keep_alive_timeout
            if self._buffer and not self._pumping and not self.transport.is_closing():
                self.front.loop.call_soon(self._go_on)

    def broke_off(self, *, reset: bool) -> None:
        """The current answer cannot be completed: cut the connection, with a reset where its end would pass for the
        end of the answer."""
        self.exchange = None
        if reset:
            reset_on_close(self.transport)
        self.transport.abort()

    def refuse(self, error: GatewayError) -> None:
        """Answer what cannot be served, and close (RFC 9112 §9.6)."""
        front = self.front
        front.figures.error(error.reason)
        if error.limit is not None:
            front.figures.limit_hit(error.limit)
        self._buffer = b""
        self.close_after = True
        self.write_refusal(error_response(error, None, front.name), None)
        if front.access_log is not None and front.access_log.enabled:
            front.access_log.write(refusal_record(self.downstream, error, front.clock.wall()))
        self._linger()

    def write_refusal(self, response: Response, request: Request | None) -> None:
        """Write a response that ends the connection."""
        body = response.body
        assert isinstance(body, bytes)
        date = self.front.dates.at(self.front.clock.wall())
        head = response_head(response, len(body), False, True, 1, date)
        self._write(head + body if request is None or request.method != "HEAD" else head)

    def _linger(self) -> None:
        """Send what is written, then wait a little for the downstream to stop sending, so that it can read the
        answer before the connection is torn down (RFC 9112 §9.6)."""
        if (transport := self.transport).is_closing():
            return
        incoming, self.incoming = self.incoming, None
        if incoming is not None:
            incoming.stream.fail(StreamAbortedError("answered before the body was complete"))
        self._buffer = b""
        self._lingering = 0
        self.deadline = time.monotonic() + _LINGER_SECONDS
        self._slow_reader.begin()
        if self.front.draining or not transport.can_write_eof():
            transport.close()
        else:
            transport.write_eof()
            if not transport.is_reading():
                transport.resume_reading()

    def expire(self, now: float) -> None:
        """A time-out of reading has passed."""
        self.deadline = NEVER
        if self._lingering >= 0:
            if self.transport.get_write_buffer_size():  # still sending: the write time-out has the say
                self.deadline = now + _LINGER_SECONDS
            else:
                self.transport.abort()
        elif self.incoming is not None:
            incoming, self.incoming = self.incoming, None
            self.close_after = True
            incoming.stream.fail(RequestTimeoutError("the body did not arrive in time", limit="body_idle_timeout"))
        elif self._buffer and self.exchange is None:
            self.refuse(RequestTimeoutError("the head did not arrive in time", limit="head_timeout"))
        elif self.exchange is None:
            self._close()

    def _close(self) -> None:
        """Close once everything is written; whoever does not read it is cut after the write time-out."""
        if not self.transport.is_closing():
            self._slow_reader.begin()
            self.transport.close()

    def hand_over(self) -> bytes:
        """Leave the connection to a tunnel; what has arrived behind the request's head."""
        front = self.front
        front.deadlines.forget(self)
        front.connections.discard(self)
        self._slow_reader.end()
        self.exchange = None
        buffer, self._buffer = self._buffer, b""
        return buffer

    def forget(self) -> None:
        """The connection's place is free again, for others and for its address."""
        front = self.front
        front.occupied -= 1
        front.by_address[self.address] -= 1
        if front.by_address[self.address] <= 0:
            del front.by_address[self.address]
        front.room()

    def drain(self) -> None:
        """Finish what is under way, then close; at once when nothing is."""
        self.close_after = True
        if self.exchange is None and not self._buffer and self._lingering < 0:
            self._close()

    def abort(self) -> None:
        """Cut the connection."""
        self.transport.abort()
