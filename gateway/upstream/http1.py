"""A connection to an upstream server: one exchange at a time, HTTP/1.1 (RFC 9112).

Everything that may be wrong with an answer's framing ends here: before the head is handed on it is an error with a
status of its own; afterwards it cuts the downstream's body short. A connection goes back to its pool only when the exchange
was complete, nothing came behind it, and both sides want to keep it."""

from __future__ import annotations

import asyncio
import base64
import enum
import hashlib
import time
from typing import TYPE_CHECKING

from gateway.chain.deadlines import NEVER
from gateway.chain.eager import Waiter
from gateway.errors import (
    BadRequestError,
    GatewayError,
    UpstreamBrokenError,
    UpstreamClosedError,
    UpstreamProtocolError,
    UpstreamTimeoutError,
)
from gateway.http.body import BodyStream
from gateway.http.chunked import ChunkedReader, encode_chunk, encode_last_chunk
from gateway.http.fields import Fields
from gateway.http.message import Request, Response
from gateway.http.request_head import CHUNKED
from gateway.http.response_head import UNTIL_CLOSE, parse_response_head
from gateway.websocket.tunnel import UpgradedUpstream

if TYPE_CHECKING:
    from gateway.upstream.pool import Pool

MAX_HEAD = 64 * 1024
"""Octets of a response head. Twice what we take from downstreams: origins set large cookies."""
MAX_INTERIM = 32
"""1xx responses to one request."""
GATHER_UP_TO = 32 * 1024
"""Octets of a body with known length that are awaited before the answer goes on: head and body then leave in one
write, and a body that breaks off is a clean 502 instead of a cut connection."""
MAX_CHUNK_OVERHEAD = 64 * 1024
WRITE_HIGH_WATER = 256 * 1024
_WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class State(enum.Enum):
    """What the connection is doing."""

    IDLE = "idle"
    AWAITING = "awaiting the head"
    GATHERING = "gathering a small body"
    BODY = "streaming a body"
    CLOSED = "closed"


class ExchangeTimeouts:
    """Seconds an exchange may take, copied from the settings."""

    __slots__ = ("first_byte", "idle", "total")

    def __init__(self, first_byte: float, idle: float, total: float) -> None:
        self.first_byte = first_byte
        self.idle = idle
        self.total = total


class UpstreamConnection(asyncio.Protocol):
    """One connection of a pool."""

    __slots__ = (
        "_buffer",
        "_dated",
        "_interims",
        "_length",
        "_paused",
        "_reader",
        "_remaining",
        "_request",
        "_response",
        "_reusable",
        "_stream",
        "_timeouts",
        "_total_deadline",
        "_upload",
        "_waiter",
        "_writing_paused",
        "deadline",
        "exchanges",
        "pool",
        "sent_at",
        "state",
        "transport",
    )

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set before anything else happens
        self.state = State.IDLE
        self.deadline = NEVER
        self.exchanges = 0
        """Requests it has carried, this one included."""
        self.sent_at = 0.0
        self._buffer = b""
        self._request: Request | None = None
        self._waiter: Waiter[Response] | None = None
        self._response: Response | None = None
        self._length = 0
        self._reusable = True
        self._stream: BodyStream | None = None
        self._reader: ChunkedReader | None = None
        self._remaining = 0
        self._interims = 0
        self._upload: BodyStream | None = None
        self._timeouts: ExchangeTimeouts
        self._total_deadline = NEVER
        self._paused = False
        self._writing_paused = False

    # --- an exchange begins ----------------------------------------------------------------------

    def begin(
        self, request: Request, head: bytes, timeouts: ExchangeTimeouts, total_deadline: float
    ) -> Waiter[Response]:
        """Send a request; await the result for its response."""
        self.exchanges += 1
        self._request = request
        self._timeouts = timeouts
        self._total_deadline = total_deadline
        self._interims = 0
        self.state = State.AWAITING
        waiter = self._waiter = Waiter()
        now = self.sent_at = time.monotonic()
        body = request.body
        if isinstance(body, BodyStream):
            self.transport.write(head)
            self._upload = body
            self.deadline = NEVER  # until the upload is through, only its own idle time-outs count
            body.attach(_Upload(self, body))
        else:
            if not body:
                self.transport.write(head)
            elif len(body) > WRITE_HIGH_WATER:
                self.transport.writelines((head, body))
            else:
                self.transport.write(head + body)
            self.deadline = min(now + timeouts.first_byte, total_deadline)
        return waiter

    def upload_finished(self) -> None:
        """The request's last octet has been written."""
        self._upload = None
        if self.state is State.AWAITING:
            now = time.monotonic()
            self._total_deadline = now + self._timeouts.total
            self.deadline = now + min(self._timeouts.first_byte, self._timeouts.total)

    def upload_failed(self, error: Exception) -> None:
        """The request cannot be completed: the origin must not take it for whole."""
        self._upload = None
        self._fail(error if isinstance(error, GatewayError) else UpstreamBrokenError("the request's body broke off"))

    # --- the transport's calls ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is up."""
        self.transport = transport  # type: ignore[assignment]  # uvloop's transports have no common base
        transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)  # type: ignore[attr-defined]  # as above
        self.pool.deadlines.watch(self)

    def data_received(self, data: bytes) -> None:
        """Octets of an answer; in any state but a response under way they poison the connection."""
        state = self.state
        if state is State.AWAITING:
            self._receive_head(data)
        elif state is State.BODY:
            self._receive_body(data)
        elif state is State.GATHERING:
            self._gather(data)
        else:
            self._close()

    def eof_received(self) -> bool:
        """The server sends no more; `connection_lost` follows and says what that means."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        state, self.state = self.state, State.CLOSED
        if state is State.CLOSED:
            return
        self.deadline = NEVER
        self.pool.deadlines.forget(self)
        self._detach_upload()
        self.pool.lost(self, was_idle=state is State.IDLE)
        if state is State.AWAITING:
            if self._buffer:
                self._wake_with(UpstreamProtocolError("the upstream closed in the middle of a head"))
            else:
                self._wake_with(UpstreamClosedError("the upstream closed the connection before it answered"))
        elif state is State.GATHERING:
            self._wake_with(UpstreamBrokenError("the upstream broke off in the middle of its answer"))
        elif state is State.BODY and self._stream is not None:
            stream, self._stream = self._stream, None
            if exc is None and self._length == UNTIL_CLOSE:
                stream.finish()
            else:
                stream.fail(UpstreamBrokenError("the upstream broke off in the middle of its answer"))

    def pause_writing(self) -> None:
        """The server reads slowly."""
        self._writing_paused = True
        if self._upload is not None:
            self._upload.pause()
            self.deadline = time.monotonic() + self._timeouts.idle

    def resume_writing(self) -> None:
        """The server has caught up."""
        self._writing_paused = False
        if self._upload is not None:
            self.deadline = NEVER
            self._upload.resume()

    # --- heads ---------------------------------------------------------------------------------------

    def _receive_head(self, data: bytes) -> None:
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        request = self._request
        assert request is not None
        try:
            while True:
                end = data.find(b"\r\n\r\n")
                if end < 0:
                    self._keep_partial_head(data)
                    return
                end += 4
                if end > MAX_HEAD:
                    raise UpstreamProtocolError(f"the answer's head has more than {MAX_HEAD} octets")
                rest = data[end:]
                head = data[:end] if rest else data
                response, length, reusable, upgrade = parse_response_head(head, request.method)
                if response.status >= 200:
                    break
                if response.status == 101:
                    self._switch(response, upgrade, rest, request)
                    return
                self._interims += 1
                if self._interims > MAX_INTERIM:
                    raise UpstreamProtocolError(f"more than {MAX_INTERIM} interim responses")
                if request.interim is not None:
                    request.interim(response.status, response.fields)
                if not rest:
                    return
                data = rest
            self._length, self._reusable = length, reusable
            self._receive_final(response, length, rest, request)
        except GatewayError as error:
            self._fail(error)

    def _keep_partial_head(self, data: bytes) -> None:
        if not b"HTTP/1."[: len(data)] == data[:7]:
            raise UpstreamProtocolError("the answer does not begin with HTTP/1.1")
        if len(data) > MAX_HEAD:
            raise UpstreamProtocolError(f"the answer's head has more than {MAX_HEAD} octets")
        if data.count(b"\n") != data.count(b"\r\n"):
            raise UpstreamProtocolError("a line of the answer's head ends without CR")
        self._buffer = data
        if self._upload is None:
            self.deadline = self._total_deadline

    def _receive_final(self, response: Response, length: int, rest: bytes, request: Request) -> None:
        now = time.monotonic()
        waited = now - self.sent_at
        request.upstream_wait += waited
        self.pool.figures.first_byte.observe(waited)
        if length == 0:
            self._complete(response, bool(rest))
        elif length > 0:
            if len(rest) >= length:
                response.body = rest if len(rest) == length else rest[:length]
                self._complete(response, len(rest) > length)
            elif length <= GATHER_UP_TO:
                self._response = response
                self._buffer = rest
                self.state = State.GATHERING
                self.deadline = now + self._timeouts.idle
            else:
                self._remaining = length
                self._stream_on(response, BodyStream(length, self), rest)
        elif length == CHUNKED:
            reader = ChunkedReader(MAX_CHUNK_OVERHEAD)
            try:
                content = reader.feed(rest) if rest else b""
            except BadRequestError as error:
                raise UpstreamProtocolError(error.detail) from None
            if reader.complete and reader.trailers is None:
                response.body = content
                self._complete(response, bool(reader.rest))
            else:
                self._reader = reader
                self._stream_on(response, BodyStream(None, self), rest, content)
        else:
            self._stream_on(response, BodyStream(None, self), rest)

    def _gather(self, data: bytes) -> None:
        response = self._response
        assert response is not None
        length = self._length
        self._buffer += data
        size = len(self._buffer)
        if size >= length:
            body, self._buffer = self._buffer, b""
            response.body = body if size == length else body[:length]
            self._response = None
            self._complete(response, size > length)
        else:
            self.deadline = time.monotonic() + self._timeouts.idle

    def _complete(self, response: Response, has_more: bool) -> None:
        """The whole answer is here: the connection is free before the answer goes on."""
        waiter, self._waiter = self._waiter, None
        self._end_exchange(has_more)
        if waiter is not None:
            waiter.set_result(response)

    def _stream_on(self, response: Response, stream: BodyStream, rest: bytes, content: bytes | None = None) -> None:
        """The answer goes on while its body is still arriving."""
        response.body = stream
        self._stream = stream
        self.state = State.BODY
        self.deadline = time.monotonic() + self._timeouts.idle
        if content is None:
            if rest:
                self._receive_body(rest)
        else:
            if content:
                stream.feed(content)
            self._check_reader()
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.set_result(response)

    # --- bodies --------------------------------------------------------------------------------------

    def _receive_body(self, data: bytes) -> None:
        stream = self._stream
        if stream is None:
            self._close()
            return
        if not self._paused:
            self.deadline = time.monotonic() + self._timeouts.idle
        if self._reader is not None:
            try:
                content = self._reader.feed(data)
            except BadRequestError as error:
                self._fail(UpstreamProtocolError(error.detail))
                return
            if content:
                stream.feed(content)
            self._check_reader()
        elif self._remaining:
            remaining = self._remaining
            if len(data) < remaining:
                self._remaining = remaining - len(data)
                stream.feed(data)
                return
            self._remaining = 0
            self._stream = None
            has_more = len(data) > remaining
            self._end_exchange(has_more)
            stream.feed(data[:remaining] if has_more else data)
            stream.finish()
        else:
            stream.feed(data)

    def _check_reader(self) -> None:
        reader, stream = self._reader, self._stream
        if reader is not None and reader.complete and stream is not None:
            self._stream = self._reader = None
            self._end_exchange(bool(reader.rest))
            stream.finish(reader.trailers)

    # BodySource: the downstream steers this connection

    def pause(self) -> None:
        """The downstream takes no more for now; its slowness is not the upstream's."""
        self._paused = True
        self.deadline = NEVER
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """The downstream takes more again."""
        self._paused = False
        if self.state is State.BODY:
            self.deadline = time.monotonic() + self._timeouts.idle
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def cancel(self) -> None:
        """Nobody wants the rest of the answer."""
        self._stream = None
        self._close()

    def waiter(self) -> Waiter[None]:
        """For coroutines that read the body."""
        return Waiter()

    # --- the end of an exchange ------------------------------------------------------------------------

    def _end_exchange(self, has_more: bool) -> None:
        """The answer is complete: back to the pool, or close."""
        self._request = self._reader = None
        if self._paused:
            self.resume()
        if has_more or not self._reusable or self._upload is not None or self._writing_paused:
            self._detach_upload()
            self._close()
        else:
            self.state = State.IDLE
            self.pool.release(self)

    def _switch(self, response: Response, upgrade: bytes | None, rest: bytes, request: Request) -> None:
        """The server agrees to change protocols (RFC 9110 §15.2.2); checked before anybody believes it."""
        wanted = request.upgrade
        if wanted is None or upgrade is None or upgrade.lower() != wanted.lower():
            raise UpstreamProtocolError("a 101 that nobody asked for")
        if wanted.lower() == b"websocket":
            key = request.fields.get(b"sec-websocket-key") or b""
            accept = base64.b64encode(hashlib.sha1(key + _WEBSOCKET_GUID, usedforsecurity=False).digest())
            if response.fields.get(b"sec-websocket-accept") != accept:
                raise UpstreamProtocolError("a 101 with a wrong Sec-WebSocket-Accept (RFC 6455 §4.1)")
        request.upstream_wait += time.monotonic() - self.sent_at
        response.dated = True
        waiter, self._waiter = self._waiter, None
        self.state = State.CLOSED
        self.deadline = NEVER
        pool = self.pool
        pool.deadlines.forget(self)
        pool.lost(self, was_idle=False)
        self.transport.pause_reading()  # until the tunnel is there
        response.upgraded = UpgradedUpstream(self.transport, rest, lambda: None)
        if waiter is not None:
            waiter.set_result(response)

    def abandon(self) -> None:
        """Whoever awaited the answer is gone."""
        self._waiter = None
        if self.state is not State.IDLE:
            self._close()

    def _fail(self, error: GatewayError) -> None:
        stream, self._stream = self._stream, None
        self._detach_upload()
        self._close()
        if stream is not None:
            stream.fail(error)
        self._wake_with(error)

    def _wake_with(self, error: Exception) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.set_exception(error)

    def _detach_upload(self) -> None:
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.abort()

    def _close(self) -> None:
        if self.state is not State.CLOSED:
            was_idle = self.state is State.IDLE
            self.state = State.CLOSED
            self.deadline = NEVER
            self.pool.deadlines.forget(self)
            self.pool.lost(self, was_idle=was_idle)
        self._detach_upload()
        self.transport.abort()

    def close(self) -> None:
        """End an idle connection."""
        self._close()

    @property
    def died_unused(self) -> bool:
        """Whether a kept connection ended before any octet of an answer: the server may never have seen the
        request (RFC 9112 §9.3.1)."""
        return self.exchanges > 1 and self._interims == 0 and not self._buffer

    # --- time ------------------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """The deadline of the present state has passed."""
        self.deadline = NEVER
        if self.state is State.IDLE:
            self._close()
        elif self._writing_paused and self._upload is not None:
            self._fail(UpstreamTimeoutError("the upstream did not take the request's body in time"))
        elif self.state is State.AWAITING:
            self._fail(UpstreamTimeoutError("the upstream did not answer in time"))
        elif self.state is State.GATHERING:
            self._fail(UpstreamTimeoutError("the upstream stalled in the middle of its answer"))
        else:
            self._fail(UpstreamBrokenError("the upstream stalled in the middle of its answer"))


class _Upload:
    """The sink of a streamed request body."""

    __slots__ = ("_chunked", "_connection", "_left")

    def __init__(self, connection: UpstreamConnection, body: BodyStream) -> None:
        self._connection = connection
        self._chunked = body.length is None
        self._left = body.length or 0

    def feed(self, data: bytes) -> None:
        transport = self._connection.transport
        if transport.is_closing():
            return
        if self._chunked:
            transport.write(encode_chunk(data))
        else:
            self._left -= len(data)
            transport.write(data)

    def finish(self, trailers: Fields | None) -> None:
        transport = self._connection.transport
        if self._chunked and not transport.is_closing():
            transport.write(encode_last_chunk(trailers))
        if self._left != 0:
            self._connection.upload_failed(UpstreamBrokenError("the request's body does not have its length"))
            return
        self._connection.upload_finished()

    def fail(self, error: Exception) -> None:
        self._connection.upload_failed(error)
