"""Two ends for a body: a source that remembers what it was told, and a sink that remembers what it got."""

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.http.body import BodyStream, Waitable
from gateway.http.fields import Fields


class RecordingSource:
    """A source that does nothing by itself."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.paused = False

    def pause(self) -> None:
        self.told.append("pause")
        self.paused = True

    def resume(self) -> None:
        self.told.append("resume")
        self.paused = False

    def cancel(self) -> None:
        self.told.append("cancel")

    def waiter(self) -> Waitable:
        future: Any = asyncio.get_running_loop().create_future()
        return future  # type: ignore[no-any-return]  # a future of asyncio is a Waitable


class RecordingSink:
    """A sink that checks the order of its calls: octets, then one end, then nothing."""

    def __init__(self, on_feed: Callable[[bytes], None] | None = None) -> None:
        self.pieces: list[bytes] = []
        self.ends: list[str] = []
        self.trailers: Fields | None = None
        self.error: Exception | None = None
        self.on_feed = on_feed

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)

    def feed(self, data: bytes) -> None:
        assert not self.ends, "octets after the end"
        assert data, "a piece without octets"
        self.pieces.append(data)
        if self.on_feed is not None:
            self.on_feed(data)

    def finish(self, trailers: Fields | None) -> None:
        self.ends.append("finish")
        self.trailers = trailers

    def fail(self, error: Exception) -> None:
        self.ends.append("fail")
        self.error = error


def stream_of(*pieces: bytes, length: int | None = None) -> BodyStream:
    """A finished body of these pieces, which nobody has read yet."""
    stream = BodyStream(length, RecordingSource())
    for piece in pieces:
        stream.feed(piece)
    stream.finish()
    return stream
