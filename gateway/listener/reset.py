"""Ending a TCP connection with a reset instead of an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

_AT_ONCE = struct.pack("ii", 1, 0)


def set_reset(connection: socket.socket) -> None:
    """Make the end of this socket a reset; the kernel then has nothing to remember of it either."""
    with contextlib.suppress(OSError):  # it may be gone already, and a Unix socket has no reset
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)


def reset_on_close(transport: asyncio.BaseTransport) -> None:
    """Make the end of this transport a reset, so that nobody takes it for the end of a message (RFC 9112 §8)."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        set_reset(connection)
