"""Heads of messages, both directions: octets up to the empty line in, checked values out (RFC 9112 §2–§6).

The first line is taken apart here; the field section goes through llhttp (httptools), which refuses bare
CR or LF, folds, white space before the colon, control octets and conflicting lengths. It gets a
first line of our own, so any method token works and no protocol but HTTP does. What llhttp leaves to its
caller (values of framing fields, targets, Host) is checked here. When two parsers could read a head
differently, it is refused."""

from __future__ import annotations

import re
from typing import NamedTuple

import httptools

from gateway.errors import (
    BadRequestError,
    ExpectationError,
    FieldsTooLargeError,
    TargetTooLongError,
    UnknownTransferCodingError,
    UpstreamProtocolError,
    VersionError,
)
from gateway.http.fields import Entry, Fields, is_token, lower_names
from gateway.http.hop_by_hop import NEVER_NOMINATED, list_members
from gateway.http.target import authority_and_origin_form, is_authority

HOST, LENGTH, CODING, CONNECTION, UPGRADE, TE, HOP, EXPECT, FORWARDING, DATE = (1 << bit for bit in range(10))

MARKS = {
    b"host": HOST,
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"connection": CONNECTION,
    b"upgrade": UPGRADE,
    b"te": TE,
    b"keep-alive": HOP,
    b"proxy-connection": HOP,
    b"http2-settings": HOP,
    b"expect": EXPECT,
    b"forwarded": FORWARDING,
    b"x-forwarded-for": FORWARDING,
    b"x-forwarded-host": FORWARDING,
    b"x-forwarded-proto": FORWARDING,
    b"x-forwarded-port": FORWARDING,
    b"x-forwarded-prefix": FORWARDING,
    b"x-forwarded-server": FORWARDING,
    b"x-forwarded-scheme": FORWARDING,
    b"x-forwarded-ssl": FORWARDING,
    b"x-real-ip": FORWARDING,
    b"x-original-url": FORWARDING,
    b"x-rewrite-url": FORWARDING,
    b"date": DATE,
}
"""Fields a head is looked through for. All others pass as they are."""

_STOPS_HERE = LENGTH | CODING | CONNECTION | UPGRADE | TE | HOP
_STOPS_HERE_FROM_STRANGERS = _STOPS_HERE | FORWARDING
_FRAMES = LENGTH | CODING | CONNECTION | UPGRADE

_CONNECTION_OPTIONS = frozenset({b"keep-alive", b"close", b"upgrade", b"te"})

UNTIL_CLOSE = -2
CHUNKED = -1

_TARGET_OCTETS = bytes(octet for octet in range(0x21, 0x7F) if octet != 0x23)
_DIGITS = re.compile(rb"[0-9]{1,19}").fullmatch
_HTTP_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]").fullmatch
_STATUS = re.compile(rb"[1-5][0-9][0-9]").fullmatch
_REASON_OCTETS = bytes(octet for octet in range(256) if octet == 9 or (octet >= 32 and octet != 127))
_WHITE = (b" \r\n", b"\t\r\n")


class _Methods(dict[bytes, str]):
    """Method token → `str`; learns those that are used, a bounded number of them."""

    def __missing__(self, method: bytes) -> str:
        if not is_token(method) or len(method) > 64:
            raise BadRequestError("the method is not a token")
        text = method.decode("ascii")
        if len(self) < 256:
            self[method] = text
        return text


_methods = _Methods()


class _Marked(dict[bytes, tuple[bytes, int]]):
    """Field name as it came → lower-case name and its mark."""

    def __missing__(self, name: bytes) -> tuple[bytes, int]:
        lower = lower_names[name]
        found = (lower, MARKS.get(lower, 0))
        if name in lower_names:
            self[name] = found
        return found


_marked = _Marked()


class FieldSection:
    """Checks and splits field sections. One object serves a whole process: every section is complete."""

    __slots__ = ("_lenient", "_parser", "entries", "on_header", "seen", "special")

    def __init__(self, *, lenient: bool = False) -> None:
        self._lenient = lenient
        self.entries: list[Entry] = []
        self.special: list[Entry] = []
        self.seen = 0
        self._renew()

    def _renew(self) -> None:
        self.on_header = self._on_header
        self._parser = httptools.HttpRequestParser(self)
        if self._lenient:  # RFC 9112 §6.3 item 3: from an upstream, chunked beats a length that comes with it
            self._parser.set_dangerous_leniencies(lenient_chunked_length=True)

    def _on_header(self, name: bytes, value: bytes) -> None:
        lower, mark = _marked[name]
        entry = (lower, name, value)
        self.entries.append(entry)
        if mark:
            self.seen |= mark
            self.special.append(entry)

    def parse(self, section: bytes) -> None:
        """Fill `entries`, `special` and `seen` from field lines and the empty line behind them.

        Raises httptools.HttpParserError."""
        self.entries = []
        self.special = []
        self.seen = 0
        try:
            self._parser.feed_data(b"POST / HTTP/1.1\r\n" + section)
        except httptools.HttpParserUpgrade:
            self._renew()
        except httptools.HttpParserError:
            self._renew()
            raise
        else:
            if self.seen & _FRAMES:  # the parser now waits for content, or for nothing more
                self._renew()
        if _WHITE[0] in section or _WHITE[1] in section:
            self.entries = [(lower, name, value.rstrip(b" \t")) for lower, name, value in self.entries]
            self.special = [(lower, name, value.rstrip(b" \t")) for lower, name, value in self.special]


_requests = FieldSection()
_responses = FieldSection(lenient=True)


class RequestHead(NamedTuple):
    """What a request head says."""

    method: str
    target: bytes
    authority: bytes
    minor: int
    fields: Fields
    length: int
    """Octets of content, or CHUNKED."""
    close: bool
    """Whether the downstream wants the connection closed after this exchange."""
    expect: bool
    """Whether it waits for 100 (RFC 9110 §10.1.1)."""
    upgrade: bytes | None
    trailers: bool
    """Whether `TE: trailers` was sent (RFC 9110 §10.1.4)."""


class HeadLimits(NamedTuple):
    """Bounds of a request head, in octets but for `fields`."""

    target: int
    field: int
    fields: int


def parse_request_head(head: bytes, limits: HeadLimits, trusted: bool, upgrades: frozenset[bytes]) -> RequestHead:
    """Take a request head apart. `head` ends with the empty line.

    Raises a DownstreamError for what must be refused: 400, 405, 414, 417, 431, 501, 505."""
    end = head.index(b"\r\n")
    try:
        method_octets, target, version = head[:end].split(b" ")
    except ValueError:
        raise BadRequestError("the request line is not a method, a target and a version") from None
    method = _methods[method_octets]
    if version == b"HTTP/1.1":
        minor = 1
    else:
        minor = _minor_version(version)
    if len(target) > limits.target:
        raise TargetTooLongError(f"the target has more than {limits.target} octets", limit="target")
    if not target or target.translate(None, _TARGET_OCTETS):
        raise BadRequestError("the target has octets that must be percent-encoded")
    section = _requests
    try:
        section.parse(head[end + 2 :])
    except httptools.HttpParserError as error:
        raise _refusal(section, error) from None
    entries, seen, special = section.entries, section.seen, section.special
    if len(entries) > limits.fields:
        raise FieldsTooLargeError(f"more than {limits.fields} fields", limit="fields")
    if len(head) > limits.field and any(len(name) + len(value) > limits.field for _, name, value in entries):
        raise FieldsTooLargeError(f"a field has more than {limits.field} octets", limit="field")

    if target[0] == 0x2F:
        authority = b""
    else:
        authority, target = authority_and_origin_form(method, target)
    if seen & HOST:
        host = _only(special, b"host")
        if not authority:
            authority = host
        if not is_authority(host):
            raise BadRequestError("Host is not a host")
    elif minor:
        raise BadRequestError("an HTTP/1.1 request needs a Host field")

    length, close, expect, trailers = 0, not minor, False, False
    upgrade: bytes | None = None
    nominated: list[bytes] = []
    if seen & (LENGTH | CODING):
        length = _request_length(special, seen, minor)
    if seen & CONNECTION:
        nominated = list_members(b",".join([value for lower, _, value in special if lower == b"connection"]))
        close = b"close" in nominated or (not minor and b"keep-alive" not in nominated)
        if seen & UPGRADE and minor and b"upgrade" in nominated and length == 0:
            upgrade = _allowed_upgrade(special, upgrades)
        trailers = b"te" in nominated and any(
            lower == b"te" and b"trailers" in list_members(value) for lower, _, value in special
        )
    if seen & EXPECT and minor:
        expect = _expectation(special)

    block = head[end:-2]
    drop = _STOPS_HERE if trusted else _STOPS_HERE_FROM_STRANGERS
    remaining: bytes | None = block[2:]
    if seen & drop or nominated:
        entries, remaining = _without(entries, block, special, drop, nominated)
    fields = Fields.received(entries, remaining)
    if seen & HOST and authority != host:
        fields.set(b"Host", authority)  # RFC 9112 §3.2.2: the target's authority replaces Host
    elif not seen & HOST and authority:
        fields.set(b"Host", authority)
    return RequestHead(method, target, authority, minor, fields, length, close, expect, upgrade, trailers)


def _minor_version(version: bytes) -> int:
    if not _HTTP_VERSION(version):
        raise BadRequestError("the request line does not end in an HTTP version")
    if version[5:6] != b"1":
        raise VersionError("this listener speaks HTTP/1.1")
    return 0 if version == b"HTTP/1.0" else 1  # RFC 9110 §2.5: a higher minor is read as the one we know


def _refusal(section: FieldSection, error: Exception) -> BadRequestError | UnknownTransferCodingError:
    detail = str(error)
    if "invalid `Transfer-Encoding`" in detail and section.seen & CODING:
        codings = _only(section.special, b"transfer-encoding").lower()
        if is_token(codings) and not section.seen & LENGTH and codings not in (b"identity", b"chunked"):
            return UnknownTransferCodingError("the transfer coding is not known here")
    return BadRequestError(f"the field section is malformed: {detail}")


def _only(special: list[Entry], wanted: bytes) -> bytes:
    values = [value for lower, _, value in special if lower == wanted]
    if len(values) != 1:
        raise BadRequestError(f"{wanted.decode()} occurs {len(values)} times")
    return values[0]


def _request_length(special: list[Entry], seen: int, minor: int) -> int:
    """Octets of content or CHUNKED (RFC 9112 §6.3)."""
    if seen & CODING:
        if seen & LENGTH:
            raise BadRequestError("Content-Length and Transfer-Encoding in one message")
        if not minor:
            raise BadRequestError("Transfer-Encoding in an HTTP/1.0 message")
        coding = _only(special, b"transfer-encoding").lower()
        if coding != b"chunked":
            raise UnknownTransferCodingError("the only transfer coding known here is chunked")
        return CHUNKED
    value = _only(special, b"content-length")
    if not _DIGITS(value) or len(value) > 18:
        raise BadRequestError("Content-Length is not a number")
    return int(value)


def _allowed_upgrade(special: list[Entry], upgrades: frozenset[bytes]) -> bytes | None:
    values = [value for lower, _, value in special if lower == b"upgrade"]
    if len(values) == 1 and values[0].lower() in upgrades:
        return values[0]
    return None  # RFC 9110 §7.8: an upgrade may be ignored


def _expectation(special: list[Entry]) -> bool:
    for lower, _, value in special:
        if lower == b"expect" and value.lower() != b"100-continue":
            raise ExpectationError("the only expectation known here is 100-continue")
    return True


def _without(
    entries: list[Entry], block: bytes, special: list[Entry], drop: int, nominated: list[bytes]
) -> tuple[list[Entry], bytes | None]:
    """Entries and block without the fields that stop here. `block` begins with a CRLF; the result does not."""
    leaving = [entry for entry in special if MARKS[entry[0]] & drop]
    names = {entry[0] for entry in leaving}
    if nominated:
        others = [name for name in nominated if name not in names and name not in _CONNECTION_OPTIONS]
        if others:
            names.update(name for name in others if name not in NEVER_NOMINATED)
            leaving = [entry for entry in entries if entry[0] in names]
    kept = [entry for entry in entries if entry[0] not in names]
    for _, name, value in leaving:
        shorter = block.replace(b"\r\n%b: %b\r\n" % (name, value), b"\r\n", 1)
        if len(shorter) == len(block):  # other white space than usual: the block is written anew
            return kept, None
        block = shorter
    return kept, block[2:]


class ResponseHead(NamedTuple):
    """What an upstream's response head says."""

    status: int
    reason: bytes
    minor: int
    fields: Fields
    length: int
    """Octets of content as the head has it (0 without content), CHUNKED or UNTIL_CLOSE."""
    described_length: int | None
    """Content-Length of a response that has no content of its own: to HEAD, or 304."""
    reusable: bool
    """Whether the connection may serve another request."""
    upgrade: bytes | None
    has_date: bool


def parse_response_head(head: bytes, method: str) -> ResponseHead:
    """Take the head of a response to `method` apart. Raises UpstreamProtocolError."""
    end = head.index(b"\r\n")
    version, _, rest = head[:end].partition(b" ")
    status_octets, _, reason = rest.partition(b" ")
    if version == b"HTTP/1.1":
        minor = 1
    elif version == b"HTTP/1.0":
        minor = 0
    elif _HTTP_VERSION(version) and version[5:6] == b"1":
        minor = 1
    else:
        raise UpstreamProtocolError("the answer does not begin with HTTP/1.1")
    if not _STATUS(status_octets) or reason.translate(None, _REASON_OCTETS):
        raise UpstreamProtocolError("the answer has no valid status line")
    status = int(status_octets)
    section = _responses
    try:
        section.parse(head[end + 2 :])
    except httptools.HttpParserError as error:
        raise UpstreamProtocolError(f"the answer's field section is malformed: {error}") from None
    entries, seen, special = section.entries, section.seen, section.special

    nominated: list[bytes] = []
    reusable = minor == 1
    upgrade: bytes | None = None
    if seen & CONNECTION:
        nominated = list_members(b",".join([value for lower, _, value in special if lower == b"connection"]))
        reusable = b"close" not in nominated and (minor == 1 or b"keep-alive" in nominated)
        if status == 101 and b"upgrade" in nominated:
            upgrade = next((value for lower, _, value in special if lower == b"upgrade"), None)
    length, described = UNTIL_CLOSE, None
    if seen & (LENGTH | CODING):
        length = _response_length(special, seen, minor)
        reusable = reusable and not (seen & LENGTH and seen & CODING)
    if method == "HEAD" or status == 304:
        described = length if length >= 0 else None
        length = 0
    elif status == 204 or status < 200:
        length = 0
    elif length == UNTIL_CLOSE:
        reusable = False
    block = head[end:-2]
    remaining: bytes | None = block[2:]
    if seen & _STOPS_HERE or nominated:
        entries, remaining = _without(entries, block, special, _STOPS_HERE, nominated)
    return ResponseHead(
        status,
        reason,
        minor,
        Fields.received(entries, remaining),
        length,
        described,
        reusable,
        upgrade,
        bool(seen & DATE),
    )


def _response_length(special: list[Entry], seen: int, minor: int) -> int:
    if seen & CODING:
        codings = [value.lower() for lower, _, value in special if lower == b"transfer-encoding"]
        if codings != [b"chunked"] or not minor:
            raise UpstreamProtocolError("the only transfer coding known here is chunked")
        return CHUNKED
    values = {value for lower, _, value in special if lower == b"content-length"}
    value = values.pop()
    if values or not _DIGITS(value) or len(value) > 18:
        raise UpstreamProtocolError("Content-Length is not one number")
    return int(value)
