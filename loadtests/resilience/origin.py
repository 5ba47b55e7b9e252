"""An origin in this process whose mood a measurement changes while it runs, and which counts what it was asked.

Nothing it says may be stored, but for what it answers to `/cacheable`."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import cast

from loadtests.support.ports import LOOPBACK

_CONTENT = b"." * 1024
_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Mood:
    """How requests are answered."""

    status: bytes = b"200 OK"
    seconds: float = 0.0
    """Before the answer."""
    slow_share: float = 0.0
    """Share of the answers that take `slow_seconds` instead."""
    slow_seconds: float = 0.0
    resets: bool = False
    """Close the connection instead of answering."""


class MoodyOrigin:
    """Listens on a free port of the loopback; `calls` counts requests."""

    def __init__(self, seed: int = 1) -> None:
        self.mood = Mood()
        self.calls = 0
        self.chance = random.Random(seed)
        self.port = 0
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to answer."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Talk(self), LOOPBACK, 0, backlog=4096)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Accept no more connections."""
        if self._server is not None:
            self._server.close()


class _Talk(asyncio.Protocol):
    """One connection. The gateway asks one thing at a time, and no measurement here sends content."""

    def __init__(self, origin: MoodyOrigin) -> None:
        self._origin = origin
        self._received = b""
        self._control = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.endswith(_END):
            return
        self._received = b""
        self._control = b"max-age=3600" if data.startswith(b"GET /cacheable ") else b"no-store"
        origin = self._origin
        origin.calls += 1
        mood = origin.mood
        if mood.resets:
            self._transport.abort()
            return
        is_slow = mood.slow_share > 0 and origin.chance.random() < mood.slow_share
        seconds = mood.slow_seconds if is_slow else mood.seconds
        if seconds > 0:
            asyncio.get_running_loop().call_later(seconds, self._answer, mood.status)
        else:
            self._answer(mood.status)

    def _answer(self, status: bytes) -> None:
        if not self._transport.is_closing():
            head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\nCache-Control: %b\r\n\r\n"
            self._transport.write(head % (status, len(_CONTENT), self._control) + _CONTENT)
