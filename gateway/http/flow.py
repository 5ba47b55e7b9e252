"""The words a body's source, the body and its sink have in common."""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator, Iterable
from typing import Protocol, TypeVar

from gateway.http.fields import Fields

T = TypeVar("T")

HIGH_WATER = 64 * 1024
"""Octets that may wait in a stream without a sink before its source is paused."""


class Waitable(Protocol):
    """The part of a future that a reader needs."""

    def done(self) -> bool: ...

    def set_result(self, result: None, /) -> None: ...

    def __await__(self) -> Generator[object, None, None]: ...


class BodySource(Protocol):
    """Where the octets of a stream come from.

    A stream that ends while its source is paused resumes it: the last octets may have filled the sink, and the
    connection they came by has other messages to bring. After that, and after `cancel`, a stream says nothing more."""

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


def call_all(callbacks: Iterable[Callable[[T], None]], argument: T) -> None:
    """Call every one of them, though another fails; then raise the first error."""
    failure: Exception | None = None
    for callback in callbacks:
        try:
            callback(argument)
        except Exception as error:
            failure = failure or error
    if failure is not None:
        raise failure
