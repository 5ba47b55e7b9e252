"""A streamed answer on its way into the store, beside the client that gets it."""

from __future__ import annotations

from collections.abc import Callable

from gateway.api import BodyStream, Fields
from plugins.cache.reasons import NotStoredReason


class Fill:
    """Collects content up to a limit. Says once what became of it: the content, or why there is none."""

    __slots__ = ("_done", "_limit", "_octets", "_pieces", "_stream")

    def __init__(self, stream: BodyStream, limit: int, done: Callable[[bytes | NotStoredReason], None]) -> None:
        """Begin to read `stream`. It is given up when it turns out longer than `limit` octets."""
        self._stream = stream
        self._limit = limit
        self._done: Callable[[bytes | NotStoredReason], None] | None = done
        self._pieces: list[bytes] = []
        self._octets = 0
        stream.attach(self)

    def feed(self, data: bytes) -> None:
        """The next octets."""
        self._octets += len(data)
        if self._octets > self._limit:
            self._end(NotStoredReason.TOO_LARGE)
            self._stream.abort()
        elif self._done is not None:
            self._pieces.append(data)

    def finish(self, trailers: Fields | None) -> None:
        """The content is complete. Trailers are not stored."""
        if self._done is not None:
            self._end(b"".join(self._pieces))

    def fail(self, error: Exception) -> None:
        """The content broke off (RFC 9111 §3.3)."""
        self._end(NotStoredReason.INCOMPLETE)

    def _end(self, result: bytes | NotStoredReason) -> None:
        done, self._done = self._done, None
        self._pieces = []
        if done is not None:
            done(result)
