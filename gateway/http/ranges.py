"""Byte ranges: which parts of a representation a request wants (RFC 9110 §14), and how they are sent (§15.3.7).

A Range that is malformed, of another unit or of too many parts is ignored as a whole: the full answer is always
right. Positions in here are those of Python: `start` is the first octet, `end` the one after the last."""

from __future__ import annotations

import enum
import re
from typing import Final, Literal, NamedTuple

MOST_RANGES = 16
"""Ranges of a request that are looked at; more are ignored (RFC 9110 §17.15). Readers of documents ask for a few."""
_ENDLESS = 2**63
"""Stands for positions that need more than 18 digits, and for the end of a range without one."""


class ByteRange(NamedTuple):
    """Octets from `start` up to, not including, `end`; never empty."""

    start: int
    end: int


class RangeSpec(NamedTuple):
    """One range as asked for: `start` to `end`, or with `start` of -1 the last `end` octets."""

    start: int
    end: int


class ContentRange(NamedTuple):
    """What a Content-Range says of a part: where it lies, and in how many octets (`None`: not known)."""

    start: int
    end: int
    length: int | None


class NoRanges(enum.Enum):
    """Why there are no ranges to send."""

    IGNORE = enum.auto()
    """Answer as if there were no Range."""
    UNSATISFIABLE = enum.auto()
    """416: none of the ranges touches the representation (RFC 9110 §15.5.17)."""


IGNORE: Final = NoRanges.IGNORE
UNSATISFIABLE: Final = NoRanges.UNSATISFIABLE

_SUFFIX = -1
_unit = re.compile(rb"bytes=", re.IGNORECASE).match
_spec = re.compile(rb"([0-9]*)-([0-9]*)").fullmatch
_content_range = re.compile(rb"bytes ([0-9]{1,18})-([0-9]{1,18})/(?:([0-9]{1,18})|\*)", re.IGNORECASE).fullmatch
_is_boundary = re.compile(rb"[0-9A-Za-z'()+_,\-./:=?]{1,70}").fullmatch


def parse_range(value: bytes) -> tuple[RangeSpec, ...] | None:
    """The ranges of a Range field in their order; `None` when it is to be ignored (RFC 9110 §14.1.1, §14.2)."""
    if _unit(value) is None:
        return None
    specs: list[RangeSpec] = []
    # A comma more than ranges, and some for empty members (§5.6.1.2), are plenty: a longer list is not even cut up.
    members = value[6:].split(b",", 2 * MOST_RANGES)
    for member in members:
        stripped = member.strip(b" \t")
        if not stripped:
            continue
        spec = _range_spec(stripped)
        if spec is None or len(specs) == MOST_RANGES:
            return None
        specs.append(spec)
    return tuple(specs) if specs else None


def _range_spec(octets: bytes) -> RangeSpec | None:
    found = _spec(octets)
    if found is None:
        return None
    first, last = found.groups()
    if not first:
        return RangeSpec(_SUFFIX, _position(last)) if last else None
    start = _position(first)
    if not last:
        return RangeSpec(start, _ENDLESS)
    end = _position(last)
    return RangeSpec(start, end + 1) if start <= end else None


def _position(digits: bytes) -> int:
    """A position of any number of digits, at a cost that does not grow with them."""
    digits = digits.lstrip(b"0")
    return int(digits or b"0") if len(digits) <= 18 else _ENDLESS


def resolve(
    specs: tuple[RangeSpec, ...], length: int
) -> list[ByteRange] | Literal[NoRanges.IGNORE, NoRanges.UNSATISFIABLE]:
    """What the ranges select of a representation of `length` octets (RFC 9110 §14.1.2).

    Ranges that overlap or touch become one, in the place of the first of them (§15.3.7.2), so what is sent is never
    longer than the representation. The last octets of an empty one are all of it, for which there is no
    Content-Range: IGNORE."""
    satisfiable: list[ByteRange] = []
    for start, end in specs:
        if start == _SUFFIX:
            if end > 0 and length == 0:
                return IGNORE
            start, end = max(length - end, 0), length
        if start < min(end, length):
            satisfiable.append(ByteRange(start, min(end, length)))
    if not satisfiable:
        return UNSATISFIABLE
    return satisfiable if len(satisfiable) == 1 else _coalesced(satisfiable)


def requested_ranges(
    value: bytes | None, length: int
) -> list[ByteRange] | Literal[NoRanges.IGNORE, NoRanges.UNSATISFIABLE]:
    """Both steps for a Range field that applies: to a GET, and after If-Range has been judged."""
    specs = parse_range(value) if value is not None else None
    return resolve(specs, length) if specs is not None else IGNORE


def _coalesced(ranges: list[ByteRange]) -> list[ByteRange]:
    merged: list[tuple[int, ByteRange]] = []
    for place, (start, end) in sorted(enumerate(ranges), key=lambda numbered: numbered[1]):
        if merged and start <= merged[-1][1].end:
            earlier, known = merged[-1]
            merged[-1] = (min(earlier, place), ByteRange(known.start, max(known.end, end)))
        else:
            merged.append((place, ByteRange(start, end)))
    return [found for _, found in sorted(merged)]


def content_range(part: ByteRange, length: int | None) -> bytes:
    """The Content-Range of a part of a representation of `length` octets, `None`: not known (RFC 9110 §14.4)."""
    if length is None:
        return b"bytes %d-%d/*" % (part.start, part.end - 1)
    return b"bytes %d-%d/%d" % (part.start, part.end - 1, length)


def unsatisfied_content_range(length: int) -> bytes:
    """The Content-Range of a 416: how long the representation is (RFC 9110 §14.4)."""
    return b"bytes */%d" % length


def parse_content_range(value: bytes | None) -> ContentRange | None:
    """The Content-Range of a 206; `None` when it is missing, malformed, of another unit or contradicts itself."""
    found = _content_range(value) if value is not None else None
    if found is None:
        return None
    start, end = int(found[1]), int(found[2]) + 1
    length = int(found[3]) if found[3] is not None else None
    if start >= end or (length is not None and end > length):
        return None
    return ContentRange(start, end, length)


def multipart_content_type(boundary: bytes) -> bytes:
    """The Content-Type of an answer of several parts. Raises ValueError for what cannot be a boundary."""
    return b'multipart/byteranges; boundary="%b"' % _checked(boundary)


def multipart_byteranges(
    content: bytes,
    ranges: list[ByteRange],
    *,
    content_type: bytes | None,
    boundary: bytes,
    offset: int = 0,
    length: int | None = None,
) -> bytes:
    """The content of an answer of several parts (RFC 9110 §14.6); each says its type and its range.

    `boundary` must not occur in the content: random ones of 16 octets and more do not. When `content` is itself a
    part, `offset` is where it begins in a representation of `length` octets, and the ranges must lie inside of it.
    Raises ValueError for what cannot be a boundary, and for ranges outside."""
    whole = length if length is not None else len(content)
    opening = b"--%b\r\n" % _checked(boundary)
    if content_type is not None:
        opening += b"Content-Type: %b\r\n" % content_type
    pieces: list[bytes | memoryview] = []
    view = memoryview(content)
    for part in ranges:
        if not offset <= part.start < part.end <= offset + len(content):
            raise ValueError(f"{part} lies outside of the content")
        pieces.append(b"%bContent-Range: %b\r\n\r\n" % (opening, content_range(part, whole)))
        pieces.append(view[part.start - offset : part.end - offset])
        pieces.append(b"\r\n")
    pieces.append(b"--%b--\r\n" % boundary)
    return b"".join(pieces)


def _checked(boundary: bytes) -> bytes:
    if _is_boundary(boundary) is None:
        raise ValueError(f"not a boundary: {boundary!r}")
    return boundary
