"""A body that arrives in pieces, and what may be done with it.

A `BodyStream` joins one source (whoever receives the octets) and one sink (whoever wants them) by plain
calls: no task wakes per piece, and back-pressure is `pause` and `resume` on the source. Until a sink is
attached the pieces wait here, and the source is paused above `HIGH_WATER`.

A stream ends exactly once: finished, failed (the source could not go on) or aborted (nobody wants the
rest). What must last as long as the body (a permit, a measurement) hangs on `on_end`."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable

from gateway.errors import BodyTooLargeError, StreamAbortedError
from gateway.http.body_reader import Pieces, Reader
from gateway.http.body_tee import Branch, Tee
from gateway.http.body_transform import Inner, Transforming
from gateway.http.fields import Fields
from gateway.http.flow import HIGH_WATER, NO_SOURCE, BodySink, BodySource, StreamEnd, Transform, Waitable, call_all

__all__ = ["HIGH_WATER", "NO_SOURCE", "BodySink", "BodySource", "BodyStream", "StreamEnd", "Transform", "Waitable"]


class BodyStream:
    """Content on its way. Attach one sink, or iterate, or `read`; once only."""

    __slots__ = (
        "_attached",
        "_chunks",
        "_ended",
        "_first_read",
        "_given_up",
        "_held",
        "_paused",
        "_sink",
        "_source",
        "_stopped",
        "end",
        "error",
        "length",
        "trailers",
    )

    def __init__(self, length: int | None = None, source: BodySource = NO_SOURCE) -> None:
        self.length = length
        """Octets in the whole body, `None` when only the end will tell."""
        self.trailers: Fields | None = None
        """Set before the stream finishes, when the message had trailers."""
        self.end: StreamEnd | None = None
        """`None` while octets may still come."""
        self.error: Exception | None = None
        self._source = source
        self._sink: BodySink | None = None  # only once it has what waited here, and only until the end
        self._attached = False
        self._given_up = False
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._paused = False  # what the source was told last
        self._stopped = False  # what the sink wants
        self._ended: list[Callable[[StreamEnd], None]] | None = None
        self._first_read: Callable[[], None] | None = None

    # --- for the source -------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Hand over the next octets. Ignored once the stream has ended."""
        if not data or self.end is not None:
            return
        sink = self._sink
        if sink is not None:
            sink.feed(data)
            return
        self._chunks.append(data)
        self._held += len(data)
        if self._held > HIGH_WATER and not self._paused:
            self._paused = True
            self._source.pause()

    def finish(self, trailers: Fields | None = None) -> None:
        """All octets have been fed."""
        if self.end is not None:
            return
        self.trailers = trailers
        sink, self._sink = self._sink, None
        try:
            self._close(StreamEnd.FINISHED)
        finally:
            if sink is not None:
                sink.finish(trailers)

    def fail(self, error: Exception) -> None:
        """The source cannot go on; what was fed is not the whole body."""
        if self.end is not None:
            return
        self.error = error
        sink, self._sink = self._sink, None
        try:
            self._close(StreamEnd.FAILED)
        finally:
            if sink is not None:
                sink.fail(error)

    def on_first_read(self, callback: Callable[[], None]) -> None:
        """Call back when somebody other than the upstream first asks for octets (RFC 9110 §10.1.1: then
        the gateway itself answers `Expect: 100-continue`)."""
        self._first_read = callback

    # --- for the sink ---------------------------------------------------------------------

    def attach(self, sink: BodySink) -> None:
        """Send what waits here and all that follows to `sink`. Raises RuntimeError when there was a sink already."""
        if self._attached:
            raise RuntimeError("the body already has a reader")
        self._attached = True
        gone = self._given_up
        chunks = self._chunks
        while chunks:  # what arrives meanwhile queues up behind
            chunk = chunks.popleft()
            self._held -= len(chunk)
            sink.feed(chunk)
        if self._given_up:
            if gone:
                sink.fail(StreamAbortedError("the body was aborted"))
        elif self.end is None:
            self._sink = sink
            if self._paused and not self._stopped:
                self._paused = False
                self._source.resume()
        elif self.end is StreamEnd.FINISHED:
            sink.finish(self.trailers)
        else:
            sink.fail(self.error or StreamAbortedError("the body was aborted"))

    @property
    def is_taken(self) -> bool:
        """Whether somebody reads or has read it, or it was given up: nobody else can have it from the beginning."""
        return self._attached or self._given_up

    def pause(self) -> None:
        """The sink cannot take more for now."""
        self._stopped = True
        if not self._paused and self.end is None:
            self._paused = True
            self._source.pause()

    def resume(self) -> None:
        """The sink can take more again."""
        self._stopped = False
        if self._paused and self._held <= HIGH_WATER and self.end is None:
            self._paused = False
            self._source.resume()

    def abort(self) -> None:
        """Nobody wants the rest. The source is told; the sink hears nothing more.

        After the end it only drops what still waits here."""
        if self.end is not None:
            self._given_up = self._given_up or bool(self._chunks)
            self._chunks.clear()
            return
        self._given_up = True
        self._sink = None
        self._chunks.clear()
        self._held = 0
        try:
            self._close(StreamEnd.ABORTED)
        finally:
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
        if self._paused and end is not StreamEnd.ABORTED:
            self._paused = False
            self._source.resume()
        if callbacks is not None:
            call_all(callbacks, end)

    # --- for those who want the content itself -----------------------------------------------

    def reads(self) -> None:
        """Announce that the gateway itself wants the content (see `on_first_read`)."""
        callback, self._first_read = self._first_read, None
        if callback is not None:
            callback()

    def waiter(self) -> Waitable:
        """Something to sleep on until the source has delivered, for readers."""
        return self._source.waiter()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces as they come. Raises the source's error when the body breaks off.

        Leaving the loop early aborts the rest."""
        self.reads()
        reader = Reader(self)
        self.attach(reader)
        self.on_end(reader.ended)
        return Pieces(reader)

    async def read(self, limit: int) -> bytes:
        """The whole content, at once when it has all arrived. Raises the source's error, or BodyTooLargeError
        above `limit` octets: with a known length before anything was read, otherwise the rest is aborted."""
        if self.length is not None and self.length > limit:
            raise BodyTooLargeError(f"the body has {self.length} octets, more than {limit}")
        pieces: list[bytes] = []
        size = 0
        async for piece in self:
            size += len(piece)
            if size > limit:
                self.abort()
                raise BodyTooLargeError(f"the body has more than {limit} octets")
            pieces.append(piece)
        return b"".join(pieces)

    def transform(self, change: Transform) -> BodyStream:
        """A stream of the changed content. Its length is unknown; trailers stay; this stream is used up.

        An error of `change` fails the new stream and aborts this one."""
        changed = BodyStream(None, Inner(self))
        changed.on_first_read(self.reads)
        step = Transforming(self, change, changed)
        self.attach(step)
        self.on_end(step.ended)
        return changed

    def tee(self, max_lag: int, *, keep_first: bool = False) -> tuple[BodyStream, BodyStream]:
        """Two streams of the same content, in step with the faster one.

        The slower may lag by `max_lag` octets; beyond that it fails with StreamAbortedError and the
        other goes on. With `keep_first` the first never fails so: the source waits for it instead. When
        one is aborted the other goes on alone. Each piece comes to the second before it comes to the first."""
        tee = Tee(self, max_lag, keep_first)
        tee.branches = branches = (BodyStream(self.length, Branch(tee, 0)), BodyStream(self.length, Branch(tee, 1)))
        for branch in branches:
            branch.on_first_read(self.reads)
        self.attach(tee)
        self.on_end(tee.ended)
        return branches
