"""An origin for measurements of WebSockets: it pushes messages in bursts, or echoes.

    /push?messages=200&burst=10&pause=500&size=100&urgent=0&writes=each
    /echo
    /sink, /drip  reads, and answers a Close
    /silent       never answers the handshake

A message is JSON with the time of its birth, so that whoever gets it knows how long it was under way."""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import random
import struct
import time
from urllib.parse import parse_qs

import uvloop

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def a_message(now: int, priority: int, size: int) -> bytes:
    """JSON of so many octets, born `now` (nanoseconds of the monotonic clock)."""
    head = b'{"t":"%019d","p":%d,"x":"' % (now, priority)
    return head + b"." * max(0, size - len(head) - 2) + b'"}'


def born(message: bytes) -> int:
    """When a message was born."""
    return int(message[6:25])


def is_urgent(message: bytes) -> bool:
    """Whether it has a priority above zero."""
    return message[31:32] != b"0"


def text_frame(payload: bytes) -> bytes:
    """A frame as servers send it."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    return b"\x81\x7e" + struct.pack(">H", size) + payload


class Pushing(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._options: dict[str, str] = {}
        self._echoes = False
        self._skipping: Skipping | None = None
        self._left = 0
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio.Protocol."""
        self._transport = transport  # type: ignore[assignment]  # uvloop's transports have no common base

    def data_received(self, data: bytes) -> None:
        """Of asyncio.Protocol. A handshake comes in one piece here, and what clients say is not of interest."""
        if self._is_open:
            if self._echoes:
                self._transport.write(_unmasked(data))
            elif self._skipping is not None:
                self._skipping.feed(data)
                if self._skipping.is_over:
                    self._transport.write(b"\x88\x02\x03\xe8")
                    self._transport.close()
            elif data[0] & 0xF == 8:
                self._transport.close()
            return
        self._is_open = True
        line, _, rest = data.partition(b"\r\n")
        target = line.split(b" ")[1].decode()
        path, _, query = target.partition("?")
        if path == "/json/1k":
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            self._is_open = False
            return
        if path == "/silent":
            return
        key = next(each[19:] for each in rest.split(b"\r\n") if each.lower().startswith(b"sec-websocket-key: "))
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        self._transport.write(head + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        self._echoes = path == "/echo"
        self._skipping = Skipping() if path in ("/sink", "/drip") else None
        self._options = {name: values[0] for name, values in parse_qs(query).items()}
        self._left = int(self._options.get("messages", 0))
        if self._left:
            delay = float(self._options.get("after", 0)) / 1000 + random.random() * self._pause
            asyncio.get_running_loop().call_later(delay, self._burst)

    @property
    def _pause(self) -> float:
        return float(self._options.get("pause", 500)) / 1000

    def _burst(self) -> None:
        """Send the next burst, and plan the one after it."""
        if self._transport.is_closing() or self._left <= 0:
            return
        number = min(self._left, int(self._options.get("burst", 10)))
        writes = self._options.get("writes", "each")
        if writes == "apart":
            self._one_by_one(number)
        elif writes == "once":
            self._transport.write(b"".join([self._frame() for _ in range(number)]))
        else:
            for _ in range(number):
                self._transport.write(self._frame())
        self._left -= number
        if self._left:
            asyncio.get_running_loop().call_later(self._pause, self._burst)

    def _one_by_one(self, left: int) -> None:
        """A millisecond apart, as a program does that has a thousand other clients to write to in between."""
        if not self._transport.is_closing():
            self._transport.write(self._frame())
            if left > 1:
                asyncio.get_running_loop().call_later(0.001, self._one_by_one, left - 1)

    def _frame(self) -> bytes:
        urgent = random.random() < float(self._options.get("urgent", 0))
        return text_frame(a_message(time.monotonic_ns(), 9 if urgent else 0, int(self._options.get("size", 100))))


class Skipping:
    """Reads frames of a client without keeping them, until a Close comes."""

    def __init__(self) -> None:
        self.is_over = False
        self._head = b""
        self._left = 0

    def feed(self, data: bytes) -> None:
        """Octets in any pieces."""
        at = min(self._left, len(data))
        self._left -= at
        while at < len(data) and not self.is_over:
            head = self._head + data[at : at + 14 - len(self._head)]
            need = {126: 8, 127: 14}.get(head[1] & 0x7F, 6) if len(head) > 1 else 2
            if len(head) < need:
                self._head = head
                return
            length = head[1] & 0x7F
            length = length if length < 126 else int.from_bytes(head[2 : need - 4], "big")
            at += need - len(self._head)
            self._head = b""
            self.is_over = head[0] & 0xF == 8
            skipped = min(length, len(data) - at)
            at += skipped
            self._left = length - skipped


def _unmasked(data: bytes) -> bytes:
    """The frames in `data`, all of them short and whole, as a server sends them back."""
    out, at = [], 0
    while at + 6 <= len(data):
        size = data[at + 1] & 0x7F
        key, payload = data[at + 2 : at + 6], data[at + 6 : at + 6 + size]
        out.append(bytes((data[at], size)) + bytes(octet ^ key[place % 4] for place, octet in enumerate(payload)))
        at += 6 + size
    return b"".join(out)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Pushing, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(parser.parse_args().port))
