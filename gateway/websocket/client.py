"""A client for aiohttp that takes and sends batches where the gateway gives them, and plain messages where it does not.

    async with aiohttp.ClientSession() as session:
        async with connect(session, "ws://127.0.0.1:8080/feed") as socket:
            await socket.send_str("hello")
            async for message in socket:
                print(message.data)

It behaves like `ClientSession.ws_connect`: messages are `aiohttp.WSMessage`, and what sends, receives, closes and asks
means what it means there; the rest is at `socket.plain`. The file stands for itself: it may be copied into a program
that knows no gateway."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

from aiohttp import ClientSession, ClientWebSocketResponse, WSMessage, WSMessageTypeError, WSMsgType

BINARY, JSON = "batch.v1", "batch-json.v1"
MOST_TOGETHER = 100
"""Messages of one turn of the loop that share a batch."""
OCTETS_TOGETHER = 32 * 1024
"""Octets above which a batch goes: with one large message on top it must still be short enough for the gateway."""
URGENT = 3
"""Priority from which on a message does not wait."""


@asynccontextmanager
async def connect(
    session: ClientSession, url: str, *, protocols: Iterable[str] = (), form: str = BINARY, **options: Any
) -> AsyncIterator[BatchingSocket]:
    """A connection for the length of a block. `form` is `batch.v1` or `batch-json.v1`; `options` are those of
    `ws_connect`."""
    names = tuple(protocols)
    offered = (*(f"{name}+{form}" for name in names), *names) if names else (form,)
    socket = BatchingSocket(await session.ws_connect(url, protocols=offered, **options))
    try:
        yield socket
    finally:
        await socket.close()


class BatchingSocket:
    """One connection."""

    def __init__(self, plain: ClientWebSocketResponse) -> None:
        self.plain = plain
        """aiohttp's own, for all that is not about messages."""
        name = plain.protocol or ""
        self.form = next((form for form in (BINARY, JSON) if name == form or name.endswith(f"+{form}")), None)
        """How messages are joined, `None` when they are not."""
        self._protocol = name.removesuffix(self.form or "").removesuffix("+") if self.form else name
        self._came: deque[WSMessage] = deque()
        self._waiting: list[tuple[bool, bytes, int]] = []
        self._octets = 0
        self._sent = 0
        self._flushing: asyncio.Task[None] | None = None
        self._failure: ConnectionError | None = None
        self._in_order = asyncio.Lock()

    @property
    def protocol(self) -> str | None:
        """The subprotocol, without what it says about batches."""
        return self._protocol or None

    @property
    def closed(self) -> bool:
        """Whether the connection has ended."""
        return self.plain.closed

    @property
    def close_code(self) -> int | None:
        """The code it ended with."""
        return self.plain.close_code

    # --- in ------------------------------------------------------------------------------------

    async def receive(self, timeout: float | None = None) -> WSMessage:
        """The next message, or how the connection ended."""
        while not self._came:
            message = await self.plain.receive(timeout)
            if self.form == BINARY and message.type is WSMsgType.BINARY:
                self._came += _records(message.data)
            elif self.form == JSON and message.type is WSMsgType.TEXT:
                self._came += _texts(message.data)
            else:
                return message
        return self._came.popleft()

    async def receive_str(self, *, timeout: float | None = None) -> str:
        """The next message, which is a text. Raises WSMessageTypeError."""
        message = await self.receive(timeout)
        if message.type is not WSMsgType.TEXT:
            raise WSMessageTypeError(f"not a text: {message.type!r}")
        return str(message.data)

    async def receive_bytes(self, *, timeout: float | None = None) -> bytes:
        """The next message, which is binary. Raises WSMessageTypeError."""
        message = await self.receive(timeout)
        if message.type is not WSMsgType.BINARY:
            raise WSMessageTypeError(f"not binary: {message.type!r}")
        return bytes(message.data)

    async def receive_json(self, *, loads: Callable[[str], Any] = json.loads, timeout: float | None = None) -> Any:
        """The JSON in the next message, which is a text. Raises WSMessageTypeError."""
        return loads(await self.receive_str(timeout=timeout))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WSMessage:
        message = await self.receive()
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
            raise StopAsyncIteration
        return message

    # --- out -----------------------------------------------------------------------------------

    async def send_str(self, text: str, priority: int = 0) -> None:
        """Send a text. Messages of one turn of the loop share a batch; urgent ones go at once."""
        await self._send(True, text.encode(), priority)

    async def send_bytes(self, data: bytes, priority: int = 0) -> None:
        """Send octets."""
        await self._send(False, bytes(data), priority)

    async def send_json(self, data: Any, priority: int = 0, *, dumps: Callable[[Any], str] = json.dumps) -> None:
        """Send a text that is JSON."""
        await self.send_str(dumps(data), priority)

    async def _send(self, is_text: bool, data: bytes, priority: int) -> None:
        if self.form is None:
            await (self.plain.send_str(data.decode()) if is_text else self.plain.send_bytes(data))
            return
        if self._failure is not None:
            raise self._failure
        self._waiting.append((is_text, data, priority))
        self._octets += len(data)
        if priority >= URGENT or len(self._waiting) >= MOST_TOGETHER or self._octets >= OCTETS_TOGETHER:
            await self.flush()
        elif self._flushing is None:
            self._flushing = asyncio.ensure_future(self._flush_soon())

    async def _flush_soon(self) -> None:
        await asyncio.sleep(0)
        self._flushing = None
        try:
            await self.flush()
        except ConnectionError as error:
            self._failure = error  # for whoever sends next

    async def flush(self) -> None:
        """Send what waits, now."""
        async with self._in_order:
            await self._flush()

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._octets = 0
        if not waiting:
            return
        first, self._sent = self._sent, self._sent + len(waiting)
        if self.form == BINARY:
            records = [_record(*each) for each in waiting]
            await self.plain.send_bytes(b"".join([b"\x01", _varint(first), *records]))
            return
        for number, (is_text, data, _) in enumerate(waiting, first):
            if is_text:
                await self.plain.send_str(json.dumps({"v": 1, "s": number, "t": [data.decode()]}))
            else:
                await self.plain.send_bytes(data)

    async def ping(self, message: bytes = b"") -> None:
        """Ask whether the other side is there."""
        await self.plain.ping(message)

    async def pong(self, message: bytes = b"") -> None:
        """Say that this side is there."""
        await self.plain.pong(message)

    async def close(self, code: int = 1000, message: bytes = b"") -> bool:
        """Send what waits, then end the connection."""
        if not self.plain.closed:
            with suppress(ConnectionError):
                await self.flush()
        return await self.plain.close(code=code, message=message)


def _record(is_text: bool, data: bytes, priority: int) -> bytes:
    return b"%c%b%b" % (priority << 1 | (not is_text), _varint(len(data)), data)


def _varint(number: int) -> bytes:
    octets = bytearray()
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    octets.append(number)
    return bytes(octets)


def _records(batch: bytes) -> Iterable[WSMessage]:
    """The messages of a binary batch."""
    _, at = _read_varint(batch, 1)
    while at < len(batch):
        flags = batch[at]
        at += 1
        if flags & 0x20:
            _, at = _read_varint(batch, at)
        size, at = _read_varint(batch, at)
        data = batch[at : at + size]
        at += size
        yield WSMessage(WSMsgType.BINARY, data, "") if flags & 1 else _text(data.decode())


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        octet = data[at]
        at += 1
        value |= (octet & 127) << shift
        shift += 7
        if octet < 128:
            return value, at


def _texts(batch: str) -> Iterable[WSMessage]:
    """The messages of a JSON batch: those that are JSON as they were written, octet by octet."""
    at = next((at for at, character in enumerate(batch) if character in "mt"), -1)
    if batch[at : at + 1] == "t":
        for text in json.loads(batch)["t"]:
            yield _text(text)
        return
    at += 4
    decode = json.JSONDecoder().raw_decode
    while batch[at : at + 1] not in ("]", ""):
        begin = at
        _, at = decode(batch, begin + len(batch[begin:]) - len(batch[begin:].lstrip(" \t\n\r")))
        while batch[at] in " \t\n\r":
            at += 1
        yield _text(batch[begin:at])
        at += batch[at] == ","


def _text(text: str) -> WSMessage:
    return WSMessage(WSMsgType.TEXT, text, "")
