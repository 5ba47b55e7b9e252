"""A request's body on its way in: from the downstream connection into a stream, with its framing and its bounds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway.chain.deadlines import NEVER
from gateway.chain.eager import Waiter
from gateway.errors import BodyTooLargeError, GatewayError
from gateway.http.body import BodyStream
from gateway.http.chunked import ChunkedReader
from gateway.http.fields import Fields
from gateway.http.request_head import CHUNKED

if TYPE_CHECKING:
    from gateway.listener.http1 import Http1Connection


class IncomingBody:
    """The source of one request's body. As soon as the body is complete it lets go of the connection."""

    __slots__ = ("_connection", "_octets", "_reader", "_remaining", "stream", "wants_continue")

    def __init__(self, connection: Http1Connection, length: int, *, expect: bool) -> None:
        limits = connection.front.limits
        self._connection = connection
        self._octets = 0
        self._reader = ChunkedReader(limits.chunk_overhead) if length == CHUNKED else None
        self._remaining = length
        self.stream = BodyStream(None if length == CHUNKED else length, self)
        self.wants_continue = expect
        """Whether the downstream waits for 100 before it sends (RFC 9110 §10.1.1)."""
        if expect:
            self.stream.on_first_read(self._invite)
        connection.deadline = time.monotonic() + limits.body_idle_timeout

    def receive(self, data: bytes) -> None:
        """The next octets of the connection, of the body or behind it."""
        connection = self._connection
        connection.deadline = time.monotonic() + connection.front.limits.body_idle_timeout
        self.wants_continue = False
        if self._reader is not None:
            self._receive_chunked(self._reader, data)
        elif len(data) < self._remaining:
            self._remaining -= len(data)
            self.stream.feed(data)
        else:
            remaining = self._remaining
            connection.body_received(data[remaining:])
            self.stream.feed(data if len(data) == remaining else data[:remaining])
            self.stream.finish()

    def _receive_chunked(self, reader: ChunkedReader, data: bytes) -> None:
        connection = self._connection
        limit = connection.front.limits.body
        try:
            content = reader.feed(data)
            self._octets += len(content)
            if self._octets > limit:
                raise BodyTooLargeError(f"the body has more than {limit} octets", limit="body")
        except GatewayError as error:
            connection.close_after = True
            connection.body_received(data)  # never read: only so that the connection lingers over what still comes
            self.stream.fail(error)
            return
        if reader.complete:
            connection.body_received(reader.rest)
        if content:
            self.stream.feed(content)
        if reader.complete:
            self.stream.finish(reader.trailers)

    def _invite(self) -> None:
        """Somebody here wants the content and the upstream was not asked: send 100."""
        if self.wants_continue and self._connection.incoming is self:
            self._connection.send_interim(100, Fields())

    # BodySource: the body's consumer steers the connection while the body lasts

    def pause(self) -> None:
        """The consumer cannot take more for now; its slowness is not the downstream's."""
        connection = self._connection
        if connection.incoming is self and not connection.transport.is_closing():
            connection.deadline = NEVER
            connection.transport.pause_reading()

    def resume(self) -> None:
        """The consumer can take more again."""
        connection = self._connection
        if connection.incoming is self and not connection.transport.is_closing():
            connection.deadline = time.monotonic() + connection.front.limits.body_idle_timeout
            connection.transport.resume_reading()

    def cancel(self) -> None:
        """Nobody wants the rest: the connection ends with its answer."""
        if self._connection.incoming is self:
            self._connection.close_after = True
            self.resume()

    def waiter(self) -> Waiter[None]:
        """For coroutines that read the body."""
        return Waiter()
