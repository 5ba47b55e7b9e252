"""A streamed request body on its way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import StreamAbortedError, UpstreamBrokenError
from gateway.http.body import BodyStream, StreamEnd
from gateway.http.chunked import encode_chunk, encode_last_chunk
from gateway.http.fields import Fields

if TYPE_CHECKING:
    from gateway.upstream.http1 import UpstreamConnection


class Upload:
    """The sink of a streamed request body. A body that breaks off never looks whole to the origin."""

    __slots__ = ("_chunked", "_connection", "_left", "body")

    def __init__(self, connection: UpstreamConnection, body: BodyStream) -> None:
        self._connection = connection
        self._chunked = body.length is None
        self._left = body.length or 0
        self.body = body

    def feed(self, data: bytes) -> None:
        """The next octets."""
        transport = self._connection.transport
        if transport.is_closing() or self._connection.upload is not self:
            return
        if self._chunked:
            transport.write(encode_chunk(data))
        else:
            self._left -= len(data)
            if self._left < 0:  # it would pass for another request
                self._connection.upload_failed(UpstreamBrokenError("the request's body does not have its length"))
                self.body.abort()
            else:
                transport.write(data)

    def finish(self, trailers: Fields | None) -> None:
        """All octets have been fed."""
        connection = self._connection
        if connection.upload is not self:
            return
        if self._left != 0:
            connection.upload_failed(UpstreamBrokenError("the request's body does not have its length"))
            return
        if self._chunked and not connection.transport.is_closing():
            connection.transport.write(encode_last_chunk(trailers))
        connection.upload_finished()

    def fail(self, error: Exception) -> None:
        """The body broke off."""
        if self._connection.upload is self:
            self._connection.upload_failed(error)

    def ended(self, end: StreamEnd) -> None:
        """Somebody else aborted the body: a sink hears nothing of that."""
        if end is StreamEnd.ABORTED:
            self.fail(StreamAbortedError("the request's body was aborted"))
