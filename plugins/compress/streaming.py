"""A streamed content that changes its form on the way, and how long octets may wait for more.

A compressor that is left alone keeps octets back until it has a block. Whoever reads a page or an event as it is made
must not wait for that: what comes first, and all of live types, goes out before the loop turns to anything else, and
otherwise nothing waits longer than `flush_after`. What is whole within one turn is not flushed in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.api import BodyStream, Fields, StreamAbortedError, StreamEnd
from gateway.http.body_transform import Inner
from plugins.compress.codecs import Encoder
from plugins.compress.decoding import Decoder
from plugins.compress.marking import trailers_for_other_octets


class Timer(Protocol):
    """What can be told not to go off."""

    def cancel(self) -> None: ...


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls back after so many seconds."""
Ended = Callable[[int, int, float], None]
"""Hears the octets before and after, and the seconds that the change took."""


class Flush:
    """When octets that wait in the compressor are sent on."""

    __slots__ = ("after", "is_live", "later")

    def __init__(self, after: float, later: Later, *, is_live: bool) -> None:
        self.after = after
        """Seconds they may wait; 0 for none."""
        self.later = later
        self.is_live = is_live or not after
        """Whether none ever wait."""


class FormStream:
    """Takes octets from one stream, feeds what becomes of them to another: the sink of the one, as good as the source
    of the other."""

    __slots__ = (
        "_begun",
        "_clock",
        "_decoder",
        "_encoder",
        "_ended",
        "_fed",
        "_flush",
        "_octets",
        "_on_first",
        "_seconds",
        "_sent",
        "_stream",
        "_timer",
        "changed",
    )

    def __init__(
        self,
        stream: BodyStream,
        decoder: Decoder | None,
        encoder: Encoder | None,
        flush: Flush,
        clock: Callable[[], float],
        ended: Ended,
    ) -> None:
        self._stream = stream
        self._decoder = decoder
        self._encoder = encoder
        self._flush = flush
        self._clock = clock
        self._ended = ended
        self._timer: Timer | None = None
        self._begun = False
        self._fed = False
        self._octets = 0
        self._sent = 0
        self._seconds = 0.0
        self._on_first: Callable[[], None] | None = None
        self.changed = BodyStream(None, Inner(stream))
        """The stream of what becomes of it."""

    def begin(self) -> BodyStream:
        """Take what has come and all that follows; the changed stream."""
        self.changed.on_first_read(self._stream.reads)
        self._stream.attach(self)
        self._stream.on_end(self._stream_ended)
        return self.changed

    @property
    def has_begun(self) -> bool:
        """Whether octets have come, or the end."""
        return self._begun or self.changed.end is not None

    def on_first(self, callback: Callable[[], None]) -> None:
        """Call back once `has_begun`; for a stream that has not yet."""
        self._on_first = callback

    # --- the sink of the one stream --------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        clock = self._clock
        began = clock()
        self._octets += len(data)
        try:
            out = data if self._decoder is None else self._decoder.feed(data)
            if self._encoder is not None:
                out = self._encode(self._encoder, out)
        except Exception as error:
            self._stop_waiting()
            self.changed.fail(error)
            self._stream.abort()
        else:
            self._seconds += clock() - began
            self._send(out)
        self._tell_first()

    def _encode(self, encoder: Encoder, data: bytes) -> bytes:
        if not data:
            return b""
        if self._timer is None and self._stream.end is None:
            flush = self._flush
            self._timer = flush.later(0.0 if flush.is_live or not self._fed else flush.after, self._flush_now)
        self._fed = True
        return encoder.feed(data)

    def _flush_now(self) -> None:
        """Octets have waited long enough."""
        self._timer = None
        if self.changed.end is None and self._encoder is not None:
            self._send(self._encoder.flush())

    def _send(self, data: bytes) -> None:
        if data:
            self._begun = True
            self._sent += len(data)
            self.changed.feed(data)

    def finish(self, trailers: Fields | None) -> None:
        self._stop_waiting()
        try:
            rest = b"" if self._decoder is None else self._decoder.finish()
            if self._encoder is not None:
                rest = self._encoder.finish()
        except Exception as error:
            self.changed.fail(error)
        else:
            self._send(rest)
            self.changed.finish(trailers_for_other_octets(trailers))
            self._ended(self._octets, self._sent, self._seconds)
        self._tell_first()

    def fail(self, error: Exception) -> None:
        self._stop_waiting()
        self.changed.fail(error)
        self._tell_first()

    def _stream_ended(self, end: StreamEnd) -> None:
        """Somebody gave the stream up: a sink hears nothing of that."""
        if end is StreamEnd.ABORTED:
            self._stop_waiting()
            self.changed.fail(StreamAbortedError("the body was aborted"))
            self._tell_first()

    def _stop_waiting(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _tell_first(self) -> None:
        if self._on_first is not None and self.has_begun:
            callback, self._on_first = self._on_first, None
            callback()
