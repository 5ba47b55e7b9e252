"""Sending bytes the way networks do: whole, or in pieces of any size with short pauses between them."""

from __future__ import annotations

import socket
import struct
import time

from tests.support.socket_errors import GONE

WHOLE = 0
BYTE_BY_BYTE = 1

_PAUSE = 0.00005
"""Seconds between pieces: on loopback long enough for most of them to be read on their own."""
_LARGE = 1500
_PIECE = 997


def send(sock: socket.socket, data: bytes, step: int = WHOLE) -> bool:
    """Send all of `data`, in pieces of `step` octets unless that is zero. False when the peer left meanwhile.

    Something large goes in pieces of 997 octets instead of single ones: an odd number, so that boundaries fall
    everywhere inside lines."""
    if not step:
        return _attempt(sock, data)
    if len(data) > _LARGE and step < _PIECE:
        step = _PIECE
    for at in range(0, len(data), step):
        if not _attempt(sock, data[at : at + step]):
            return False
        time.sleep(_PAUSE)
    return True


def _attempt(sock: socket.socket, data: bytes) -> bool:
    try:
        sock.sendall(data)
    except GONE:
        return False
    return True


def send_without_delay(sock: socket.socket) -> None:
    """Let small pieces leave at once (TCP only)."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def reset(sock: socket.socket) -> None:
    """Leave with a reset instead of an orderly end. The descriptor is closed."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
