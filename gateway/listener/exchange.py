"""One exchange: the task a request runs in, and its response on the way out.

An answer that is ready at once is written in the call that brought the request. A body that is at hand leaves
with its head in one write; a stream's pieces go from the source to the transport by plain calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from gateway.chain.eager import EagerTask
from gateway.errors import GatewayError, NoRouteError, StreamAbortedError
from gateway.http.body import BodyStream, StreamEnd
from gateway.http.chunked import encode_last_chunk
from gateway.http.fields import Fields
from gateway.http.message import Body, Replayable, Request, Response
from gateway.listener.encode import NO_CONTENT, has_no_content, response_head, upgrade_head
from gateway.listener.error_response import error_response, internal_error, let_again
from gateway.listener.record import access_record

if TYPE_CHECKING:
    from gateway.listener.front import Route
    from gateway.listener.http1 import Http1Connection

JOIN_UP_TO = 64 * 1024
"""Octets up to which copying a body behind its head is cheaper than a vectored write."""
CLIENT_LEFT = 499
"""Status in figures and log for an exchange whose downstream left before the answer began."""


async def _no_route() -> Response:
    raise NoRouteError("no route of this gateway matches the request")


class Exchange(EagerTask):
    """A request being answered. As a `BodySink` it writes a streamed response."""

    # Defaults on the class: one is made for every request, and most of them need only what changes.
    response: Response | None = None
    error: GatewayError | None = None
    head_sent = False
    _stream: BodyStream | None = None
    _head = b""
    _length: int | None = None
    _chunked = False
    _sent = 0
    _own = 0.0

    def __init__(
        self,
        connection: Http1Connection,
        request: Request,
        route: Route | None,
        work: Coroutine[Any, Any, Response] | None = None,
    ) -> None:
        """`work` stands in for the chain of the route."""
        if route is not None:
            request.route = route.name
        self.connection = connection
        self.request = request
        self.route = route
        self._work = work

    def begin(self) -> None:
        """Ask for the answer, which may come in this very call."""
        work, route = self._work, self.route
        if work is None and route is not None:
            if route.direct is not None:
                self._waiting = route.direct(self.request, self)
                if self._waiting is not None:
                    return
            work = route.handler(self.request)  # type: ignore[assignment]  # handlers are coroutine functions
        self.take_over(work or _no_route())

    def take_over(self, work: Coroutine[Any, Any, Response]) -> None:
        """Run a coroutine for the answer."""
        EagerTask.__init__(self, work, self.connection.front.loop)
        self.resume()

    # --- the end of the chain ------------------------------------------------------------------

    def succeeded(self, result: Any) -> None:
        """The chain has answered."""
        try:
            if self.connection.exchange is not self:
                self._record(CLIENT_LEFT, time.monotonic())
                result.discard()
            elif result.status == 101:
                self._upgrade(result)
            else:
                self._answer(result)
        except Exception as error:  # of a plugin: no response, a body with two readers
            self._spoiled(error)

    def failed(self, error: BaseException) -> None:
        """The chain has raised."""
        connection, front = self.connection, self.connection.front
        if connection.exchange is not self:  # the downstream left and the task was cancelled
            if not isinstance(error, asyncio.CancelledError | GatewayError):
                front.log.error("a plugin failed after the downstream left", exc_info=error, route=self.request.route)
            self._record(CLIENT_LEFT, time.monotonic())
            return
        if isinstance(error, GatewayError):
            self.error = error
            front.figures.error(error.reason)
            if error.limit is not None:
                front.figures.limit_hit(error.limit)
            if error.close:
                connection.close_after = True
            response = error_response(error, self.request, front.name)
            if error.replay is not None:
                let_again(response, error.replay, front.clock.monotonic())
        else:
            front.figures.error("internal")
            front.log.error("the chain failed", exc_info=error, route=self.request.route, target=self.request.target)
            response = internal_error(self.request, front.name)
        self._answer(response)

    def _spoiled(self, error: Exception) -> None:
        """What the chain gave cannot be sent."""
        connection = self.connection
        if connection.exchange is self and not self.head_sent:
            self.failed(error)
            return
        connection.front.log.error("an answer cannot be sent", exc_info=error, route=self.request.route)
        if connection.exchange is self:
            connection.front.figures.error("internal")
            connection.broke_off(reset=True)

    def abandon(self) -> None:
        """The downstream is gone."""
        connection = self.connection
        connection.exchange = None
        if not self.finished:
            self.leave()
            return
        stream, response = self._stream, self.response
        self._stream = None
        if stream is not None:
            stream.abort()
        if response is not None:
            self._record(response.status, time.monotonic())
            self._tell(response, complete=False)

    def _tell(self, response: Response, *, complete: bool) -> None:
        """Tell those who wait for the response's end; what they raise is theirs and must not hold the road up."""
        try:
            response.sent(complete)
        except Exception as error:
            self.connection.front.log.error(
                "a plugin failed after its answer", exc_info=error, route=self.request.route
            )

    # --- the answer ----------------------------------------------------------------------------

    def _answer(self, response: Response) -> None:
        connection, request = self.connection, self.request
        front = connection.front
        self.response = response
        self.head_sent = True
        now = time.monotonic()
        self._own = now - request.started - request.upstream_wait
        date = None
        if not response.dated and b"date" not in response.fields:
            date = front.dates.at(front.clock.wall())
        if connection.incoming is not None:
            connection.close_after = True
        body = response.body
        status = response.status
        if body.__class__ is bytes and status not in NO_CONTENT and request.method != "HEAD":  # nearly every time
            size = self._sent = len(body)
            head = response_head(response, size, False, connection.close_after, request.minor, date)
            row = front.figures.row
            row[front.figures.octets_out] += len(head) + size
            if size > JOIN_UP_TO:
                connection.transport.writelines((head, body))
            else:
                connection.transport.write(head + body)
            if response.replay is not None:
                self._offer_replay(response, response.replay, head, body)
            self._record(status, now)
            if response.has_callbacks:
                self._tell(response, complete=True)
            connection.finished(now)
        else:
            self._answer_otherwise(response, body, date, now)

    def _offer_replay(self, response: Response, source: Replayable, head: bytes, body: bytes) -> None:
        """Let the replay lane give this answer again to the same head."""
        connection, request, route = self.connection, self.request, self.route
        octets, lane = connection.head, connection.front.lane
        usual = request.method == "GET" and request.minor == 1 and not connection.close_after
        log = connection.front.access_log
        if not octets or not usual or request.offers_replay != lane.state or (log is not None and log.enabled):
            return
        if route is not None and lane.state:
            is_error, lines = self.error is not None, response.replay_lines
            if not is_error or lane.comes_again(octets, request.fields):
                lane.offer(connection.replays, octets, head, body, lines, source, route.figures, response.status)

    def _answer_otherwise(self, response: Response, body: Body, date: bytes | None, now: float) -> None:
        """Answers without content, and streamed ones."""
        connection, request = self.connection, self.request
        stream = None if isinstance(body, bytes) else body
        length = response.described_length
        chunked = False
        if has_no_content(request.method, response.status):
            if stream is not None:
                length = stream.length if length is None else length
                stream.abort()
                stream = None
            elif length is None and body and request.method == "HEAD":
                length = len(body)  # type: ignore[arg-type]  # not a stream, so bytes
            if response.status == 204:
                length = None
        elif stream is not None:
            length = stream.length
            chunked = length is None and request.minor == 1
            if length is None and not chunked:
                connection.close_after = True  # HTTP/1.0: the end of the connection is the end of the body
        head = response_head(response, length, chunked, connection.close_after, request.minor, date)
        if stream is None:
            self._write_head(head)
            if response.replay is not None and response.status == 304:
                self._offer_replay(response, response.replay, head, b"")
            self._complete(now)
            return
        self._stream = stream
        self._length = length
        self._chunked = chunked
        self._head = head
        stream.attach(self)
        if self._head:  # nothing has come of the body yet
            self._write_head(self._head)
            self._head = b""
        stream.on_end(self._stream_ended)
        if connection.paused and self._stream is not None:
            stream.pause()

    def _stream_ended(self, end: StreamEnd) -> None:
        """Somebody else aborted the body: a sink hears nothing of that."""
        if end is StreamEnd.ABORTED and self._stream is not None:
            self.fail(StreamAbortedError("the body was aborted"))

    def _write_head(self, head: bytes) -> None:
        figures = self.connection.front.figures
        figures.row[figures.octets_out] += len(head)
        self.connection.transport.write(head)

    def feed(self, data: bytes) -> None:
        """The next octets of a streamed body."""
        transport = self.connection.transport
        figures = self.connection.front.figures
        head, self._head = self._head, b""
        size = len(data)
        self._sent += size
        figures.row[figures.octets_out] += len(head) + size
        if self._length is not None and self._sent > self._length:
            self._overrun()
        elif self._chunked:
            line = b"%b%x\r\n" % (head, size)
            if size <= JOIN_UP_TO:
                transport.write(b"%b%b\r\n" % (line, data))
            else:
                transport.writelines((line, data, b"\r\n"))
        elif not head:
            transport.write(data)
        elif size <= JOIN_UP_TO:
            transport.write(head + data)
        else:
            transport.writelines((head, data))

    def _overrun(self) -> None:
        """More than the head promised: what is beyond would pass for another answer."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.abort()
            self.fail(StreamAbortedError(f"a body of {self._length} octets goes on behind them"))

    def finish(self, trailers: Fields | None) -> None:
        """The streamed body is complete."""
        self._stream = None
        if self._length is not None and self._sent != self._length:
            self.fail(StreamAbortedError(f"a body of {self._length} octets ended after {self._sent}"))
            return
        head, self._head = self._head, b""
        if self._chunked:
            self.connection.transport.write(head + encode_last_chunk(trailers))
        elif head:
            self.connection.transport.write(head)
        self._complete(time.monotonic())

    def fail(self, error: Exception) -> None:
        """The streamed body broke off: cut the connection, so that nobody takes it for whole (RFC 9112 §8)."""
        connection, response = self.connection, self.response
        head, self._head, self._stream = self._head, b"", None
        if head:  # nothing has gone out: the client can be told
            if response is not None:
                self._tell(response, complete=False)
            self.failed(error)
            return
        connection.front.figures.error(getattr(error, "reason", "internal"))
        if not isinstance(error, GatewayError):
            connection.front.log.error("a body failed", exc_info=error, route=self.request.route)
        if response is not None:
            self._record(response.status, time.monotonic(), broken=True)
            self._tell(response, complete=False)
        connection.broke_off(reset=self._length is None and not self._chunked)

    def pause_body(self) -> None:
        """The downstream takes no more for now."""
        if self._stream is not None:
            self._stream.pause()

    def resume_body(self) -> None:
        """The downstream takes more again."""
        if self._stream is not None:
            self._stream.resume()

    def _complete(self, now: float) -> None:
        response = self.response
        assert response is not None
        self._record(response.status, now)
        if response.has_callbacks:
            self._tell(response, complete=True)
        self.connection.finished(now)

    def _record(self, status: int, now: float, *, broken: bool = False) -> None:
        request = self.request
        route = self.route
        if route is not None:
            route.figures.record(request.method, status, now - request.started, self._own)
        log = self.connection.front.access_log
        if log is not None and log.enabled:
            log.write(
                access_record(self, status, now, self._own, self._sent, broken, self.connection.front.clock.wall())
            )

    # --- upgrades --------------------------------------------------------------------------------

    def _upgrade(self, response: Response) -> None:
        """Leave HTTP behind (RFC 9110 §7.8)."""
        connection, front = self.connection, self.connection.front
        upgraded = response.upgraded
        if upgraded is None:
            raise ValueError("a 101 without the other side of a tunnel")
        now = time.monotonic()
        self._own = now - self.request.started - self.request.upstream_wait
        transport = connection.transport
        transport.write(upgrade_head(response, self.request.upgrade or b"websocket"))
        received = connection.hand_over()
        figures = front.figures
        figures.tunnels.inc()
        figures.tunnels_total.inc()

        def ended() -> None:
            figures.tunnels.dec()
            connection.forget()
            response.sent(True)

        limits = front.limits
        idle, join = limits.tunnel_idle_timeout, limits.tunnel_join
        front.tunnels.begin(self.request, upgraded, transport, received, idle, ended, join)
        self._record(101, now)
