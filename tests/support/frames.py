"""Frames as a test writes and reads them, by the letter of RFC 6455 §5.2 and without the gateway's own code."""

from __future__ import annotations

import struct
from dataclasses import dataclass

KEY = b"\x01\x02\x03\x04"


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame that was sent."""

    fin: bool
    rsv: int
    opcode: int
    payload: bytes
    masked: bool

    @property
    def code(self) -> int | None:
        """The code of a Close frame."""
        return struct.unpack(">H", self.payload[:2])[0] if len(self.payload) >= 2 else None


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    announced: int | None = None,
    width: int | None = None,
) -> bytes:
    """A frame, right or wrong. `announced` lies about the length, `width` (1, 2 or 8 octets) writes it too widely."""
    length = len(payload) if announced is None else announced
    if width is None:
        width = 1 if length < 126 else 2 if length < 65536 else 8
    bit = 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if width == 1:
        head += bytes([bit | length])
    else:
        head += bytes([bit | (126 if width == 2 else 127)]) + struct.pack(">H" if width == 2 else ">Q", length)
    if masked:
        return head + KEY + _masked(payload, KEY)
    return head + payload


def _masked(data: bytes, key: bytes) -> bytes:
    """Every fourth octet by one octet of the key (§5.3)."""
    out = bytearray(data)
    for at, octet in enumerate(key):
        out[at::4] = data[at::4].translate(bytes(octet ^ each for each in range(256)))
    return bytes(out)


def close(code: int | None = None, reason: bytes = b"", *, masked: bool = True) -> bytes:
    """A Close frame."""
    return frame(8, b"" if code is None else struct.pack(">H", code) + reason, masked=masked)


def read_frames(data: bytes) -> tuple[list[Seen], bytes]:
    """The frames in `data`, and what is left of it."""
    found: list[Seen] = []
    at = 0
    while len(data) - at >= 2:
        first, second = data[at], data[at + 1]
        size, begin = second & 0x7F, at + 2
        if size > 125:
            wide = 2 if size == 126 else 8
            if len(data) < begin + wide:
                break
            size = int.from_bytes(data[begin : begin + wide], "big")
            begin += wide
        masked = bool(second & 0x80)
        key = data[begin : begin + 4] if masked else b""
        begin += 4 if masked else 0
        if len(data) < begin + size:
            break
        payload = data[begin : begin + size]
        if masked:
            payload = _masked(payload, key)
        found.append(Seen(bool(first & 0x80), first >> 4 & 7, first & 0xF, payload, masked))
        at = begin + size
    return found, data[at:]


def all_frames(data: bytes) -> list[Seen]:
    """The frames in `data`, which holds nothing else."""
    found, rest = read_frames(data)
    assert rest == b"", f"behind the frames came {rest[:80]!r}"
    return found
