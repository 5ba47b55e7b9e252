"""`batch.v1`: messages as records in a binary frame. Lossless for text and binary.

    batch   = version first record*
    version = the octet 1
    first   = varint: number of the first record's message, counted from 0 for each connection and direction
    record  = flags [number] length payload
    flags   = bit 0: binary; bits 1 to 4: priority; bit 5: an own number follows; the rest is 0
    number  = varint; without one, a message has the number after that of the record before it
    length  = varint: octets of the payload

A varint has seven bits to the octet, the lowest first; all but its last octet have the highest bit set."""

from collections.abc import Sequence

from gateway.api import CloseCode, WebSocketError, WebSocketMessage
from plugins.websocket_batch.formats import MOST_RECORDS, Frame, Item, Items

TOKEN = "batch.v1"
_VERSION = 1
_BINARY, _OWN_NUMBER, _RESERVED = 0x01, 0x20, 0xC0
_MOST_VARINT = 9
"""Octets of a varint: 63 bits."""
_SMALL = [[bytes((flags, length)) for length in range(128)] for flags in range(32)]


def varint(number: int) -> bytes:
    """A number as a varint."""
    if number < 128:
        return bytes((number,))
    if number < 16384:
        return bytes((number & 127 | 128, number >> 7))
    octets = bytearray()
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    octets.append(number)
    return bytes(octets)


class Binary:
    """Encodes batches. One for each connection and direction."""

    numbers = True

    def encode(self, items: Items) -> list[Frame]:
        """One frame for each thousand messages."""
        if len(items) <= MOST_RECORDS:
            return [_batch(list(items.items()))]
        every = list(items.items())
        return [_batch(every[at : at + MOST_RECORDS]) for at in range(0, len(every), MOST_RECORDS)]


def _batch(items: Sequence[tuple[int, Item]]) -> Frame:
    first = expected = items[0][0]
    parts = [b"\x01" + varint(first)]
    for number, (opcode, payload, priority, _) in items:
        flags = opcode >> 1 | priority << 1
        size = len(payload)
        if number != expected:
            parts.append(b"%c%b%b" % (flags | _OWN_NUMBER, varint(number), varint(size)))
        elif size < 128:
            parts.append(_SMALL[flags][size])
        else:
            parts.append(b"%c%b" % (flags, varint(size)))
        parts.append(payload)
        expected = number + 1
    return Frame(2, b"".join(parts), len(items))


def unpack(opcode: int, payload: bytes) -> list[WebSocketMessage]:
    """The messages of a batch, their priority above the opcode. Raises WebSocketError: 1002 for what is no batch, 1007
    for text that is not UTF-8, 1009 for too many records."""
    if opcode & 0xF != 2:
        raise WebSocketError(CloseCode.PROTOCOL_ERROR, "batch", "batch.v1 comes in binary frames")
    return [message for _, message in unpack_numbered(payload)]


def unpack_numbered(payload: bytes) -> list[tuple[int, WebSocketMessage]]:
    """The same, each message with its number."""
    if not payload or payload[0] != _VERSION:
        raise _malformed("a version that is not 1")
    number, at = _read_varint(payload, 1)
    size = len(payload)
    found: list[tuple[int, WebSocketMessage]] = []
    while at < size:
        if len(found) >= MOST_RECORDS:
            raise WebSocketError(CloseCode.TOO_BIG, "batch", f"more than {MOST_RECORDS} messages in a batch")
        flags = payload[at]
        if flags & _RESERVED:
            raise _malformed("a reserved flag")
        at += 1
        if flags & _OWN_NUMBER:
            number, at = _read_varint(payload, at)
        if at < size and payload[at] < 128:
            length = payload[at]
            at += 1
        else:
            length, at = _read_varint(payload, at)
        end = at + length
        if end > size:
            raise _malformed("a record longer than its batch")
        content = payload[at:end]
        at = end
        if flags & _BINARY:
            found.append((number, (2 | (flags << 3 & 0xF0), content)))
        else:
            if not content.isascii():
                _check_utf8(content)
            found.append((number, (1 | (flags << 3 & 0xF0), content)))
        number += 1
    return found


def _read_varint(payload: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(_MOST_VARINT):
        if at >= len(payload):
            raise _malformed("a number that is cut off")
        octet = payload[at]
        at += 1
        value |= (octet & 127) << 7 * shift
        if octet < 128:
            return value, at
    raise _malformed("a number that is too large")


def _check_utf8(content: bytes) -> None:
    try:
        content.decode()
    except UnicodeDecodeError:
        raise WebSocketError(CloseCode.INVALID_DATA, "utf8", "a text in a batch that is not UTF-8") from None


def _malformed(why: str) -> WebSocketError:
    return WebSocketError(CloseCode.PROTOCOL_ERROR, "batch", f"no batch.v1: {why}")
