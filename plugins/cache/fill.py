"""A streamed answer on its way into the store, beside the client that gets it."""

from __future__ import annotations

from collections.abc import Callable

from gateway.api import BodyStream, Fields
from plugins.cache.filling import Filling
from plugins.cache.reasons import NotStoredReason


class Fill:
    """Collects content up to a limit. Says once what became of it: the content, or why there is none."""

    __slots__ = ("_done", "_filling", "_limit", "_octets", "_pieces", "_stream", "reserved")

    def __init__(
        self,
        stream: BodyStream,
        limit: int,
        filling: Filling,
        reserved: int,
        done: Callable[[Fill, bytes | NotStoredReason], None],
    ) -> None:
        """`stream` is given up when it turns out longer than `limit` octets, or than `filling` has room for.

        `reserved` octets there are taken already; whoever is told the end gives back what `reserved` says then."""
        self._stream = stream
        self._limit = limit
        self._filling = filling
        self._done: Callable[[Fill, bytes | NotStoredReason], None] | None = done
        self._pieces: list[bytes] = []
        self._octets = 0
        self.reserved = reserved
        """Octets taken of what all fills together may have."""

    def begin(self) -> None:
        """Begin to read. What has come already may be all there is."""
        self._stream.attach(self)

    def feed(self, data: bytes) -> None:
        """The next octets."""
        if self._done is None:
            return
        self._octets += len(data)
        if self._octets > self._limit:
            self._give_up(NotStoredReason.TOO_LARGE)
        elif self._octets > self.reserved and not self._reserve(self._octets - self.reserved):
            self._give_up(NotStoredReason.CROWDED)
        else:
            self._pieces.append(data)

    def _reserve(self, octets: int) -> bool:
        if not self._filling.reserve(octets):
            return False
        self.reserved += octets
        return True

    def finish(self, trailers: Fields | None) -> None:
        """The content is complete. Trailers are not stored."""
        if self._done is not None:
            self._end(b"".join(self._pieces))

    def fail(self, error: Exception) -> None:
        """The content broke off (RFC 9111 §3.3)."""
        self._end(NotStoredReason.INCOMPLETE)

    def _give_up(self, reason: NotStoredReason) -> None:
        self._end(reason)
        self._stream.abort()

    def _end(self, result: bytes | NotStoredReason) -> None:
        done, self._done = self._done, None
        self._pieces = []
        if done is not None:
            done(self, result)
