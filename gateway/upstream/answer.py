"""An answer's body on its way in: into a stream, or gathered when it is small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.chain.eager import Waiter
from gateway.errors import BadRequestError, GatewayError, UpstreamProtocolError
from gateway.http.body import BodyStream
from gateway.http.chunked import ChunkedReader
from gateway.http.message import Response
from gateway.http.request_head import CHUNKED
from gateway.http.response_head import UNTIL_CLOSE

if TYPE_CHECKING:
    from gateway.upstream.http1 import UpstreamConnection

MAX_CHUNK_OVERHEAD = 16 * 1024
"""Octets of chunk extensions and trailers in one answer."""


class Waiting(Protocol):
    """Who waits for an answer. One of the two is called, once and last: it may send the next request."""

    def set_result(self, result: Response, /) -> None:
        """The head has come, and what is known of the body."""

    def set_exception(self, error: BaseException, /) -> None:
        """No head will come."""


class AnswerBody:
    """The source of one streamed answer. As soon as the body is complete it lets go of the connection."""

    __slots__ = ("_connection", "_length", "_reader", "_remaining", "stream")

    def __init__(self, connection: UpstreamConnection, length: int, reader: ChunkedReader | None = None) -> None:
        self._connection = connection
        self._length = length
        self._remaining = length
        self._reader = reader
        self.stream = BodyStream(length if length >= 0 else None, self)

    def receive(self, data: bytes) -> None:
        """The next octets of the connection. Raises UpstreamProtocolError when their framing is broken."""
        if self._length == CHUNKED:
            self._receive_chunked(data)
        elif self._length == UNTIL_CLOSE or len(data) < self._remaining:
            self._remaining -= len(data)
            self.stream.feed(data)
        else:
            remaining = self._remaining
            self._connection.answer_received(has_more=len(data) > remaining)
            self.stream.feed(data if len(data) == remaining else data[:remaining])
            self.stream.finish()

    def _receive_chunked(self, data: bytes) -> None:
        reader = self._reader
        assert reader is not None
        try:
            content = reader.feed(data)
        except BadRequestError as error:
            raise UpstreamProtocolError(error.detail) from None
        self.take(content)

    def take(self, content: bytes) -> None:
        """Pass on what the chunked reader has found, and its end."""
        reader = self._reader
        complete = reader is not None and reader.complete
        if reader is not None and complete:
            self._connection.answer_received(has_more=bool(reader.rest))
        if content:
            self.stream.feed(content)
        if reader is not None and complete:
            self.stream.finish(reader.trailers)

    def finish(self) -> None:
        """The end of the connection was the end of the body."""
        self.stream.finish()

    def fail(self, error: GatewayError) -> None:
        """The body broke off."""
        self.stream.fail(error)

    def abort(self) -> None:
        """Nobody wants the body."""
        self.stream.abort()

    @property
    def ends_with_connection(self) -> bool:
        """Whether the end of the connection is the end of the body (RFC 9112 §6.3 item 8)."""
        return self._length == UNTIL_CLOSE

    # BodySource: the downstream steers the connection while the body lasts

    def pause(self) -> None:
        """The downstream takes no more for now; its slowness is not the upstream's."""
        if self._connection.answer is self:
            self._connection.pause_answer()

    def resume(self) -> None:
        """The downstream takes more again."""
        if self._connection.answer is self:
            self._connection.resume_answer()

    def cancel(self) -> None:
        """Nobody wants the rest."""
        if self._connection.answer is self:
            self._connection.close()

    def waiter(self) -> Waiter[None]:
        """For coroutines that read the body."""
        return Waiter()


class SmallAnswer:
    """A body that is awaited whole before its answer goes on. Until then a fault is an answer of its own."""

    __slots__ = ("_connection", "length", "octets", "response")

    ends_with_connection = False

    def __init__(self, connection: UpstreamConnection, response: Response, length: int, octets: bytes) -> None:
        self._connection = connection
        self.response = response
        self.length = length
        self.octets = octets
        """What has come so far."""

    def receive(self, data: bytes) -> None:
        """The next octets of the connection."""
        octets = self.octets = self.octets + data
        if len(octets) >= self.length:
            self.response.body = octets[: self.length]
            self._connection.complete(self.response, has_more=len(octets) > self.length)

    def finish(self) -> None:
        """Cannot happen: the length says where the body ends."""

    def fail(self, error: GatewayError) -> None:
        """The body broke off: nobody has seen any of it."""

    def abort(self) -> None:
        """Nobody wants the body."""
