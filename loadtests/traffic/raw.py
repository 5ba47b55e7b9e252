"""Octets over a connection of their own, for requests that no HTTP client would send."""

import asyncio
import socket
import struct

from loadtests.support.ports import LOOPBACK

HOST = "Host: loadtests.example\r\n"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_PIECE = 65536


def get(target: str, fields: str = "") -> bytes:
    """A GET as octets."""
    return f"GET {target} HTTP/1.1\r\n{HOST}{fields}\r\n".encode()


def unless_status(head: bytes, status: int, what: str) -> str | None:
    """None when the response starts with `status`, else what it starts with."""
    line = head.partition(b"\r\n")[0].decode("latin-1")
    return None if line.startswith(f"HTTP/1.1 {status}") else f"{what}: {line!r} instead of {status}"


async def until_closed(port: int, octets: bytes) -> bytes:
    """Everything the other side sends until it closes."""
    received = b""
    reader, writer = await open_connection(port)
    try:
        writer.write(octets)
        while piece := await reader.read(_PIECE):
            received += piece
    except ConnectionError:
        pass  # what came before it is the answer
    finally:
        reset(writer)
    return received


async def open_connection(port: int, window: int | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a port of the loopback, with a receive window of about `window` octets."""
    raw = socket.socket()
    raw.setblocking(False)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    if window is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    try:
        await asyncio.get_running_loop().sock_connect(raw, (LOOPBACK, port))
    except BaseException:
        raw.close()
        raise
    return await asyncio.open_connection(sock=raw, limit=window or _PIECE)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset, which also leaves no connection in TIME_WAIT: there would soon be too many."""
    writer.transport.abort()
