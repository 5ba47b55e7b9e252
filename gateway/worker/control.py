"""The control channel: messages between the supervisor and one worker over a socket pair.

A message is a length of four octets, most significant first, and one JSON object. `kind` names what it is
about, `call` numbers a message that wants an answer, `answers` is the number of the call a reply belongs
to. Messages arrive in the order they were sent, and handlers that do not await run in that order."""

import asyncio
import inspect
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

import orjson
import structlog

MAX_MESSAGE_OCTETS = 16 * 1024 * 1024
"""The largest message, and the most that waits for a peer which does not read. More means it is lost."""

Message = dict[str, Any]
Answer = dict[str, Any] | None
MessageHandler = Callable[[Message], Answer | Awaitable[Answer]]

_LENGTH_OCTETS = 4


class ChannelClosedError(ConnectionError):
    """The other side is gone. What was asked may or may not have been done."""


class CallRefusedError(Exception):
    """The other side could not do what was asked; the text is its own."""


class UnknownKindError(CallRefusedError):
    """Nobody on the other side answers messages of that kind."""


class Channel(asyncio.Protocol):
    """One end of the control channel. Made by `open_channel`."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._is_listening = False
        self._handlers: dict[str, MessageHandler] = {}
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._last_call = 0
        self._answering: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger("slipstream.control")
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the other side is gone or `close` was called."""

    def on(self, kind: str, handler: MessageHandler) -> None:
        """Answer messages of that kind with what `handler` returns; it takes the place of an earlier one.

        An error it raises refuses the call with the error's text; for a message that wants no answer it is logged."""
        self._handlers[kind] = handler

    def off(self, kind: str) -> None:
        """Answer messages of that kind no more."""
        self._handlers.pop(kind, None)

    async def hand(self, kind: str, message: Message) -> Answer:
        """Have a message answered here that came another way. Raises LookupError when nobody answers its kind."""
        handler = self._handlers.get(kind)
        if handler is None:
            raise LookupError(f"nobody here answers {kind!r}")
        answered = handler({**message, "kind": kind})
        return await answered if inspect.isawaitable(answered) else answered

    def listen(self) -> None:
        """Deliver messages from here on, those that came before as well. Call it when every handler is there."""
        self._is_listening = True
        self._deliver_complete()

    def send(self, kind: str, **fields: Any) -> None:
        """Tell the other side. Does nothing when it is gone: whoever must know that watches `closed`."""
        self._write({**fields, "kind": kind})

    async def call(self, kind: str, *, timeout: float = 5.0, **fields: Any) -> Message:
        """Ask the other side and wait at most `timeout` seconds for its answer.

        Raises `TimeoutError`, `ChannelClosedError` (a `ConnectionError`) and `CallRefusedError`, of which
        `UnknownKindError` is one."""
        if self.closed.done():
            raise ChannelClosedError(f"{kind}: the control channel is closed")
        self._last_call += 1
        number = self._last_call
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._write({**fields, "kind": kind, "call": number})
            async with asyncio.timeout(timeout):
                reply = await answer
        except TimeoutError:
            raise TimeoutError(f"{kind}: no answer within {timeout:g} s") from None
        finally:
            del self._waiting[number]
        if "error" in reply:
            raise (UnknownKindError if reply.get("unknown") else CallRefusedError)(reply["error"])
        fields_of_reply: Message = reply["fields"]
        return fields_of_reply

    def close(self) -> None:
        """Leave, after what was sent has been written. Calls that wait end with `ChannelClosedError`."""
        if self._transport is not None:
            self._transport.close()
        self._end()

    def _write(self, message: Message) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        data = orjson.dumps(message, option=orjson.OPT_NON_STR_KEYS)
        if self._transport.get_write_buffer_size() + len(data) > MAX_MESSAGE_OCTETS:
            self._lose("the other side does not read")
            return
        self._transport.write(len(data).to_bytes(_LENGTH_OCTETS, "big") + data)

    def _lose(self, why: str) -> None:
        self._log.error("control channel given up", reason=why)
        if self._transport is not None:
            self._transport.abort()
        self._end()

    def _end(self) -> None:
        if not self.closed.done():
            self.closed.set_result(None)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ChannelClosedError("the control channel closed before the answer"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own does not derive from it

    def connection_lost(self, exc: Exception | None) -> None:
        """Of asyncio.Protocol."""
        self._transport = None
        self._end()

    def data_received(self, data: bytes) -> None:
        """Of asyncio.Protocol."""
        self._received += data
        if self._is_listening:
            self._deliver_complete()

    def _deliver_complete(self) -> None:
        received = self._received
        begin = 0
        while len(received) - begin >= _LENGTH_OCTETS:
            end = begin + _LENGTH_OCTETS + int.from_bytes(received[begin : begin + _LENGTH_OCTETS], "big")
            if end - begin > MAX_MESSAGE_OCTETS:
                self._lose("a message above the limit")
                return
            if len(received) < end:
                break
            self._deliver(bytes(received[begin + _LENGTH_OCTETS : end]))
            begin = end
        del received[:begin]

    def _deliver(self, data: bytes) -> None:
        try:
            message: Message = orjson.loads(data)
            if "answers" in message:
                answer = self._waiting.get(message["answers"])
                if answer is not None and not answer.done():
                    answer.set_result(message)
                return
            handler = self._handlers.get(message["kind"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            self._lose("a message that cannot be read")
            return
        if handler is None:
            self._refuse(message, f"nobody here answers {message['kind']!r}", unknown=True)
            return
        try:
            answered = handler(message)
        except Exception as error:
            self._failed(message, error)
            return
        if inspect.isawaitable(answered):
            task = asyncio.get_running_loop().create_task(self._wait_for(message, answered))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        else:
            self._answer(message, answered)

    async def _wait_for(self, message: Message, answered: Awaitable[Answer]) -> None:
        try:
            self._answer(message, await answered)
        except Exception as error:
            self._failed(message, error)

    def _answer(self, message: Message, fields: Answer) -> None:
        if "call" in message:
            self._write({"answers": message["call"], "fields": fields or {}})

    def _failed(self, message: Message, error: Exception) -> None:
        if "call" not in message:
            self._log.error("control message failed", kind=message["kind"], exc_info=error)
        self._refuse(message, str(error) or type(error).__name__)

    def _refuse(self, message: Message, text: str, *, unknown: bool = False) -> None:
        if "call" in message:
            self._write({"answers": message["call"], "error": text} | ({"unknown": True} if unknown else {}))


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets, neither blocking: one for the supervisor, one for its worker."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    here.setblocking(False)
    there.setblocking(False)
    return here, there


async def open_channel(end: socket.socket) -> Channel:
    """The channel over one end of a socket pair, which it owns from here on. It delivers nothing before `listen`."""
    _, channel = await asyncio.get_running_loop().create_unix_connection(Channel, sock=end)
    return channel
