"""The chunked transfer coding (RFC 9112 §7.1): octets in, content out, and the other way round.

Read by hand because the reader must know to the octet where a body ends: what follows belongs to the next
message. Chunk extensions are checked and dropped; trailers are kept apart from fields. Framing beyond a
plain size line is counted and bounded, so a body cannot be made of extensions (RFC 9112 §7.1.1)."""

from __future__ import annotations

import re

from gateway.errors import BadRequestError
from gateway.http.fields import Fields
from gateway.http.hop_by_hop import NOT_IN_TRAILERS
from gateway.http.lines import LineError, split_section

LAST_CHUNK = b"0\r\n\r\n"

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = rb'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"'
_EXTENSION = rb"[ \t]*;[ \t]*" + _TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?"
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:" + _EXTENSION + rb")*").fullmatch
_PART_OF_SIZE_LINE = re.compile(rb"[0-9A-Fa-f]{0,16}(?:[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?)?\r?").fullmatch
_LONGEST_PLAIN = 16
"""Octets of a size line that cannot have an extension."""
_LARGEST = 1 << 60


class ChunkedReader:
    """Reads one chunked body. Raises BadRequestError when the framing is broken or too large;
    then nobody can tell where the next message begins."""

    __slots__ = (
        "_after_data",
        "_held",
        "_in_trailers",
        "_left",
        "_overhead",
        "complete",
        "content",
        "rest",
        "trailers",
    )

    def __init__(self, max_overhead: int) -> None:
        self._overhead = max_overhead
        self._left = 0
        self._held = b""
        self._after_data = False
        self._in_trailers = False
        self.complete = False
        self.rest = b""
        """Octets behind the body, once it is complete."""
        self.trailers: Fields | None = None

    def feed(self, data: bytes) -> bytes:
        """The content in `data`, which may be any piece of the body."""
        if self._left > len(data):  # in the middle of a large chunk: nothing to look at, nothing to copy
            self._left -= len(data)
            return data
        if self._held:
            data, self._held = self._held + data, b""
        pieces: list[bytes] = []
        at, size = 0, len(data)
        while not self.complete:
            if self._left:
                piece = data[at : at + self._left]
                at += len(piece)
                self._left -= len(piece)
                if piece:
                    pieces.append(piece)
                if self._left:
                    break
                self._after_data = True
            if self._after_data:
                if size - at < 2:
                    self._hold(data[at:], b"\r\n".startswith(data[at:]), "a chunk is longer than its size")
                    break
                if data[at : at + 2] != b"\r\n":
                    raise BadRequestError("a chunk is longer than its size")
                at += 2
                self._after_data = False
            if self._in_trailers:
                self._read_trailers(data, at)
                break
            line_end = data.find(b"\r\n", at)
            if line_end < 0:
                part = data[at:]
                self._hold(part, _PART_OF_SIZE_LINE(part) is not None, "a chunk has no valid size")
                break
            self._read_size(data[at:line_end])
            at = line_end + 2
        return b"".join(pieces) if len(pieces) != 1 else pieces[0]

    def _hold(self, part: bytes, is_valid: bool, complaint: str) -> None:
        """Keep an unfinished line for the next piece."""
        if not is_valid:
            raise BadRequestError(complaint)
        if len(part) > max(self._overhead, _LONGEST_PLAIN) + 1:  # the same verdict however the octets were cut
            raise _too_much()
        self._held = part

    def _read_size(self, line: bytes) -> None:
        match = _SIZE_LINE(line)
        if match is None:
            raise BadRequestError("a chunk has no valid size")
        if match.end(1) != len(line):
            self._spend(len(line))
        self._left = int(match.group(1), 16)
        if self._left > _LARGEST:
            raise BadRequestError("a chunk is impossibly large")
        self._in_trailers = self._left == 0

    def _spend(self, octets: int) -> None:
        self._overhead -= octets
        if self._overhead < 0:
            raise _too_much()

    def _read_trailers(self, data: bytes, at: int) -> None:
        if data.startswith(b"\r\n", at):
            end = at + 2
        else:
            blank = data.find(b"\r\n\r\n", at)
            if blank < 0:
                part = data[at:]
                self._hold(part, part.count(b"\n") == part.count(b"\r\n"), "a trailer line ends without CR")
                return
            end = blank + 4
            self._spend(end - at)
            self.trailers = parse_trailers(data[at:end])
        self.complete = True
        self.rest = data[end:]


def _too_much() -> BadRequestError:
    return BadRequestError("too much chunk framing", limit="chunk_overhead")


def parse_trailers(section: bytes) -> Fields | None:
    """Trailers worth passing on: those that neither frame, route nor authorise (RFC 9110 §6.5.1).

    `section` ends with the empty line. Raises BadRequestError when it is malformed."""
    try:
        entries = split_section(section[:-2])
    except LineError as error:
        raise BadRequestError(f"the trailers are malformed: {error}") from None
    kept = [entry for entry in entries if not entry[3] and entry[0] not in NOT_IN_TRAILERS]
    return Fields.received(kept, None) if kept else None


def encode_chunk(data: bytes) -> bytes:
    """`data`, which is not empty, as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def encode_last_chunk(trailers: Fields | None) -> bytes:
    """The end of a chunked body."""
    return LAST_CHUNK if trailers is None else b"0\r\n%b\r\n" % trailers.encode()
