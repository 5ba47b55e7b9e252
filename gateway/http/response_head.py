"""Response heads from upstreams: octets up to the empty line in, a checked response out (RFC 9112 §4, §5, §6).

As strict as the request's reader, with one leniency that RFC 9112 §6.3 asks for: chunked beats a
Content-Length that came with it, and then the connection is not used again."""

from __future__ import annotations

import re

from gateway.errors import UpstreamProtocolError
from gateway.http.connection_fields import STOPS_HERE, nominated_by, values_of, without
from gateway.http.fields import Entry, Fields, Wire
from gateway.http.hop_by_hop import list_members
from gateway.http.lines import CODING, CONNECTION, LENGTH, UPGRADE, LineError, field_lines
from gateway.http.memory import Memory
from gateway.http.message import Response
from gateway.http.request_head import CHUNKED

UNTIL_CLOSE = -2

MAX_HEAD = 64 * 1024
"""Octets of a response head. Twice what we take from downstreams: origins set large cookies."""

_OFFERED = b"websocket"
"""The protocol that a client may change to here."""
_WITHOUT_CONTENT = frozenset({204, 304, *range(100, 200)})

_HTTP_1 = re.compile(rb"HTTP/1\.[0-9]").fullmatch
_REASON_OCTETS = bytes(octet for octet in range(256) if octet == 9 or (octet >= 32 and octet != 127))


class _StatusLines(dict[bytes, tuple[int, int, bytes]]):
    """Status line → minor version, status, reason phrase; remembers a bounded number of them."""

    def __missing__(self, line: bytes) -> tuple[int, int, bytes]:
        version, _, rest = line.partition(b" ")
        status, _, reason = rest.partition(b" ")
        if not _HTTP_1(version):
            raise UpstreamProtocolError("the answer does not begin with HTTP/1.1")
        if len(status) != 3 or not status.isdigit() or not b"100" <= status <= b"599":
            raise UpstreamProtocolError("the answer has no valid status")
        if reason.translate(None, _REASON_OCTETS):
            raise UpstreamProtocolError("the reason phrase has a control octet")
        read = (0 if version == b"HTTP/1.0" else 1, int(status), reason)
        if len(self) < 256 and len(line) <= 64:
            self[line] = read
        return read


_status_lines = _StatusLines()


_Reading = tuple[int, bytes, Fields, int, bool]
"""Status, reason phrase, fields to be shared with `Fields.again`, octets of content, whether it is dated."""


class ResponseHeads:
    """Reads the response heads of upstreams."""

    __slots__ = ("_memory",)

    def __init__(self) -> None:
        self._memory: Memory[_Reading] = Memory()

    def parse(self, head: bytes, method: str) -> tuple[Response, int, bool, bytes | None]:
        """Take the head of a response to `method` apart. Raises UpstreamProtocolError.

        Returns the response without its content; the octets of content (0 for none), CHUNKED or UNTIL_CLOSE; whether
        the connection may serve another request; and the protocol that a 101 changes to."""
        reading = self._memory.recall(head)
        if reading is None:
            return self._read(head, method)
        status, reason, shared, length, dated = reading
        response = Response(status, shared.again(), b"", reason)
        if dated:
            response.dated = True
        if method == "HEAD" or status in _WITHOUT_CONTENT:
            return _without_content(response, method, length), 0, True, None
        return response, length, True, None

    def _read(self, head: bytes, method: str) -> tuple[Response, int, bool, bytes | None]:
        lines = head[:-4].split(b"\r\n")
        status_line = lines[0]
        minor, status, reason = _status_lines[status_line]
        del lines[0]
        try:
            entries = [field_lines[line] for line in lines]
        except LineError as error:
            raise UpstreamProtocolError(f"the answer is malformed: {error}") from None
        special = [entry for entry in entries if entry[3]]
        section = head[len(status_line) + 2 : -2]
        dated = b"\r\nDate: " in head
        if len(special) == 1 and special[0][3] == LENGTH and minor:  # nothing unusual
            length = _content_length([special[0][2]])
            entries.remove(special[0])
            wire = Wire(section, length)
            fields = Fields.received(entries, None, wire)
            if self._memory.wants(head):
                self._memory.keep(head, (status, reason, fields.copy(), length, dated))
            reusable, upgrade = True, None
        else:
            length, reusable, upgrade, nominated = _unusual(special, status, minor)
            if special or nominated:
                entries, section = without(entries, section, special, STOPS_HERE, nominated)
            fields = Fields.received(entries, section)
            if status == 426 and _OFFERED in list_members(b",".join(values_of(special, UPGRADE))):
                fields.add(b"Upgrade", _OFFERED)  # RFC 9110 §15.5.22: a 426 says what is wanted, and we can do that
        response = Response(status, fields, b"", reason)
        if dated:
            response.dated = True
        if method == "HEAD" or status in _WITHOUT_CONTENT:
            return _without_content(response, method, length), 0, reusable, upgrade
        return response, length, reusable and length != UNTIL_CLOSE, upgrade


def _without_content(response: Response, method: str, length: int) -> Response:
    """The response to HEAD, a 304, 204 or 1xx: it never has content, and may describe some (RFC 9112 §6.3 item 1)."""
    if length >= 0 and (method == "HEAD" or response.status == 304):
        response.described_length = length
    return response


def _unusual(special: list[Entry], status: int, minor: int) -> tuple[int, bool, bytes | None, list[bytes]]:
    """Content, reuse, upgrade and nominated fields of a head with more than a Content-Length to look at."""
    seen = 0
    for entry in special:
        seen |= entry[3]
    nominated: list[bytes] = []
    reusable = minor == 1
    upgrade: bytes | None = None
    if seen & CONNECTION:
        nominated = nominated_by(special)
        reusable = b"close" not in nominated and (minor == 1 or b"keep-alive" in nominated)
        if status == 101 and b"upgrade" in nominated:
            upgrade = next(iter(values_of(special, UPGRADE)), None)
    length = UNTIL_CLOSE
    if seen & LENGTH:
        length = _content_length(values_of(special, LENGTH))
    if seen & CODING:
        reusable = reusable and length == UNTIL_CLOSE
        length = _chunked(special, minor)
    return length, reusable, upgrade, nominated


def _content_length(values: list[bytes]) -> int:
    value = values[0]
    if not value.isdigit() or len(value) > 18 or any(other != value for other in values):
        raise UpstreamProtocolError("Content-Length is not one number")
    return int(value)


def _chunked(special: list[Entry], minor: int) -> int:
    if not minor or [value.lower() for value in values_of(special, CODING)] != [b"chunked"]:
        raise UpstreamProtocolError("the only transfer coding known here is chunked, in HTTP/1.1")
    return CHUNKED


def check_partial_head(data: bytes) -> None:
    """Raise UpstreamProtocolError when `data` can never become a response head."""
    if not b"HTTP/1."[: len(data)] == data[:7]:
        raise UpstreamProtocolError("the answer does not begin with HTTP/1.1")
    if len(data) > MAX_HEAD:
        raise UpstreamProtocolError(f"the answer's head has more than {MAX_HEAD} octets")
    if data.count(b"\n") != data.count(b"\r\n"):
        raise UpstreamProtocolError("a line of the answer's head ends without CR")
