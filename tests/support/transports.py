"""A connection without a socket: a test plays the peer and the kernel, one event at a time."""

from __future__ import annotations

import asyncio
from asyncio.tasks import _enter_task, _leave_task
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def as_callback() -> Iterator[None]:
    """What happens inside, happens as in a callback of the loop: outside the test's own task."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        yield
        return
    _leave_task(loop, task)
    try:
        yield
    finally:
        _enter_task(loop, task)


class FakeTransport(asyncio.Transport):
    """Remembers what is written, delivers what the peer sends, and calls back as a socket's transport does.

    As with a real one, what arrives while nobody reads waits, `close` first sends what is still unsent, and
    `connection_lost` comes at a later turn of the loop. With `is_stalled` the peer takes nothing before `take`."""

    def __init__(self, *, half_closes: bool = True) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self.sent = bytearray()
        """All that was written, taken by the peer or not."""
        self.writes: list[bytes] = []
        """The same, write by write."""
        self.unsent = 0
        self.is_stalled = False
        self.has_ended = False
        """Whether `write_eof` was called."""
        self.was_aborted = False
        self.is_lost = False
        self.raised: list[BaseException] = []
        """What came out of the protocol in calls that no test made."""
        self.protocol: Any = None
        self._half_closes = half_closes
        self._high, self._low = 64 * 1024, 16 * 1024
        self._is_paused = False
        self._is_reading = True
        self._is_closing = False
        self._arrived: deque[bytes | None] = deque()

    # --- for tests: the peer -----------------------------------------------------------------

    def connect(self, protocol: Any) -> None:
        """The connection is up."""
        self.protocol = protocol
        protocol.connection_made(self)

    def receive(self, data: bytes) -> None:
        """The peer sends octets, at once or as soon as somebody reads."""
        self._arrived.append(data)
        with as_callback():
            self._deliver()

    def end(self) -> None:
        """The peer sends no more."""
        self._arrived.append(None)
        with as_callback():
            self._deliver()

    def take(self, octets: int | None = None) -> None:
        """The peer takes some of what waits for it, all of it by default."""
        self.unsent -= self.unsent if octets is None else min(octets, self.unsent)
        if self._is_paused and self.unsent <= self._low:
            self._is_paused = False
            with as_callback():
                self.protocol.resume_writing()
        if self._is_closing and not self.unsent:
            self._lose_soon(None)

    def lose(self, error: Exception | None = None) -> None:
        """The connection breaks down."""
        self._is_closing = True
        with as_callback():
            self._lose(error)

    @property
    def is_waiting(self) -> bool:
        """Whether the peer has sent what nobody has read yet."""
        return bool(self._arrived)

    def _deliver(self) -> None:
        while self._arrived and self._is_reading and not self._is_closing:
            data = self._arrived.popleft()
            if data is not None:
                self.protocol.data_received(data)
            elif not self.protocol.eof_received():
                self.close()

    def _deliver_later(self) -> None:
        try:
            self._deliver()
        except Exception as error:
            self.raised.append(error)
            raise

    def _lose_soon(self, error: Exception | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon(self._lose, error)

    def _lose(self, error: Exception | None) -> None:
        if not self.is_lost:
            self.is_lost = True
            self.protocol.connection_lost(error)

    # --- for protocols: the transport ------------------------------------------------------------

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = 64 * 1024 if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.has_ended:
            raise RuntimeError("a write after the end")
        if self._is_closing:
            return
        self.writes.append(bytes(data))
        self.sent += data
        if self.is_stalled:
            self.unsent += len(data)
            if self.unsent > self._high and not self._is_paused:
                self._is_paused = True
                self.protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return self._half_closes

    def write_eof(self) -> None:
        if not self._half_closes:
            raise NotImplementedError("as TLS transports do")
        self.has_ended = True

    def is_reading(self) -> bool:
        return self._is_reading and not self._is_closing

    def pause_reading(self) -> None:
        self._is_reading = False

    def resume_reading(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            self._loop.call_soon(self._deliver_later)

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            if not self.unsent:
                self._lose_soon(None)

    def abort(self) -> None:
        if not self.is_lost:
            self._is_closing = self.was_aborted = True
            self.unsent = 0
            self._lose_soon(None)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert isinstance(self.protocol, asyncio.BaseProtocol)
        return self.protocol
