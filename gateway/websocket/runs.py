"""Runs: messages that came in one piece, one behind the other, and are checked and carried on as such. No I/O.

A feed's messages are short and come many at a time. Taking each of them out, only to put it into a batch, costs more
than all else that is done with it. In a run it stays where it is: the head of a frame (RFC 6455 §5.2) has as many
octets as the head of a record, so one takes the other's place, and the text of all is checked at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_TEXT, _BINARY = 0x81, 0x82
"""The whole first octet of an unfragmented, uncompressed frame."""


class Run(NamedTuple):
    """Whole messages in the order in which they came."""

    records: bytearray
    """Each behind an octet that is 0 for text and 1 for binary, and its length as a varint: seven bits to the octet,
    the lowest first, all but the last octet with the highest bit set. It may have more octets than it needs."""
    messages: int
    binaries: int
    """How many of them are not text."""
    octets: int
    """Their content."""
    size: int
    """Octets of the frames they came in."""
    step: int
    """Octets of each record, if all are of one length; otherwise 0."""


def read_run(data: bytes, most: int) -> Run | None:
    """The unmasked frames of whole messages that `data` begins with; `None` for none, and for those that need a closer
    look. None is longer than `most` octets, and every text is UTF-8 (RFC 6455 §8.1)."""
    size = len(data)
    if size < 2 or data[0] & ~3 != 0x80 or data[1] > 126:
        return None  # the first of them already
    step = data[1] + 2
    records = bytearray(data)
    if data[0] == _TEXT and step < 128 and not size % step:  # a feed's messages often are of one length
        count = size // step
        if data[::step].count(_TEXT) == count == data[1::step].count(step - 2):
            records[::step] = bytes(count)
            if records.isascii() or _is_text(records):
                return Run(records, count, 0, size - 2 * count, size, step)
            records[::step] = data[::step]
    at = unchecked = count = binaries = wide = 0
    while size - at >= 2:
        first, length = data[at], data[at + 1]
        if length < 126:
            begin = at + 2
            end = begin + length
            if end > size:
                break
            if first == _TEXT:
                records[at] = 0
                at = end
                count += 1
                continue
        elif length == 126 and size - at >= 4:
            length = data[at + 2] << 8 | data[at + 3]
            begin = at + 4
            end = begin + length
            if end > size or length < 126 or length > most:
                break
            records[at + 1] = length & 127 | 128
            records[at + 2] = length >> 7 & 127 | 128
            records[at + 3] = length >> 14
            wide += 1
        else:
            break
        if unchecked < at and not _is_text(records[unchecked:at]):
            return None
        if first == _TEXT:
            records[at] = 0
            if not data[begin:end].isascii() and not _is_text(data[begin:end]):
                return None
        elif first == _BINARY:
            records[at] = 1
            binaries += 1
        else:
            break
        at = unchecked = end
        count += 1
    if not count:
        return None
    if at < size:
        del records[at:]
    if unchecked < at and not _is_text(records[unchecked:] if unchecked else records):
        return None
    return Run(records, count, binaries, at - 2 * (count + wide), at, 0)


def _is_text(octets: bytes | bytearray) -> bool:
    """Whether all texts in short records are UTF-8: heads are ASCII, so no character reaches from one into the next."""
    if octets.isascii():
        return True
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def walk(records: bytes | bytearray, at: int = 0) -> Iterator[tuple[int, int]]:
    """For each record from `at` on where it ends, and the octets of its content."""
    size = len(records)
    while at < size:
        length = records[at + 1]
        at += 2
        if length > 127:
            length, shift, octet = length & 127, 7, 128
            while octet > 127:
                octet = records[at]
                length |= (octet & 127) << shift
                shift += 7
                at += 1
        at += length
        yield at, length
