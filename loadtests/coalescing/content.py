"""Content of any size in which every block says where it stands, and what to compare it with."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

BLOCK = 64 * 1024
_FILLING = bytes(range(256)) * (BLOCK // 256)


def block(number: int) -> bytes:
    """64 KiB that no other number has."""
    return number.to_bytes(8, "big") + _FILLING[8:]


def octets(size: int, offset: int = 0) -> Iterator[bytes]:
    """The content of `size` octets from `offset` on, in pieces of at most 64 KiB."""
    while offset < size:
        within = offset % BLOCK
        piece = block(offset // BLOCK)[within : within + size - offset]
        yield piece
        offset += len(piece)


def checksum(size: int) -> int:
    """CRC-32 of the content of that size."""
    total = 0
    for piece in octets(size):
        total = zlib.crc32(piece, total)
    return total
