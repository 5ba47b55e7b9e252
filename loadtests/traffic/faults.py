"""Clients that misbehave and origins that fail, one exchange each on a connection of its own.

Each fault says what the right outcome is and returns None when it happened, or what happened instead.
"""

import asyncio
from collections.abc import Awaitable, Callable

from loadtests.origin.content import KIB
from loadtests.origin.routes import CUT_ANNOUNCED
from loadtests.traffic.raw import HOST, get, open_connection, reset, unless_status, until_closed

Fault = Callable[[int], Awaitable[str | None]]
"""Takes the port."""

_SLOW_SIZE = 256 * KIB
_SLOW_PIECE = 32 * KIB
_SLOW_PAUSE_SECONDS = 0.2
_SMALL_WINDOW = 16 * KIB


async def leave_in_the_middle(port: int) -> str | None:
    """Ask for much, read a little, reset. Nothing to expect but that others do not notice."""
    reader, writer = await open_connection(port)
    try:
        writer.write(get("/large/4000000"))
        await reader.read(KIB)
    finally:
        reset(writer)
    return None


async def leave_within_the_head(port: int) -> str | None:
    """Send half a request head, reset."""
    _, writer = await open_connection(port)
    writer.write(get("/json/1k")[:20])
    await writer.drain()
    reset(writer)
    return None


async def read_slowly(port: int) -> str | None:
    """Read a quarter of a megabyte in pieces with pauses; all of it must arrive."""
    reader, writer = await open_connection(port, window=_SMALL_WINDOW)
    try:
        writer.write(get(f"/large/{_SLOW_SIZE}"))
        head = await reader.readuntil(b"\r\n\r\n")
        left = _SLOW_SIZE
        while left > 0:
            piece = await reader.read(min(left, _SLOW_PIECE))
            if not piece:
                return f"slow reader: cut off {left} octets before the end"
            left -= len(piece)
            await asyncio.sleep(_SLOW_PAUSE_SECONDS * len(piece) / _SLOW_PIECE)
        return unless_status(head, 200, "slow reader")
    finally:
        reset(writer)


async def ask_ambiguously(port: int) -> str | None:
    """Send both `Content-Length` and `Transfer-Encoding`; refused with 400 and closed (RFC 9112 §6.1)."""
    octets = f"POST /sink HTTP/1.1\r\n{HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode()
    return unless_status(await until_closed(port, octets), 400, "ambiguous request")


async def ask_nonsense(port: int) -> str | None:
    """Send something that is not HTTP; refused with 400 and closed."""
    return unless_status(await until_closed(port, b"\x16\x03\x01 hello\r\n\r\n"), 400, "nonsense")


async def meet_a_reset(port: int) -> str | None:
    """Ask an origin that resets before it answers: 502."""
    return unless_status(await until_closed(port, get("/reset", "Connection: close\r\n")), 502, "upstream reset")


async def meet_a_cut(port: int) -> str | None:
    """Ask an origin that resets in the middle of its content: 502, or an answer that is visibly not whole."""
    octets = await until_closed(port, get("/cut", "Connection: close\r\n"))
    head, _, content = octets.partition(b"\r\n\r\n")
    if b" 200 " in head[:20] and len(content) >= CUT_ANNOUNCED:
        return "upstream cut: the answer looks whole"
    return None


FAULTS: tuple[Fault, ...] = (
    leave_in_the_middle,
    leave_within_the_head,
    read_slowly,
    ask_ambiguously,
    ask_nonsense,
    meet_a_reset,
    meet_a_cut,
)
"""Played in turn."""
