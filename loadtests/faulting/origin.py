"""An origin that breaks as it is told to, on a real socket, in a thread of its own.

What it answers says who it is and may be stored for a second, and then be served stale in place of an error."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from enum import Enum
from typing import Any, Self, TypeVar, cast

from loadtests.support.ports import LOOPBACK

T = TypeVar("T")
CONTENT = b"x" * 1024
SLOW_SECONDS = 0.4
_RESET = struct.pack("ii", 1, 0)
_PATIENCE_SECONDS = 10.0


class Fault(Enum):
    """How it behaves."""

    NONE = "none"
    REFUSE = "refused"
    """Nobody listens, and connections are gone."""
    HANG = "hang"
    """Takes everything and says nothing."""
    SLOW = "slow"
    RESET = "reset mid-body"
    ERROR = "5xx"


class FaultyOrigin:
    """Use it as a context manager. Its members may be read from any thread."""

    def __init__(self, name: str, host: str = LOOPBACK, port: int = 0) -> None:
        self.name = name
        self.host = host
        self.port = port
        self.fault = Fault.NONE
        self.calls = 0
        """Requests but for health checks."""
        self.answers = 0
        """Good answers to those."""
        self.checks = 0
        """Health checks, by the path `/healthz`."""
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._talks: set[_Talk] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        """As a configuration has it."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._refuse())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_SECONDS)
        self._loop.close()

    def behave(self, fault: Fault) -> None:
        """Behave like this from here on; done when this returns."""
        before, self.fault = self.fault, fault
        if fault is Fault.REFUSE:
            self._do(self._refuse())
        elif before is Fault.REFUSE:
            self._do(self._listen())
        if before is Fault.HANG:
            self._loop.call_soon_threadsafe(self._drop)  # what hung is not answered late

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_SECONDS)

    async def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        self.port = listener.getsockname()[1]
        self._server = await self._loop.create_server(lambda: _Talk(self), sock=listener, backlog=1024)

    async def _refuse(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self._drop()
        await asyncio.sleep(0)

    def _drop(self) -> None:
        for talk in list(self._talks):
            talk.transport.abort()


class _Talk(asyncio.Protocol):
    """One connection; requests without content, one after the other."""

    def __init__(self, origin: FaultyOrigin) -> None:
        self._origin = origin
        self._received = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._origin._talks.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._origin._talks.discard(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            self._hear(head)

    def _hear(self, head: bytes) -> None:
        origin, is_check = self._origin, b" /healthz " in head
        if is_check:
            origin.checks += 1
        else:
            origin.calls += 1
        match origin.fault:
            case Fault.HANG:
                return
            case Fault.SLOW:
                asyncio.get_running_loop().call_later(SLOW_SECONDS, self._answer, b"200 OK", is_check)
            case Fault.RESET if not is_check:
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CONTENT) + CONTENT[:100])
                asyncio.get_running_loop().call_later(0.002, self._reset)
            case Fault.ERROR:
                self._answer(b"503 Service Unavailable", is_check)
            case _:
                self._answer(b"200 OK", is_check)

    def _answer(self, status: bytes, is_check: bool) -> None:
        if self.transport.is_closing():
            return
        origin = self._origin
        is_good = status.startswith(b"2")
        origin.answers += is_good and not is_check
        kept = b"max-age=1, stale-if-error=3600" if is_good else b"no-store"
        self.transport.write(
            b"HTTP/1.1 %b\r\nContent-Length: %d\r\nCache-Control: %b\r\nX-Served-By: %b\r\n\r\n"
            % (status, len(CONTENT), kept, origin.name.encode())
            + CONTENT
        )

    def _reset(self) -> None:
        sock = self.transport.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()
