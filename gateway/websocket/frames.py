"""Frames on the wire (RFC 6455 §5.2): heads, masks. Values only, no I/O."""

from __future__ import annotations

import os
from typing import Final

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

FIN: Final = 0x80
RSV1: Final = 0x40
"""Of permessage-deflate: the message is compressed (RFC 7692 §6)."""
MOST_CONTROL: Final = 125
"""Octets a control frame may carry (RFC 6455 §5.5)."""

_SMALL = [[bytes((first, length)) for length in range(126)] for first in range(256)]
_SMALL_MASKED = [[bytes((first, length | 0x80)) for length in range(126)] for first in range(256)]


class MaskKeys:
    """Keys nobody can guess (RFC 6455 §10.3), taken from the system a thousand at a time."""

    __slots__ = ("_at", "_pool")

    def __init__(self) -> None:
        self._pool = b""
        self._at = 0

    def next(self) -> bytes:
        """Four fresh octets."""
        at = self._at
        if at >= len(self._pool):
            self._pool = os.urandom(4096)
            at = 0
        self._at = at + 4
        return self._pool[at : at + 4]


_keys = MaskKeys()


def apply_mask(data: bytes, key: bytes) -> bytes:
    """Mask or unmask: the same (RFC 6455 §5.3). One operation on whole numbers, not one for each octet."""
    size = len(data)
    if not size:
        return b""
    stretched = (key * ((size + 3) >> 2))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(stretched, "little")).to_bytes(size, "little")


def encode(first: int, payload: bytes) -> bytes:
    """A frame as servers send it. `first` is the whole first octet."""
    size = len(payload)
    if size < 126:
        return _SMALL[first][size] + payload
    if size < 65536:
        return b"%c\x7e%b%b" % (first, size.to_bytes(2, "big"), payload)
    return b"%c\x7f%b%b" % (first, size.to_bytes(8, "big"), payload)


def encode_masked(first: int, payload: bytes) -> bytes:
    """A frame as clients send it."""
    size = len(payload)
    key = _keys.next()
    if size < 126:
        return _SMALL_MASKED[first][size] + key + apply_mask(payload, key)
    if size < 65536:
        return b"%c\xfe%b%b%b" % (first, size.to_bytes(2, "big"), key, apply_mask(payload, key))
    return b"%c\xff%b%b%b" % (first, size.to_bytes(8, "big"), key, apply_mask(payload, key))
