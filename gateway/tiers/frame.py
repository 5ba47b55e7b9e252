"""How a record lies in a tier: a header, labels, and the record itself, plain or sealed.

Whatever cannot be read as it was written (another version, a torn write, a flipped bit, another key, a record in the
place of another) is not a record. The checksum covers the place as well as the octets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct

from gateway.tiers.seal import Seal, SealError

try:
    from isal.isal_zlib import crc32  # the same sums, in an eighth of the time
except ImportError:  # pragma: no cover - a machine it was not made for
    from zlib import crc32

VERSION = 1
DIGEST = 8
"""Octets that stand for a label. Two labels with the same ones are purged together: once in 2^64."""

_HEADER = Struct(">IBBHQdd")
_CHECKSUM = 4
_SEALED = 1
MOST_LABELS = 1000
"""Labels of one record. One with more is not kept in tiers."""


class FrameError(Exception):
    """What lies there is not what was written."""


@dataclass(slots=True)
class Frame:
    """What lies in a tier. Not frozen: one is made for every look-up, and that would make it three times as dear."""

    mark: int
    when: float
    until: float
    labels: bytes
    """Digests, `DIGEST` octets each."""
    record: bytes


def digest(octets: bytes, size: int = DIGEST, key: bytes = b"") -> bytes:
    """What stands for `octets` in a tier. With a key nobody else can tell whether it stands for something."""
    return blake2b(octets, digest_size=size, key=key).digest()


def write(place: bytes, frame: Frame, body: bytes = b"", seal: Seal | None = None) -> bytes:
    """The octets of a frame whose record is continued by `body`, to be put at `place`."""
    count = len(frame.labels) // DIGEST
    flags = 0 if seal is None else _SEALED
    header = _HEADER.pack(0, VERSION, flags, count, frame.mark, frame.when, frame.until)[_CHECKSUM:]
    content = (
        (frame.record, body) if seal is None else (seal.close(frame.record + body, place + header + frame.labels),)
    )
    octets = b"".join((header, frame.labels, *content))
    return b"".join((crc32(octets, crc32(place)).to_bytes(_CHECKSUM, "big"), octets))


def read(place: bytes, octets: bytes | memoryview, seal: Seal | None = None) -> Frame:
    """The frame that was put at `place`. Raises FrameError."""
    if len(octets) < _HEADER.size:
        raise FrameError("shorter than a header")
    checksum, version, flags, count, mark, when, until = _HEADER.unpack_from(octets)
    if version != VERSION:
        raise FrameError(f"version {version}")
    view = memoryview(octets)
    if crc32(view[_CHECKSUM:], crc32(place)) != checksum:
        raise FrameError("checksum")
    if (flags == _SEALED) != (seal is not None):
        raise FrameError("sealed" if seal is None else "not sealed")
    begin = _HEADER.size + DIGEST * count
    labels = bytes(view[_HEADER.size : begin])
    record = bytes(view[begin:])
    if seal is not None:
        try:
            record = seal.open(record, place + bytes(view[_CHECKSUM:begin]))
        except SealError as error:
            raise FrameError("another key") from error
    return Frame(mark, when, until, labels, record)


def when_of(octets: bytes | memoryview) -> float:
    """The time of a frame, unchecked. Raises FrameError."""
    if len(octets) < _HEADER.size:
        raise FrameError("shorter than a header")
    when: float = _HEADER.unpack_from(octets)[5]
    return when


def digests(labels: Sequence[bytes], key: bytes = b"") -> bytes:
    """The digests of labels, one behind the other."""
    return b"".join([digest(label, key=key) for label in labels])
