"""Reading a body piece by piece: the sink behind `async for`."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from gateway.errors import StreamAbortedError
from gateway.http.fields import Fields
from gateway.http.flow import HIGH_WATER, StreamEnd, Waitable

if TYPE_CHECKING:
    from gateway.http.body import BodyStream


class Reader:
    """The sink of an iteration. Waking it may run the reading coroutine there and then, so that comes last."""

    __slots__ = ("_held", "_waiting", "chunks", "error", "over", "stream")

    def __init__(self, stream: BodyStream) -> None:
        self.stream = stream
        self.chunks: deque[bytes] = deque()
        self.over = False
        self.error: Exception | None = None
        self._held = 0
        self._waiting: Waitable | None = None

    def feed(self, data: bytes) -> None:
        self.chunks.append(data)
        before, self._held = self._held, self._held + len(data)
        if before <= HIGH_WATER < self._held:
            self.stream.pause()
        self._wake()

    def finish(self, trailers: Fields | None) -> None:
        self.over = True
        self._wake()

    def fail(self, error: Exception) -> None:
        self.over = True
        self.error = error
        self._wake()

    def ended(self, end: StreamEnd) -> None:
        """Somebody else aborted the stream: whoever reads must not wait for ever."""
        if end is StreamEnd.ABORTED:
            self.chunks.clear()
            self.fail(self.error or StreamAbortedError("the body was aborted"))

    def take(self) -> bytes:
        piece = self.chunks.popleft()
        before, self._held = self._held, self._held - len(piece)
        if self._held <= HIGH_WATER < before:
            self.stream.resume()
        return piece

    async def more(self) -> None:
        self._waiting = waiting = self.stream.waiter()
        try:
            await waiting
        except BaseException:
            self._waiting = None
            self.stream.abort()
            raise

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)


class Pieces:
    """What an `async for` holds. It goes with the loop, however that ends, and takes the rest of the body along."""

    __slots__ = ("_reader",)

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> bytes:
        reader = self._reader
        while not reader.chunks:
            if reader.error is not None:
                raise reader.error
            if reader.over:
                raise StopAsyncIteration
            await reader.more()
        return reader.take()

    def __del__(self) -> None:
        self._reader.stream.abort()
