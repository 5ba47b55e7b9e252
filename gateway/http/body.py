"""A body that arrives in pieces, and what may be done with it.

A `BodyStream` joins one source (whoever receives the octets) and one sink (whoever wants them) by plain
calls: no task wakes per piece, and back-pressure is `pause` and `resume` on the source. Until a sink is
attached the pieces wait here, and the source is paused above `HIGH_WATER`.

A stream ends exactly once: finished, failed (the source could not go on) or aborted (nobody wants the
rest). What must last as long as the body (a permit, a measurement) hangs on `on_end`."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator
from typing import Protocol

from gateway.errors import BodyTooLargeError, StreamAbortedError
from gateway.http.fields import Fields

HIGH_WATER = 64 * 1024
"""Octets that may wait in a stream without a sink before its source is paused."""


class Waitable(Protocol):
    """The part of a future that a reader needs."""

    def done(self) -> bool: ...

    def set_result(self, result: None, /) -> None: ...

    def __await__(self) -> Generator[object, None, None]: ...


class BodySource(Protocol):
    """Where the octets of a stream come from."""

    def pause(self) -> None:
        """Stop delivering for now."""

    def resume(self) -> None:
        """Go on delivering."""

    def cancel(self) -> None:
        """Nobody wants the rest."""

    def waiter(self) -> Waitable:
        """Something a coroutine that reads can sleep on: a future, or the road's lighter `Waiter`."""


class BodySink(Protocol):
    """Where the octets of a stream go. `finish` or `fail` is the last call."""

    def feed(self, data: bytes) -> None: ...

    def finish(self, trailers: Fields | None) -> None: ...

    def fail(self, error: Exception) -> None: ...


class Transform(Protocol):
    """An incremental change of content: octets in, octets out (compressors have this shape)."""

    def feed(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class StreamEnd(enum.Enum):
    """How a stream ended."""

    FINISHED = "finished"
    FAILED = "failed"
    ABORTED = "aborted"


class _NoSource:
    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def cancel(self) -> None: ...

    def waiter(self) -> Waitable:
        raise RuntimeError("a stream without a source has nothing to wait for")


NO_SOURCE: BodySource = _NoSource()


class BodyStream:
    """Content on its way. Attach one sink, or iterate, or `read`; once only."""

    __slots__ = ("_chunks", "_ended", "_first_read", "_held", "_sink", "_source", "end", "error", "length", "trailers")

    def __init__(self, length: int | None = None, source: BodySource = NO_SOURCE) -> None:
        self.length = length
        """Octets in the whole body, `None` when only the end will tell."""
        self.trailers: Fields | None = None
        """Set before the stream finishes, when the message had trailers."""
        self.end: StreamEnd | None = None
        """`None` while octets may still come."""
        self.error: Exception | None = None
        self._source = source
        self._sink: BodySink | None = None
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._ended: list[Callable[[StreamEnd], None]] | None = None
        self._first_read: Callable[[], None] | None = None

    # --- for the source -------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Hand over the next octets. Ignored once the stream has ended."""
        sink = self._sink
        if sink is not None:
            if self.end is None:
                sink.feed(data)
        elif self.end is None and data:
            self._chunks.append(data)
            before, self._held = self._held, self._held + len(data)
            if before <= HIGH_WATER < self._held:
                self._source.pause()

    def finish(self, trailers: Fields | None = None) -> None:
        """All octets have been fed."""
        if self.end is not None:
            return
        self.trailers = trailers
        self._close(StreamEnd.FINISHED)
        if self._sink is not None:
            self._sink.finish(trailers)

    def fail(self, error: Exception) -> None:
        """The source cannot go on; what was fed is not the whole body."""
        if self.end is not None:
            return
        self.error = error
        self._close(StreamEnd.FAILED)
        if self._sink is not None:
            self._sink.fail(error)

    def on_first_read(self, callback: Callable[[], None]) -> None:
        """Call back when somebody other than the upstream first asks for octets (RFC 9110 §10.1.1: then
        the gateway itself answers `Expect: 100-continue`)."""
        self._first_read = callback

    # --- for the sink ---------------------------------------------------------------------

    def attach(self, sink: BodySink) -> None:
        """Send what waits here and all that follows to `sink`. Raises RuntimeError when there is a sink already."""
        if self._sink is not None:
            raise RuntimeError("the body already has a reader")
        self._sink = sink
        chunks, held = self._chunks, self._held
        self._held = 0
        while chunks:
            sink.feed(chunks.popleft())
        if self.end is None:
            if held > HIGH_WATER:
                self._source.resume()
        elif self.end is StreamEnd.FINISHED:
            sink.finish(self.trailers)
        else:
            sink.fail(self.error or StreamAbortedError("the body was aborted"))

    def pause(self) -> None:
        """The sink cannot take more for now."""
        if self.end is None:
            self._source.pause()

    def resume(self) -> None:
        """The sink can take more again."""
        if self.end is None:
            self._source.resume()

    def abort(self) -> None:
        """Nobody wants the rest. The source is told; the sink hears nothing more."""
        if self.end is not None:
            return
        self._sink = self._sink or _DISCARD
        self._chunks.clear()
        self._close(StreamEnd.ABORTED)
        self._source.cancel()

    def on_end(self, callback: Callable[[StreamEnd], None]) -> None:
        """Call back once, when the last octet has been fed, or the stream failed or was aborted."""
        if self.end is not None:
            callback(self.end)
        elif self._ended is None:
            self._ended = [callback]
        else:
            self._ended.append(callback)

    def _close(self, end: StreamEnd) -> None:
        self.end = end
        callbacks, self._ended = self._ended, None
        if callbacks is not None:
            for callback in callbacks:
                callback(end)

    # --- for those who want the content itself -----------------------------------------------

    def reads(self) -> None:
        """Announce that the gateway itself wants the content (see `on_first_read`)."""
        callback, self._first_read = self._first_read, None
        if callback is not None:
            callback()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces as they come. Raises the source's error when the body breaks off."""
        self.reads()
        reader = _Reader(self, self._source)
        self.attach(reader)
        try:
            async for chunk in reader.pieces():
                yield chunk
        finally:
            self.abort()

    async def read(self, limit: int) -> bytes:
        """The whole content. Raises BodyTooLargeError above `limit` octets, or the source's error."""
        if self.length is not None and self.length > limit:
            raise BodyTooLargeError(f"the body has {self.length} octets, more than {limit}")
        pieces: list[bytes] = []
        size = 0
        async for piece in self:
            size += len(piece)
            if size > limit:
                raise BodyTooLargeError(f"the body has more than {limit} octets")
            pieces.append(piece)
        return b"".join(pieces)

    def transform(self, change: Transform) -> BodyStream:
        """A stream of the changed content. Its length is unknown; trailers stay; this stream is used up."""
        changed = BodyStream(None, _Upstream(self))
        self.attach(_Transforming(change, changed))
        return changed

    def tee(self, max_lag: int) -> tuple[BodyStream, BodyStream]:
        """Two streams of the same content, in step with the faster one.

        The slower may lag by `max_lag` octets; beyond that it fails with StreamAbortedError and the
        other goes on. When one is aborted the other goes on alone."""
        tee = _Tee(self, max_lag)
        self.attach(tee)
        return tee.branches


class _Discard:
    def feed(self, data: bytes) -> None: ...

    def finish(self, trailers: Fields | None) -> None: ...

    def fail(self, error: Exception) -> None: ...


_DISCARD: BodySink = _Discard()


class _Upstream:
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
        return self._stream._source.waiter()


class _Reader:
    """A sink that an `async for` empties."""

    __slots__ = ("_chunks", "_held", "_over", "_source", "_stream", "_waiting")

    def __init__(self, stream: BodyStream, source: BodySource) -> None:
        self._stream = stream
        self._source = source
        self._waiting: Waitable | None = None
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._over = False

    def feed(self, data: bytes) -> None:
        self._chunks.append(data)
        before, self._held = self._held, self._held + len(data)
        if before <= HIGH_WATER < self._held:
            self._stream.pause()
        self._wake()

    def finish(self, trailers: Fields | None) -> None:
        self._over = True
        self._wake()

    def fail(self, error: Exception) -> None:
        self._over = True
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def pieces(self) -> AsyncIterator[bytes]:
        while True:
            while self._chunks:
                piece = self._chunks.popleft()
                before, self._held = self._held, self._held - len(piece)
                if self._held <= HIGH_WATER < before:
                    self._stream.resume()
                yield piece
            if self._over:
                break
            self._waiting = self._source.waiter()
            await self._waiting
        if self._stream.error is not None:
            raise self._stream.error


class _Transforming:
    __slots__ = ("_change", "_changed")

    def __init__(self, change: Transform, changed: BodyStream) -> None:
        self._change = change
        self._changed = changed

    def feed(self, data: bytes) -> None:
        changed = self._change.feed(data)
        if changed:
            self._changed.feed(changed)

    def finish(self, trailers: Fields | None) -> None:
        rest = self._change.finish()
        if rest:
            self._changed.feed(rest)
        self._changed.finish(trailers)

    def fail(self, error: Exception) -> None:
        self._changed.fail(error)


class _Tee:
    """One source, two streams. The source runs as fast as the faster branch; the slower may lag."""

    __slots__ = ("_max_lag", "_paused", "_stream", "_waiting", "branches")

    def __init__(self, stream: BodyStream, max_lag: int) -> None:
        self._stream = stream
        self._max_lag = max_lag
        first = _Branch(self, 0)
        second = _Branch(self, 1)
        self.branches = (BodyStream(stream.length, first), BodyStream(stream.length, second))
        self._paused = [False, False]
        self._waiting: tuple[deque[bytes], deque[bytes]] = (deque(), deque())

    def feed(self, data: bytes) -> None:
        for which, branch in enumerate(self.branches):
            if branch.end is not None:
                continue
            if not self._paused[which]:
                branch.feed(data)
                continue
            waiting = self._waiting[which]
            waiting.append(data)
            if sum(map(len, waiting)) > self._max_lag:
                waiting.clear()
                branch.fail(StreamAbortedError(f"fell more than {self._max_lag} octets behind"))
                self._steer()

    def finish(self, trailers: Fields | None) -> None:
        for which, branch in enumerate(self.branches):
            self._empty(which)
            branch.finish(trailers)

    def fail(self, error: Exception) -> None:
        for which, branch in enumerate(self.branches):
            self._empty(which)
            branch.fail(error)

    def pause(self, which: int) -> None:
        self._paused[which] = True
        self._steer()

    def resume(self, which: int) -> None:
        self._paused[which] = False
        self._empty(which)
        self._steer()

    def cancel(self, which: int) -> None:
        self._waiting[which].clear()
        self._steer()

    def waiter(self) -> Waitable:
        return self._stream._source.waiter()

    def _empty(self, which: int) -> None:
        waiting, branch = self._waiting[which], self.branches[which]
        while waiting:
            branch.feed(waiting.popleft())

    def _steer(self) -> None:
        """Pause the source when every live branch is paused; drop it when none lives."""
        live = [which for which, branch in enumerate(self.branches) if branch.end is None]
        if not live:
            self._stream.abort()
        elif all(self._paused[which] for which in live):
            self._stream.pause()
        else:
            self._stream.resume()


class _Branch:
    __slots__ = ("_tee", "_which")

    def __init__(self, tee: _Tee, which: int) -> None:
        self._tee = tee
        self._which = which

    def pause(self) -> None:
        self._tee.pause(self._which)

    def resume(self) -> None:
        self._tee.resume(self._which)

    def cancel(self) -> None:
        self._tee.cancel(self._which)

    def waiter(self) -> Waitable:
        return self._tee.waiter()
