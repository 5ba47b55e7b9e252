"""A body that is changed on its way: the sink of the one stream and the source of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import StreamAbortedError
from gateway.http.fields import Fields
from gateway.http.flow import StreamEnd, Transform, Waitable

if TYPE_CHECKING:
    from gateway.http.body import BodyStream


class Inner:
    """The source of a stream made from another stream."""

    __slots__ = ("_stream",)

    def __init__(self, stream: BodyStream) -> None:
        self._stream = stream

    def pause(self) -> None:
        self._stream.pause()

    def resume(self) -> None:
        self._stream.resume()

    def cancel(self) -> None:
        self._stream.abort()

    def waiter(self) -> Waitable:
        return self._stream.waiter()


class Transforming:
    """Takes octets from `stream`, feeds what `change` makes of them to `changed`."""

    __slots__ = ("_change", "_changed", "_stream")

    def __init__(self, stream: BodyStream, change: Transform, changed: BodyStream) -> None:
        self._stream = stream
        self._change = change
        self._changed = changed

    def feed(self, data: bytes) -> None:
        try:
            changed = self._change.feed(data)
        except Exception as error:
            self._changed.fail(error)
            self._stream.abort()
        else:
            self._changed.feed(changed)

    def finish(self, trailers: Fields | None) -> None:
        try:
            rest = self._change.finish()
        except Exception as error:
            self._changed.fail(error)
        else:
            self._changed.feed(rest)
            self._changed.finish(trailers)

    def fail(self, error: Exception) -> None:
        self._changed.fail(error)

    def ended(self, end: StreamEnd) -> None:
        """Somebody else aborted the inner stream."""
        if end is StreamEnd.ABORTED:
            self._changed.fail(StreamAbortedError("the body was aborted"))
