"""Reads frames and puts messages together (RFC 6455 §5, §6, §8.1). Octets in, messages out; no I/O.

Everything that a peer may do wrong ends here, with the close code it has to hear. Memory is bounded by one message and
one read: what is announced counts before it has come, what is inflated counts before it is delivered."""

from __future__ import annotations

import codecs

from gateway.websocket.close_codes import CloseCode, WebSocketError
from gateway.websocket.deflate import Inflater
from gateway.websocket.frames import BINARY, CONTINUATION, MOST_CONTROL, PING, PONG, TEXT, apply_mask
from gateway.websocket.runs import Run, read_run

Event = tuple[int, bytes]
"""An opcode and a whole message or control payload."""

AT_ONCE = 256 * 1024
"""Inflated octets after which `feed` stops, so that whoever takes them can say that it is enough."""
_EMPTY_FRAGMENTS = 1000
"""Fragments without content in one message: they cost work and bring nothing."""
_new_utf8 = codecs.getincrementaldecoder("utf-8")


class FrameReader:
    """One direction of one connection. `failure` is set once, and nothing is read after it."""

    __slots__ = (
        "_empty",
        "_held",
        "_inflater",
        "_is_compressed",
        "_is_masked",
        "_max_message",
        "_message",
        "_need",
        "_opcode",
        "_utf8",
        "failure",
        "frames",
        "more",
    )

    def __init__(self, *, is_masked: bool, max_message: int, inflater: Inflater | None = None) -> None:
        self._is_masked = is_masked
        self._max_message = max_message
        self._inflater = inflater
        self._held = bytearray()
        self._need = 0
        self._opcode = 0  # of the message that has begun, 0 between messages
        self._is_compressed = False
        self._message = bytearray()
        self._empty = 0
        self._utf8: codecs.IncrementalDecoder | None = None
        self.failure: WebSocketError | None = None
        """What the peer did wrong; events that came before it count."""
        self.frames = 0
        """Frames read so far."""
        self.more = False
        """Whether `feed(b"")` may give further events from what has already come."""

    @property
    def held(self) -> int:
        """Octets of a message that is not complete."""
        return len(self._held) + len(self._message)

    def forget(self) -> None:
        """Give up what was kept of a message, after a failure."""
        self._held = bytearray()
        self._message = bytearray()
        self._inflater = None

    def feed(self, data: bytes) -> list[Event]:
        """The messages and control frames that are complete now."""
        if self._held:
            self._held += data
            if len(self._held) < self._need:
                return []
            data = bytes(self._held)
            self._held.clear()
        self.more = False
        events: list[Event] = []
        if self.failure is not None:
            return events
        try:
            at = self._read(data, events)
        except WebSocketError as error:
            self.failure = error.with_traceback(None)  # which would hold on to what was inflated
            return events
        if at < len(data):
            self._held += data[at:] if at else data
        return events

    def run(self, data: bytes) -> tuple[Run | None, bytes]:
        """The whole messages that have come unmasked and need no closer look; and all octets, of which `feed` gets the
        rest."""
        if self._opcode or self.failure is not None:
            return None, data
        if self._held:
            if len(self._held) + len(data) < self._need:
                return None, data
            data = bytes(self._held) + data
            self._held.clear()
        run = read_run(data, self._max_message)
        if run is not None:
            self.frames += run.messages
        return run, data

    def _read(self, data: bytes, events: list[Event]) -> int:
        """Read what is complete; where the rest begins."""
        size, at, inflated = len(data), 0, 0
        is_masked, most = self._is_masked, self._max_message
        self._need = 2
        while size - at >= 2:
            first, second = data[at], data[at + 1]
            if second < 126 and first == 0x81 and not is_masked and not self._opcode:  # what most upstreams send
                end = at + 2 + second
                if end <= size:
                    payload = data[at + 2 : end]
                    if not payload.isascii():
                        _check_utf8(payload)
                    events.append((1, payload))
                    self.frames += 1
                    at = end
                    continue
            length = second & 0x7F
            start = at + 2
            if (second > 127) is not is_masked:
                wanted = "must be masked" if is_masked else "must not be masked"
                raise WebSocketError(CloseCode.PROTOCOL_ERROR, "mask", f"frames {wanted} (RFC 6455 §5.1)")
            if length > 125:
                extended = 2 if length == 126 else 8
                if size < start + extended:
                    self._check(first, length)
                    self._need = start + extended - at
                    return at
                length = _extended(data[start : start + extended])
                start += extended
            if is_masked:
                start += 4
            is_simple = (first == 0x81 or first == 0x82) and not self._opcode
            if not is_simple:
                self._check(first, length)
            if length > most or (not is_simple and first & 0xF < 8 and length + len(self._message) > most):
                raise WebSocketError(CloseCode.TOO_BIG, "too_big", f"a message of more than {most} octets")
            end = start + length
            if end > size:
                self._need = end - at
                return at
            payload = data[start:end]
            if is_masked:
                payload = apply_mask(payload, data[start - 4 : start])
            at = end
            self.frames += 1
            if is_simple:
                if first == 0x81:
                    _check_utf8(payload)
                events.append((first & 0xF, payload))
            elif first & 0x8:
                events.append((first & 0xF, payload))
                if first & 0xF == 8:
                    return size  # nothing counts after a Close (RFC 6455 §5.5.1)
            else:
                inflated += self._continue(first, payload, events)
                if inflated > AT_ONCE and at < size:
                    self.more = True
                    return at
        return at

    def _check(self, first: int, length: int) -> None:
        """Whether a frame may come here and now."""
        opcode = first & 0xF
        if first & 0x30 or (first & 0x40 and (self._inflater is None or opcode not in (TEXT, BINARY))):
            raise WebSocketError(CloseCode.PROTOCOL_ERROR, "rsv", "a reserved bit is set (RFC 6455 §5.2)")
        if opcode >= 8:
            if opcode > PONG:
                raise WebSocketError(CloseCode.PROTOCOL_ERROR, "opcode", f"opcode {opcode} is reserved")
            if length > MOST_CONTROL or not first & 0x80:
                detail = "a control frame is long or fragmented (RFC 6455 §5.5)"
                raise WebSocketError(CloseCode.PROTOCOL_ERROR, "control", detail)
        elif opcode > BINARY:
            raise WebSocketError(CloseCode.PROTOCOL_ERROR, "opcode", f"opcode {opcode} is reserved")
        elif (opcode == CONTINUATION) is not bool(self._opcode):
            detail = "a message begins inside another" if self._opcode else "a continuation of nothing"
            raise WebSocketError(CloseCode.PROTOCOL_ERROR, "fragment", f"{detail} (RFC 6455 §5.4)")

    def _continue(self, first: int, payload: bytes, events: list[Event]) -> int:
        """Take a frame of a fragmented or compressed message; how many octets that inflated to."""
        opcode, is_last = first & 0xF, first & 0x80
        if opcode:
            self._opcode = opcode
            self._is_compressed = bool(first & 0x40)
            self._empty = 0
            self._utf8 = None
        if not payload and not is_last:
            self._empty += 1
            if self._empty > _EMPTY_FRAGMENTS:
                raise WebSocketError(CloseCode.POLICY, "fragments", "too many empty fragments")
        if self._opcode == TEXT and not self._is_compressed:
            if self._utf8 is None:
                self._utf8 = _new_utf8()
            try:
                self._utf8.decode(payload, bool(is_last))
            except UnicodeDecodeError:
                raise _not_utf8() from None
        if not is_last:
            self._message += payload
            return 0
        if self._message:
            self._message += payload
            payload = bytes(self._message)
            self._message = bytearray()
        opcode, self._opcode = self._opcode, 0
        inflated = 0
        if self._is_compressed:
            assert self._inflater is not None
            payload = self._inflater.inflate(payload, self._max_message)
            inflated = len(payload)
            if opcode == TEXT:
                _check_utf8(payload)
        events.append((opcode, payload))
        return inflated


def _extended(octets: bytes) -> int:
    """A length that did not fit into seven bits."""
    length = int.from_bytes(octets, "big")
    if length >> 63 or length < (126 if len(octets) == 2 else 65536):
        raise WebSocketError(CloseCode.PROTOCOL_ERROR, "length", "a length that is not written minimally")
    return length


def _check_utf8(payload: bytes) -> None:
    if not payload.isascii():
        try:
            payload.decode()
        except UnicodeDecodeError:
            raise _not_utf8() from None


def _not_utf8() -> WebSocketError:
    return WebSocketError(CloseCode.INVALID_DATA, "utf8", "a text message that is not UTF-8 (RFC 6455 §8.1)")


__all__ = ["AT_ONCE", "PING", "Event", "FrameReader"]
