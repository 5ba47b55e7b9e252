"""An origin that counts its calls.

| target | answer |
|---|---|
| `/slow/MS` | after MS milliseconds 1 KB of `no-store`, which begins with who asked |
| `/drip/MS` | a head at once, 1 MiB spread over MS milliseconds |
| `/large/SIZE` | SIZE octets as fast as they are read, with a strong ETag; understands `Range: bytes=N-` |
| `/unmarked/SIZE` | the same without ETag and without ranges |
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from loadtests.coalescing.content import octets

DRIP_SIZE = 1024 * 1024
_DRIPS = 16
_target = re.compile(rb"GET /(slow|drip|large|unmarked)/([0-9]+)").match
_cookie = re.compile(rb"(?i)\r\ncookie:[ \t]*([^\r]*)").search
_range = re.compile(rb"(?i)\r\nrange:[ \t]*bytes=([0-9]+)-\r").search
_DATE = b"Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
_NO_STORE = _DATE + b"Cache-Control: no-store\r\n"
_TAG = b'ETag: "large"\r\n'


class Calls:
    """What all connections share."""

    def __init__(self) -> None:
        self.total = 0
        self.by_who: Counter[str] = Counter()

    def forget(self) -> None:
        """Begin to count anew."""
        self.total = 0
        self.by_who.clear()


class OriginProtocol(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._transport: Any = None
        self._buffer = b""
        self._left: Iterator[bytes] | None = None
        self._writable = True
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._left = None
        if self._timer is not None:
            self._timer.cancel()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._pump()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            self._answer(head + b"\r\n")

    def _answer(self, head: bytes) -> None:
        found = _target(head)
        if found is None:
            self._transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        kind, number = found[1], int(found[2])
        self._calls.total += 1
        who = _cookie(head)
        name = who[1] if who else b""
        self._calls.by_who[name.decode("latin-1")] += 1
        if kind == b"slow":
            self._later(number / 1000, b"HTTP/1.1 200 OK\r\n%bContent-Length: 1024\r\n\r\n" % _NO_STORE + page(name))
        elif kind == b"drip":
            self._transport.write(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (_NO_STORE, DRIP_SIZE))
            self._drip(list(octets(DRIP_SIZE)), number / 1000 / _DRIPS)
        else:
            part = _range(head) if kind == b"large" else None
            self._large(number, int(part[1]) if part else None, _TAG if kind == b"large" else b"")

    def _large(self, size: int, offset: int | None, tag: bytes) -> None:
        if offset is None:
            head = b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (tag, size)
        else:
            place = b"Content-Range: bytes %d-%d/%d\r\n" % (offset, size - 1, size)
            head = b"HTTP/1.1 206 Partial Content\r\n%b%bContent-Length: %d\r\n\r\n" % (tag, place, size - offset)
        self._transport.write(head)
        self._left = octets(size, offset or 0)
        self._pump()

    def _pump(self) -> None:
        while self._left is not None and self._writable:
            piece = next(self._left, None)
            if piece is None:
                self._left = None
            else:
                self._transport.write(piece)

    def _later(self, delay: float, data: bytes) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay, self._transport.write, data)

    def _drip(self, pieces: list[bytes], delay: float) -> None:
        self._transport.write(pieces.pop(0))
        if pieces:
            self._timer = asyncio.get_running_loop().call_later(delay, self._drip, pieces, delay)


def page(who: bytes) -> bytes:
    """The 1 KB of `/slow` for who asks."""
    return (who + b"\n").ljust(1024, b".")
