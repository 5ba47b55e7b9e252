"""Many WebSocket clients in one process: they count messages, batched or not, and how long each was under way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from loadtests.websocket_origin import born, is_urgent

_HANDSHAKE = (
    "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)


class Tally:
    """What all clients of a measurement have seen."""

    def __init__(self) -> None:
        self.messages = 0
        self.frames = 0
        self.reads = 0
        self.seconds: list[float] = []
        """For each message, how long it was under way."""
        self.urgent_seconds: list[float] = []
        self.codes: dict[int, int] = {}
        self.lost = 0
        self.changed: Callable[[], None] = lambda: None

    def take(self, payload: bytes, now: int) -> None:
        """A message has come."""
        self.messages += 1
        seconds = (now - born(payload)) / 1e9
        (self.urgent_seconds if is_urgent(payload) else self.seconds).append(seconds)


class Listening(asyncio.Protocol):
    """One client."""

    def __init__(self, tally: Tally, target: str, more: str = "") -> None:
        self._tally = tally
        self._request = _HANDSHAKE.format(target=target, more=more).encode()
        self.transport: asyncio.Transport
        self._buffer = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_batched = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio.Protocol."""
        self.transport = transport  # type: ignore[assignment]  # uvloop's transports have no common base
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Of asyncio.Protocol."""
        data = self._buffer + data
        if not self.opened.done():
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.opened.set_exception(ConnectionError(head[:80].decode()))
                return
            self._is_batched = b"batch.v1" in head
            self.opened.set_result(None)
        self._buffer = self._read(data)

    def _read(self, data: bytes) -> bytes:
        tally, at, size, now = self._tally, 0, len(data), time.monotonic_ns()
        tally.reads += 1
        while size - at >= 2:
            length, begin = data[at + 1], at + 2
            if length > 125:
                wide = 2 if length == 126 else 8
                if size < begin + wide:
                    break
                length = int.from_bytes(data[begin : begin + wide], "big")
                begin += wide
            end = begin + length
            if end > size:
                break
            opcode = data[at] & 0xF
            tally.frames += 1
            if opcode == 8:
                code = int.from_bytes(data[begin : begin + 2], "big")
                tally.codes[code] = tally.codes.get(code, 0) + 1
                self.transport.write(b"\x88\x82\x00\x00\x00\x00" + data[begin : begin + 2])
            elif opcode == 1:
                tally.take(data[begin:end], now)
            elif opcode == 2 and self._is_batched:
                self._open_batch(data[begin:end], now)
            at = end
        tally.changed()
        return data[at:]

    def _open_batch(self, batch: bytes, now: int) -> None:
        at = 1
        while batch[at] > 127:
            at += 1
        at += 1
        while at < len(batch):
            at += 1
            length = shift = 0
            while True:
                octet = batch[at]
                at += 1
                length |= (octet & 127) << shift
                shift += 7
                if octet < 128:
                    break
            self._tally.take(batch[at : at + length], now)
            at += length

    def connection_lost(self, exc: Exception | None) -> None:
        """Of asyncio.Protocol."""
        self._tally.lost += 1
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("lost before the answer"))
        self._tally.changed()


async def connect(tally: Tally, port: int, target: str, number: int, more: str = "") -> list[Listening]:
    """So many clients, connected."""
    loop = asyncio.get_running_loop()
    clients: list[Listening] = []
    for begin in range(0, number, 100):
        batch = [
            loop.create_connection(lambda: Listening(tally, target, more), "127.0.0.1", port)
            for _ in range(min(100, number - begin))
        ]
        made = [protocol for _, protocol in await asyncio.gather(*batch)]
        await asyncio.gather(*(each.opened for each in made))
        clients += made
    return clients


def percentile(values: list[float], share: float) -> float:
    """The value that so many of them do not exceed; 0 without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
