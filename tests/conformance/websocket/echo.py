"""An origin that echoes messages, by the letter of RFC 6455 and without the gateway's own code."""

from __future__ import annotations

import asyncio
import base64
import hashlib

from tests.support.frames import frame, read_frames

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Echo(asyncio.Protocol):
    """One connection."""

    def __init__(self, heard: list[int | None]) -> None:
        self._heard = heard
        self._transport: asyncio.Transport
        self._buffer = b""
        self._is_open = False
        self._message: tuple[int, bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            self._answer(head)
            self._is_open, self._buffer = True, rest
        frames, self._buffer = read_frames(self._buffer)
        for each in frames:
            assert each.masked, "the gateway has to mask (RFC 6455 §5.1)"
            assert each.rsv == 0, "no extension was agreed on"
            if each.opcode == 8:
                self._heard.append(each.code)
                self._transport.write(frame(8, each.payload, masked=False))
                self._transport.close()
                return
            if each.opcode == 9:
                self._transport.write(frame(10, each.payload, masked=False))
            elif each.opcode in (0, 1, 2):
                opcode, before = self._message or (each.opcode, b"")
                self._message = (opcode, before + each.payload)
                if each.fin:
                    self._transport.write(frame(*self._message, masked=False))
                    self._message = None

    def _answer(self, head: bytes) -> None:
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        key = next(line[19:] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))
        assert b"sec-websocket-extensions" not in fields, "extensions are for each leg"
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        lines = [b"HTTP/1.1 101 Switching Protocols", b"Connection: Upgrade", b"Upgrade: websocket"]
        self._transport.write(b"\r\n".join([*lines, b"Sec-WebSocket-Accept: " + accept, b"", b""]))


async def serve(heard: list[int | None]) -> asyncio.Server:
    """Listen on a free port of the loopback interface; `heard` collects the close codes."""
    return await asyncio.get_running_loop().create_server(lambda: Echo(heard), "127.0.0.1", 0)
