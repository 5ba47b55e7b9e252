"""Plays a case against a gateway, and says what was not as it has to be."""

from __future__ import annotations

import asyncio
import contextlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.conformance.websocket.case import Case
from tests.support.frames import Seen, close, frame, read_frames

PATIENCE = 60.0
_TAIL = b"\x00\x00\xff\xff"


@dataclass
class Played:
    """What a client heard."""

    messages: list[tuple[int, bytes]] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    closes: list[Seen] = field(default_factory=list)
    is_at_end: bool = False


class Player:
    """One client on one connection."""

    def __init__(self, case: Case, path: str) -> None:
        self._case = case
        self._path = path
        self._heard = Played()
        self._buffer = b""
        self._changed = asyncio.Event()
        self._window = 15
        self._peer_window = 15
        self._is_compressed = False

    async def play(self, port: int) -> str | None:
        """What went wrong, `None` when nothing did."""
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
            try:
                return await self._story(reader, writer)
            except (ConnectionError, TimeoutError) as error:
                return f"{type(error).__name__} after {self._heard}"[:300]
            finally:
                writer.close()

    async def _story(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str | None:
        case = self._case
        head = await self._shake_hands(reader, writer)
        if not head.startswith("HTTP/1.1 101 "):
            return f"answered {head[:60]!r}"
        listening = asyncio.ensure_future(self._listen(reader))
        try:
            for piece in self._packed():
                writer.write(piece)
                if len(case.sends) > 1:
                    await writer.drain()
                    await asyncio.sleep(0)
            if case.code is None and not case.empty_close:
                await self._until(lambda: self._has_all() or self._heard.is_at_end)
                writer.write(close(1000))
            await self._until(lambda: bool(self._heard.closes) or self._heard.is_at_end)
            with contextlib.suppress(OSError):  # the gateway may have left already
                writer.write_eof()
            await listening
        finally:
            listening.cancel()
        return self._judge()

    async def _shake_hands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        lines = [
            f"GET {self._path} HTTP/1.1",
            "Host: shop.test",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        if self._case.offer:
            lines.append(f"Sec-WebSocket-Extensions: {self._case.offer}")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        agreed = re.search(r"(?im)^sec-websocket-extensions: (.*)\r$", head)
        if self._case.offer:
            assert agreed is not None, "the offer was not taken"
            self._is_compressed = True
            for name, bits in re.findall(r"(server|client)_max_window_bits=(\d+)", agreed[1]):
                if name == "client":
                    self._window = int(bits)
                else:
                    self._peer_window = int(bits)
        return head

    def _packed(self) -> tuple[bytes, ...]:
        if not self._is_compressed:
            return self._case.sends
        packed = []
        for payload in self._case.sends:
            machine = zlib.compressobj(9, zlib.DEFLATED, -self._window)
            octets = machine.compress(payload) + machine.flush(zlib.Z_SYNC_FLUSH)
            packed.append(frame(1, octets.removesuffix(_TAIL), rsv=4))
        return tuple(packed)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while data := await reader.read(1 << 16):
                frames, self._buffer = read_frames(self._buffer + data)
                for each in frames:
                    self._note(each)
                self._changed.set()
        finally:
            self._heard.is_at_end = True
            self._changed.set()

    def _note(self, each: Seen) -> None:
        heard = self._heard
        assert not each.masked, "a server must not mask (RFC 6455 §5.1)"
        assert not heard.closes, "something came behind a Close frame"
        if each.opcode == 8:
            heard.closes.append(each)
        elif each.opcode == 10:
            heard.pongs.append(each.payload)
        elif each.opcode in (1, 2):
            payload = each.payload
            if each.rsv == 4:
                assert self._is_compressed
                payload = zlib.decompressobj(-self._peer_window).decompress(payload + _TAIL)
            else:
                assert each.rsv == 0
            heard.messages.append((each.opcode, payload))

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._changed.clear()
            await self._changed.wait()

    def _has_all(self) -> bool:
        heard, case = self._heard, self._case
        return len(heard.messages) >= len(case.echoes) and len(heard.pongs) >= len(case.pongs)

    def _judge(self) -> str | None:
        heard, case = self._heard, self._case
        if not heard.closes:
            return "ended without a Close frame"
        code = heard.closes[0].code
        wanted = None if case.empty_close else 1000 if case.code is None else case.code
        if code != wanted:
            return f"closed with {code}, not {wanted}: {heard.closes[0].payload[2:]!r}"
        if case.code in (None, 1000) and not case.empty_close:
            if heard.messages != list(case.echoes):
                return f"{len(heard.messages)} messages, not the {len(case.echoes)} that were sent"
            if heard.pongs != list(case.pongs):
                return f"pongs {heard.pongs}, not {case.pongs}"
        elif not set(heard.messages) <= set(case.echoes):
            return "messages that were never sent"
        return None


async def play_all(cases: list[Case], port: int, path: str, at_once: int = 40) -> dict[str, str]:
    """Play every case; the names of those that failed, with what went wrong."""
    gate = asyncio.Semaphore(at_once)
    failed: dict[str, str] = {}

    async def one(case: Case) -> None:
        async with gate:
            wrong = await Player(case, path).play(port)
            if wrong is not None:
                failed[case.name] = wrong

    async with asyncio.TaskGroup() as group:
        for case in cases:
            group.create_task(one(case))
    return failed
