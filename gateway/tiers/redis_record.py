"""What lies under a key in Redis: sections, one for each variant of a name (`gateway.tiers.redis_scripts`), and in each
a frame with a record, compressed where that pays. No I/O."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from gateway.tiers.frame import FrameError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SECTION = Struct(">8sddI")
VARIANT = 8
"""Octets that stand for a variant."""
_PLAIN, _ZSTD = b"\0", b"\1"
_LENGTH = 4
_LEVEL = 1
_SAMPLE = 8 * 1024
_PAYS = 0.9
"""What compressing has to make of a sample at most, so that the rest is compressed as well: images stay as they are."""


@dataclass(frozen=True, slots=True)
class Section:
    """One variant as it lies there."""

    variant: bytes
    when: float
    until: float
    frame: memoryview
    """Empty: it was removed at `when`."""


def section(variant: bytes, when: float, until: float, frame: bytes) -> bytes:
    """A section."""
    return SECTION.pack(variant, when, until, len(frame)) + frame


def sections(value: bytes) -> Iterator[Section]:
    """What lies in a value. Raises FrameError where it ends in the middle."""
    view, at = memoryview(value), 0
    while at < len(value):
        if at + SECTION.size > len(value):
            raise FrameError("cut short")
        variant, when, until, length = SECTION.unpack_from(view, at)
        at += SECTION.size + length
        if at > len(value):
            raise FrameError("cut short")
        yield Section(variant, when, until, view[at - length : at])


def shrink(record: bytes, above: int | None) -> bytes:
    """A record as it is kept: compressed when it is larger than `above` and that pays."""
    if above is None or len(record) <= above:
        return _PLAIN + record
    sample = record[len(record) // 2 :][:_SAMPLE] if len(record) > 2 * _SAMPLE else record
    if len(zstd.compress(sample, level=_LEVEL)) > _PAYS * len(sample):
        return _PLAIN + record
    return b"".join((_ZSTD, len(record).to_bytes(_LENGTH, "big"), zstd.compress(record, level=_LEVEL)))


def grow(kept: bytes, most: int) -> bytes:
    """The record, which has `most` octets at most. Raises FrameError."""
    coding = kept[:1]
    if coding == _PLAIN:
        return kept[1:]
    if coding != _ZSTD:
        raise FrameError("another coding")
    length = int.from_bytes(kept[1 : 1 + _LENGTH], "big")
    if length > most:
        raise FrameError("too large")
    decompressor = zstd.ZstdDecompressor()
    try:
        record: bytes = decompressor.decompress(kept[1 + _LENGTH :], max_length=length + 1)
    except zstd.ZstdError as error:
        raise FrameError("not compressed as it says") from error
    if len(record) != length or not decompressor.eof:
        raise FrameError("not as long as it says")
    return record
