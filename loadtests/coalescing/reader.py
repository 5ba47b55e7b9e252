"""A client that asks once, reads at its own pace, and knows what it got."""

from __future__ import annotations

import asyncio
import re
import socket
import zlib
from typing import Any

from loadtests.support.ports import LOOPBACK

_length = re.compile(rb"(?i)\r\nContent-Length: ([0-9]+)").search
_SMALL_BUFFER = 64 * 1024


class Reader(asyncio.Protocol):
    """One connection, one request."""

    def __init__(self, rate: float | None = None) -> None:
        """`rate` in octets a second; `None` reads as fast as it can."""
        self.head = b""
        self.received = 0
        self.checksum = 0
        self.first = b""
        """What came of the content at first."""
        self.asked_at = 0.0
        self.ended_at = 0.0
        self.is_whole = False
        self.has_left = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rate = rate
        self._transport: Any = None
        self._wanted = 0
        self._loop = asyncio.get_running_loop()

    async def connect(self, port: int) -> None:
        """Open the connection."""
        raw = socket.socket()
        raw.setblocking(False)
        if self._rate is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        await self._loop.sock_connect(raw, (LOOPBACK, port))
        await self._loop.create_connection(lambda: self, sock=raw)

    def ask(self, target: str, fields: str = "") -> None:
        """Send the request."""
        self.asked_at = self._loop.time()
        self._transport.write(f"GET {target} HTTP/1.1\r\nHost: loadtests.example\r\n{fields}\r\n".encode())

    def leave(self) -> None:
        """Cut the connection in the middle."""
        self.has_left = True
        self._transport.abort()

    @property
    def seconds(self) -> float:
        """From the request to the end of its answer."""
        return self.ended_at - self.asked_at

    def close(self) -> None:
        """Leave in order."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._end()

    def data_received(self, data: bytes) -> None:
        if not self._wanted:
            self.head += data
            head, end, data = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            self.head = head
            found = _length(head)
            self._wanted = int(found[1]) if found else 0
            if not self._wanted:
                self._end()
                return
        if not self.first:
            self.first = data[:64]
        self.received += len(data)
        self.checksum = zlib.crc32(data, self.checksum)
        if self.received >= self._wanted:
            self.is_whole = self.received == self._wanted
            self._end()
        elif self._rate is not None:
            ahead = self.received / self._rate - (self._loop.time() - self.asked_at)
            if ahead > 0:
                self._transport.pause_reading()
                self._loop.call_later(ahead, self._go_on)

    def _go_on(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended_at = self._loop.time()
            self.ended.set_result(None)
