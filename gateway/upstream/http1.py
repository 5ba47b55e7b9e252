"""A connection to an upstream server: one exchange at a time, HTTP/1.1 (RFC 9112).

Everything that may be wrong with an answer's framing ends here: before the head is handed on it is an error with a
status of its own; afterwards it cuts the downstream's body short. A connection goes back to its pool only when the
exchange was complete, nothing came behind it, and both sides want to keep it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from gateway.chain.deadlines import NEVER
from gateway.errors import (
    BadRequestError,
    GatewayError,
    UpstreamBrokenError,
    UpstreamClosedError,
    UpstreamProtocolError,
    UpstreamTimeoutError,
)
from gateway.http.body import BodyStream
from gateway.http.chunked import ChunkedReader
from gateway.http.message import Request, Response
from gateway.http.request_head import CHUNKED
from gateway.http.response_head import MAX_HEAD, ResponseHeads, check_partial_head
from gateway.upstream.answer import MAX_CHUNK_OVERHEAD, AnswerBody, SmallAnswer, Waiting
from gateway.upstream.upgrade import check_switch
from gateway.upstream.upload import Upload
from gateway.websocket.tunnel import UpgradedUpstream

if TYPE_CHECKING:
    from gateway.upstream.forward import ExchangeTimeouts
    from gateway.upstream.pool import Pool

MAX_INTERIM = 32
"""1xx responses to one request."""
GATHER_UP_TO = 32 * 1024
"""Octets of a body with known length that are awaited before the answer goes on: head and body then leave in one
write, and a body that breaks off is a clean 502 instead of a cut connection."""
GATHER_SECONDS = 0.1
"""How long to wait for the rest; at the next sweep after it the answer is streamed like any other."""
WRITE_HIGH_WATER = 256 * 1024
_heads = ResponseHeads()

IDLE, AWAITING, GATHERING, BODY, CLOSED = range(5)
"""What a connection does: waits for a request, for a head, for the rest of a small body; streams a body; is gone."""


class UpstreamConnection(asyncio.Protocol):
    """One connection of a pool."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set before anything else happens
        self.state = IDLE
        self.deadline = NEVER
        self.exchanges = 0
        """Requests it has carried, this one included."""
        self.sent_at = 0.0
        self._buffer = b""
        self._request: Request | None = None
        self._waiter: Waiting | None = None
        self._reusable = True
        self.answer: AnswerBody | SmallAnswer | None = None
        """The body of the current answer, while octets of it are still to come."""
        self._interims = 0
        self.upload: Upload | None = None
        """The body of the current request, while octets of it are still to be sent."""
        self._timeouts: ExchangeTimeouts
        self._total_deadline = NEVER
        self._paused = False
        self._writing_paused = False

    # --- an exchange begins ----------------------------------------------------------------------

    def begin(
        self, request: Request, head: bytes, timeouts: ExchangeTimeouts, now: float, until: float, waiter: Waiting
    ) -> None:
        """Send a request; `waiter` gets the response. Times are monotonic seconds."""
        self.exchanges += 1
        self._request = request
        self._timeouts = timeouts
        self._total_deadline = until
        self._interims = 0
        self.state = AWAITING
        self._waiter = waiter
        self.sent_at = now
        body = request.body
        if isinstance(body, BodyStream):
            self.transport.write(head)
            upload = self.upload = Upload(self, body)
            self.deadline = NEVER  # until the upload is through, only its own idle time-outs count
            body.attach(upload)
            body.on_end(upload.ended)
        else:
            if not body:
                self.transport.write(head)
            elif len(body) > WRITE_HIGH_WATER:
                self.transport.writelines((head, body))
            else:
                self.transport.write(head + body)
            deadline = now + timeouts.first_byte
            self.deadline = deadline if deadline < until else until

    def upload_finished(self) -> None:
        """The request's last octet has been written."""
        self.upload = None
        if self.state == AWAITING:
            now = time.monotonic()
            self._total_deadline = now + self._timeouts.total
            self.deadline = now + min(self._timeouts.first_byte, self._timeouts.total)

    def upload_failed(self, error: Exception) -> None:
        """The request cannot be completed: the origin must not take it for whole."""
        self.upload = None
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
        if state == AWAITING:
            self._receive_head(data)
        elif state in (BODY, GATHERING):
            self._receive_body(data)
        else:
            self.close()

    def eof_received(self) -> bool:
        """The server sends no more; `connection_lost` follows and says what that means."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        state = self._leave()
        if state == AWAITING:
            if self._buffer:
                self._wake_with(UpstreamProtocolError("the upstream closed in the middle of a head"))
            else:
                self._wake_with(UpstreamClosedError("the upstream closed the connection before it answered"))
        elif self.answer is not None:
            answer, self.answer = self.answer, None
            if exc is None and answer.ends_with_connection:
                answer.finish()
            else:
                error = UpstreamBrokenError("the upstream broke off in the middle of its answer")
                answer.fail(error)
                self._wake_with(error)

    def pause_writing(self) -> None:
        """The server reads slowly."""
        self._writing_paused = True
        if self.upload is not None:
            self.upload.body.pause()
            self.deadline = time.monotonic() + self._timeouts.idle

    def resume_writing(self) -> None:
        """The server has caught up."""
        self._writing_paused = False
        if self.upload is not None:
            answering = self.state != AWAITING
            self.deadline = time.monotonic() + self._timeouts.idle if answering else NEVER
            self.upload.body.resume()

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
                    check_partial_head(data)
                    self._buffer = data
                    if self.upload is None:
                        self.deadline = self._total_deadline
                    return
                end += 4
                if end > MAX_HEAD:
                    raise UpstreamProtocolError(f"the answer's head has more than {MAX_HEAD} octets")
                rest = data[end:]
                head = data[:end] if rest else data
                response, length, reusable, upgrade = _heads.parse(head, request.method)
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
            self._reusable = reusable
            now = time.monotonic()
            waited = now - self.sent_at
            request.upstream_wait += waited
            self.pool.figures.first_byte.observe(waited)
            if length == len(rest):  # all of it is here: nearly every time
                response.body = rest
                waiter, self._waiter = self._waiter, None  # the connection may serve somebody else from here on
                self._end_exchange(False)
                if waiter is not None:
                    waiter.set_result(response)
            else:
                self._receive_content(response, length, rest, now)
        except GatewayError as error:
            self._fail(error)

    def _receive_content(self, response: Response, length: int, rest: bytes, now: float) -> None:
        """What to do with an answer whose content is not just what came with its head."""
        if length >= 0:
            if len(rest) > length:
                response.body = rest[:length]
                self.complete(response, has_more=True)
            elif length <= GATHER_UP_TO:
                self.answer = SmallAnswer(self, response, length, rest)
                self.state = GATHERING
                self.deadline = now + GATHER_SECONDS
            else:
                self._stream_rest(response, AnswerBody(self, length), rest)
        elif length == CHUNKED:
            self._receive_chunked(response, rest)
        else:
            self._stream_rest(response, AnswerBody(self, length), rest)

    def _receive_chunked(self, response: Response, rest: bytes) -> None:
        reader = ChunkedReader(MAX_CHUNK_OVERHEAD)
        try:
            content = reader.feed(rest) if rest else b""
        except BadRequestError as error:
            raise UpstreamProtocolError(error.detail) from None
        if reader.complete and reader.trailers is None:  # all here at once: no need to stream
            response.body = content
            self.complete(response, has_more=bool(reader.rest))
            return
        answer = AnswerBody(self, CHUNKED, reader)
        waiter = self._stream_on(response, answer)
        answer.take(content)
        if waiter is not None:
            waiter.set_result(response)

    def _stream_rest(self, response: Response, answer: AnswerBody, rest: bytes) -> None:
        waiter = self._stream_on(response, answer)
        if rest:
            answer.receive(rest)
        if waiter is not None:
            waiter.set_result(response)

    def complete(self, response: Response, *, has_more: bool) -> None:
        """The whole answer is here: the connection is free before the answer goes on."""
        waiter, self._waiter = self._waiter, None  # the connection may serve somebody else from here on
        self.answer = None
        self._end_exchange(has_more)
        if waiter is not None:
            waiter.set_result(response)

    def _stream_on(self, response: Response, answer: AnswerBody) -> Waiting | None:
        """The answer goes on while its body is still arriving. Returns who waits for it: should the body be complete
        already, the connection serves somebody else, who waits as well, before the answer is handed over."""
        response.body = answer.stream
        self.answer = answer
        self.state = BODY
        self.deadline = time.monotonic() + self._timeouts.idle
        waiter, self._waiter = self._waiter, None
        return waiter

    # --- bodies --------------------------------------------------------------------------------------

    def _receive_body(self, data: bytes) -> None:
        answer = self.answer
        if answer is None:
            self.close()
            return
        if self.state == BODY and not self._paused:
            self.deadline = time.monotonic() + self._timeouts.idle
        try:
            answer.receive(data)
        except GatewayError as error:
            self._fail(error)

    def pause_answer(self) -> None:
        """Read no more of the answer for now."""
        self._paused = True
        self.deadline = NEVER
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_answer(self) -> None:
        """Read on."""
        self._paused = False
        self.deadline = time.monotonic() + self._timeouts.idle
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def answer_received(self, *, has_more: bool) -> None:
        """The streamed answer is complete; its body lets go of the connection."""
        if self._paused:
            self.resume_answer()
        self.answer = None
        self._end_exchange(has_more)

    # --- the end of an exchange ------------------------------------------------------------------------

    def _end_exchange(self, has_more: bool) -> None:
        """The answer is complete: back to the pool, or close."""
        self._request = None
        if has_more or not self._reusable or self.upload is not None or self._writing_paused:
            self.close()
        else:
            self.state = IDLE
            self.pool.release(self)

    def _switch(self, response: Response, upgrade: bytes | None, rest: bytes, request: Request) -> None:
        """The server agrees to change protocols (RFC 9110 §15.2.2); checked before anybody believes it."""
        check_switch(request, response, upgrade)
        request.upstream_wait += time.monotonic() - self.sent_at
        response.dated = True
        waiter, self._waiter = self._waiter, None
        self._leave()
        self.transport.pause_reading()  # until the tunnel is there
        response.upgraded = UpgradedUpstream(self.transport, rest, lambda: None)
        if waiter is not None:
            waiter.set_result(response)

    def abandon(self, request: Request) -> None:
        """Whoever awaited the answer to `request` is gone. By then the connection may carry another one."""
        if self._request is request:
            self._waiter = None
            if self.answer is not None:
                self.answer.abort()
            self.close()

    def _fail(self, error: GatewayError) -> None:
        answer, self.answer = self.answer, None
        self.close()
        if answer is not None:
            answer.fail(error)
        self._wake_with(error)

    def _wake_with(self, error: Exception) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.set_exception(error)

    def close(self) -> None:
        """End the connection at once, whatever it is doing."""
        self.answer = None
        self._leave()
        self.transport.abort()

    def _leave(self) -> int:
        """Leave sweep and pool; what the connection was doing."""
        state, self.state = self.state, CLOSED
        if state != CLOSED:
            self.deadline = NEVER
            self.pool.deadlines.forget(self)
            self.pool.lost(self, was_idle=state == IDLE)
            upload, self.upload = self.upload, None
            if upload is not None:
                upload.body.abort()
        return state

    @property
    def died_unused(self) -> bool:
        """Whether a kept connection ended before any octet of an answer: the server may never have seen the
        request (RFC 9112 §9.3.1)."""
        return self.exchanges > 1 and self._interims == 0 and not self._buffer

    # --- time ------------------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """The deadline of the present state has passed."""
        self.deadline = NEVER
        if self.state == IDLE:
            self.close()
        elif self._writing_paused and self.upload is not None:
            self._fail(UpstreamTimeoutError("the upstream did not take the request's body in time"))
        elif self.state == AWAITING:
            self._fail(UpstreamTimeoutError("the upstream did not answer in time"))
        elif isinstance(self.answer, SmallAnswer):  # it takes its time: let those who wait see what there is
            small = self.answer
            self._stream_rest(small.response, AnswerBody(self, small.length), small.octets)
        else:
            self._fail(UpstreamBrokenError("the upstream stalled in the middle of its answer"))
