"""An answer's content on its way into the store, beside the client that gets it."""

from __future__ import annotations

from collections.abc import Callable

from gateway.api import BodyStream, Fields, StreamEnd
from plugins.idempotency.reasons import KeptReason


class Collector:
    """Collects content up to a limit. Says once what became of it: the content, or why there is none.

    Content of a known length is said with its last octet, before a client can have it and ask again."""

    __slots__ = ("_done", "_limit", "_octets", "_pieces", "_stream")

    def __init__(self, stream: BodyStream, limit: int, done: Callable[[bytes | KeptReason], None]) -> None:
        """Begin to read `stream`. It is let go when it turns out longer than `limit` octets."""
        self._stream = stream
        self._limit = limit
        self._done: Callable[[bytes | KeptReason], None] | None = done
        self._pieces: list[bytes] = []
        self._octets = 0
        stream.attach(self)
        stream.on_end(self._ended)

    def feed(self, data: bytes) -> None:
        """The next octets."""
        self._octets += len(data)
        if self._octets > self._limit:
            self._say(KeptReason.TOO_LARGE)
            self._stream.abort()
        elif self._done is not None:
            self._pieces.append(data)
            if self._octets == self._stream.length:
                self._say(b"".join(self._pieces))

    def finish(self, trailers: Fields | None) -> None:
        """The content is complete."""
        self._say(b"".join(self._pieces))

    def fail(self, error: Exception) -> None:
        """The content broke off."""
        self._say(KeptReason.FAILED)

    def _ended(self, end: StreamEnd) -> None:
        if end is StreamEnd.ABORTED:
            self._say(KeptReason.FAILED)

    def _say(self, result: bytes | KeptReason) -> None:
        done, self._done = self._done, None
        self._pieces = []
        if done is not None:
            done(result)
