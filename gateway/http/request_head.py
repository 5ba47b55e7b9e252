"""Request heads: octets up to the empty line in, a checked request out (RFC 9112 §2, §3, §5, §6).

The head is read in one go, whole, and strictly: what two parsers could read differently is refused. Fields
that concern this connection alone are taken out here, so the rest of the road never sees them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from gateway.errors import (
    BadRequestError,
    ExpectationError,
    FieldsTooLargeError,
    MethodNotAllowedError,
    MisdirectedError,
    RefusedError,
    TargetTooLongError,
    UnknownTransferCodingError,
    VersionError,
)
from gateway.http.connection_fields import STOPS_HERE, nominated_by, values_of, without
from gateway.http.fields import Entry, Fields, is_token
from gateway.http.hop_by_hop import list_members
from gateway.http.lines import (
    CODING,
    CONNECTION,
    EXPECT,
    FORWARDING,
    HOPS_LEFT,
    HOST,
    LENGTH,
    UPGRADE,
    LineError,
    field_lines,
)
from gateway.http.memory import Memory
from gateway.http.message import Downstream, Monotonic, Request
from gateway.http.target import authority_and_origin_form, is_authority

CHUNKED = -1

_LONGEST_LEADING = 8
"""Octets of empty lines tolerated before a request line; RFC 9112 §2.2 asks for at least one line."""
_AROUND_THE_TARGET = 80
"""Octets that method and version may take in a request line."""

_STOPS_FROM_STRANGERS = STOPS_HERE | FORWARDING
_TARGET_OCTETS = bytes(octet for octet in range(0x21, 0x7F) if octet != 0x23)
_NUMBER = re.compile(rb"[0-9]{1,18}").fullmatch
_HTTP_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]").fullmatch
_COUNTING_METHODS = frozenset({"OPTIONS", "TRACE"})
_KNOWN_CODINGS = frozenset({b"gzip", b"x-gzip", b"compress", b"x-compress", b"deflate"})


class HeadLimits(NamedTuple):
    """Bounds of a request head, in octets but for `fields`."""

    target: int
    field: int
    fields: int


class Framing(NamedTuple):
    """How a request's content and its connection go on."""

    length: int = 0
    """Octets of content, or CHUNKED."""
    close: bool = False
    """Whether the downstream wants the connection closed after this exchange (RFC 9112 §9.3)."""
    expect: bool = False
    """Whether it waits for 100 (RFC 9110 §10.1.1)."""
    upgrade: bytes | None = None
    """The protocol it would change to (RFC 9110 §7.8)."""
    trailers: bool = False
    """Whether it understands trailers (RFC 9110 §10.1.4)."""


_NO_CONTENT = Framing()


def _says_https(head: bytes) -> bool:
    """Whether the target is an `https` URL. Such heads are not remembered: what they mean depends on the connection."""
    return head[: head.find(b"\r")].partition(b" ")[2][:8].lower() == b"https://"


class _Methods(dict[bytes, str]):
    """Method token → `str`; learns those that are used, a bounded number of them."""

    def __missing__(self, method: bytes) -> str:
        if not is_token(method) or len(method) > 64:
            raise BadRequestError("the method is not a token")
        if method == b"CONNECT":  # RFC 9110 §9.3.6: a tunnel of the client's choice, whatever its target looks like
            raise MethodNotAllowedError("CONNECT is for forward proxies")
        text = method.decode("ascii")
        if len(self) < 256:
            self[method] = text
        return text


_methods = _Methods()


_Reading = tuple[str, bytes, list[Entry], bytes, bytes, int, Framing]
"""Method, target, entries, their octets, authority, minor version, framing: all that the octets of a head decide."""
_Remembered = tuple[str, bytes, Fields, bytes, int, Framing]
"""The same of a head that came again; the fields are there to be shared, with `Fields.again`."""


class RequestHeads:
    """Reads the request heads of listeners with the same limits."""

    __slots__ = ("_from_strangers", "_from_trusted", "_limits", "_upgrades", "knows")

    def __init__(self, limits: HeadLimits, upgrades: frozenset[bytes]) -> None:
        self._limits = limits
        self._upgrades = upgrades
        """Protocols that a client may change to, in lower case."""
        self._from_strangers: Memory[_Remembered] = Memory()
        self._from_trusted: Memory[_Remembered] = Memory()
        self.knows: Callable[[bytes], object] = self._from_strangers.recall
        """Something true for octets that are known to be one whole head: `None` says nothing."""

    def parse(self, head: bytes, downstream: Downstream, now: Monotonic) -> tuple[Request, Framing]:
        """Take a request head apart. `head` ends with the empty line.

        Raises a DownstreamError for what must be refused: 400, 405, 414, 417, 421, 431, 501, 505; a RefusedError for
        what must be answered here."""
        memory = self._from_trusted if downstream.trusted else self._from_strangers
        remembered = memory.recall(head)
        if remembered is not None:
            method, target, shared, authority, minor, framing = remembered
            fields = shared.again()
        else:
            method, target, entries, section, authority, minor, framing = self._read(head, downstream)
            fields = Fields.received(entries, section)
            if memory.wants(head) and not _says_https(head):
                memory.keep(head, (method, target, fields.copy(), authority, minor, framing))
        request = Request(method, target, fields, b"", authority, downstream, now, minor)
        if framing is not _NO_CONTENT:
            request.upgrade = framing.upgrade
            request.trailers = framing.trailers
        return request, framing

    def _read(self, head: bytes, downstream: Downstream) -> _Reading:
        lines = head[:-4].split(b"\r\n")
        request_line = lines[0]
        del lines[0]
        try:
            method_octets, target, version = request_line.split(b" ")
        except ValueError:
            raise BadRequestError("the request line is not a method, a target and a version") from None
        method = _methods[method_octets]
        minor = 1 if version == b"HTTP/1.1" else _minor_version(version)
        if not target or target.translate(None, _TARGET_OCTETS):
            raise BadRequestError("the target has octets that must be percent-encoded")
        try:
            entries = [field_lines[line] for line in lines]
        except LineError as error:
            raise BadRequestError(str(error)) from None
        limits = self._limits
        if len(target) > limits.target:
            raise TargetTooLongError(f"the target has more than {limits.target} octets", limit="target")
        if len(entries) > limits.fields:
            raise FieldsTooLargeError(f"more than {limits.fields} fields", limit="fields")
        if len(head) > limits.field and any(len(entry[4]) > limits.field for entry in entries):
            raise FieldsTooLargeError(f"a field has more than {limits.field} octets", limit="field")
        section = head[len(request_line) + 2 : -2]
        special = [entry for entry in entries if entry[3]]
        if len(special) != 1 or special[0][3] != HOST or target[0] != 0x2F or not minor:
            if target[0] != 0x2F and downstream.scheme != "https" and not downstream.trusted and _says_https(head):
                raise MisdirectedError("an https URL over a connection that is not secured")
            return self._read_special(method, target, minor, entries, section, special, downstream.trusted)
        authority = special[0][2]
        if not is_authority(authority):
            raise BadRequestError("Host is not a host")
        return method, target, entries, section, authority, minor, _NO_CONTENT

    def _read_special(
        self,
        method: str,
        target: bytes,
        minor: int,
        entries: list[Entry],
        section: bytes,
        special: list[Entry],
        trusted: bool,
    ) -> _Reading:
        """The rest of `_read` when more than Host concerns the connection."""
        seen = 0
        for entry in special:
            seen |= entry[3]
        host = b""
        if seen & HOST:
            host = _only(special, HOST)
            if not is_authority(host):
                raise BadRequestError("Host is not a host")
        elif minor:
            raise BadRequestError("an HTTP/1.1 request needs a Host field")
        authority = host
        if target[0] != 0x2F:
            named, target = authority_and_origin_form(method, target)
            authority = named or host

        nominated = nominated_by(special) if seen & CONNECTION else []
        framing = self._framing(special, seen, minor, nominated)
        drop = STOPS_HERE if trusted else _STOPS_FROM_STRANGERS
        if not minor:
            drop |= EXPECT  # RFC 9110 §10.1.1: ignored, so the origin must not see it in our HTTP/1.1
        if seen & drop or nominated:
            entries, section = without(entries, section, special, drop, nominated)
        if authority != host:  # RFC 9112 §3.2.2: the target's authority replaces Host
            fields = Fields.received(entries, section)
            fields.set(b"Host", authority)
            entries, section = fields.entries, fields.encode()
        if seen & HOPS_LEFT and method in _COUNTING_METHODS:
            entries, section = _one_hop_less(method, entries, section, special)
        return method, target, entries, section, authority, minor, framing

    def _framing(self, special: list[Entry], seen: int, minor: int, nominated: list[bytes]) -> Framing:
        length = _length(special, seen, minor) if seen & (LENGTH | CODING) else 0
        close = b"close" in nominated or (not minor and b"keep-alive" not in nominated)
        expect = bool(seen & EXPECT and minor and _expectation(special))
        upgrade: bytes | None = None
        if seen & UPGRADE and minor and length == 0 and b"upgrade" in nominated:
            upgrade = self._allowed_upgrade(special)
        trailers = b"te" in nominated and any(
            entry[0] == b"te" and b"trailers" in list_members(entry[2]) for entry in special
        )
        return Framing(length, close, expect, upgrade, trailers)

    def _allowed_upgrade(self, special: list[Entry]) -> bytes | None:
        values = values_of(special, UPGRADE)
        if len(values) == 1 and values[0].lower() in self._upgrades:
            return values[0]
        return None  # RFC 9110 §7.8: an upgrade may be ignored


def _minor_version(version: bytes) -> int:
    if not _HTTP_VERSION(version):
        raise BadRequestError("the request line does not end in an HTTP version")
    if version[5:6] != b"1":
        raise VersionError("this listener speaks HTTP/1.1")
    return 0 if version == b"HTTP/1.0" else 1  # RFC 9110 §2.5: a higher minor is read as the one we know


def _only(special: list[Entry], mark: int) -> bytes:
    found = [entry for entry in special if entry[3] == mark]
    if len(found) != 1:
        raise BadRequestError(f"{found[0][1].decode('ascii')} occurs {len(found)} times")
    return found[0][2]


def _one_hop_less(method: str, entries: list[Entry], section: bytes, special: list[Entry]) -> tuple[list[Entry], bytes]:
    """The fields with Max-Forwards counted down (RFC 9110 §7.6.2). What is no number stays for others to judge."""
    left = _only(special, HOPS_LEFT)
    if not _NUMBER(left):
        return entries, section
    if int(left) == 0:
        if method == "TRACE":
            raise MethodNotAllowedError("Max-Forwards ends here, and this gateway does not echo requests")
        raise RefusedError("Max-Forwards ends here", status=200)
    fields = Fields.received(entries, section)
    fields.set(b"Max-Forwards", b"%d" % (int(left) - 1))
    return fields.entries, fields.encode()


def _length(special: list[Entry], seen: int, minor: int) -> int:
    """Octets of content or CHUNKED (RFC 9112 §6.3)."""
    if seen & CODING:
        if seen & LENGTH:
            raise BadRequestError("Content-Length and Transfer-Encoding in one message")
        if not minor:
            raise BadRequestError("Transfer-Encoding in an HTTP/1.0 message")
        coding = _only(special, CODING).lower()
        if coding == b"chunked":
            return CHUNKED
        if list_members(coding)[-1:] == [b"chunked"] or coding in _KNOWN_CODINGS or is_token(coding):
            raise UnknownTransferCodingError("the only transfer coding known here is chunked")
        raise BadRequestError("Transfer-Encoding is malformed")
    value = _only(special, LENGTH)
    if not _NUMBER(value):
        raise BadRequestError("Content-Length is not a number")
    return int(value)


def _expectation(special: list[Entry]) -> bool:
    if any(value.lower() != b"100-continue" for value in values_of(special, EXPECT)):
        raise ExpectationError("the only expectation known here is 100-continue")
    return True


def skip_empty_lines(data: bytes, at: int) -> int:
    """Where a request line may begin (RFC 9112 §2.2). Raises BadRequestError when there is no end to empty lines."""
    begin = at
    while data.startswith(b"\r\n", at):
        at += 2
        if at - begin > _LONGEST_LEADING:
            raise BadRequestError("empty lines instead of a request")
    return at


def is_one_head(data: bytes) -> bool:
    """Whether `data` is a whole head, nothing before it and nothing behind."""
    return 0 < data.find(b"\r\n\r\n") == len(data) - 4 and data[0] != 0x0D


def check_partial_head(part: bytes, max_target: int, max_head: int) -> None:
    """Raise a DownstreamError when `part` can never become a head within these octets."""
    if len(part) > max_target + _AROUND_THE_TARGET and b"\r\n" not in part:
        raise TargetTooLongError("the request line is too long", limit="target")
    if len(part) > max_head:
        raise FieldsTooLargeError(f"the head has more than {max_head} octets", limit="head")
    if part.count(b"\n") != part.count(b"\r\n") or b"\x00" in part:
        raise BadRequestError("a line ends without CR, or there is a NUL")
