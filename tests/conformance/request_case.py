"""One row of the tables of requests, and short ways to write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.conformance.faults import VALID

HOST = b"Host: shop.test\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: shop.test\r\n\r\n"
ADMIN_PORT = b"<admin-port>"
"""Stands in a request for the port of the admin application."""


@dataclass(frozen=True)
class Reaches:
    """A whole request that the origin must get."""

    target: bytes
    method: str = "GET"
    body: bytes = b""
    fields: Mapping[bytes, bytes | None] = field(default_factory=dict)
    """Values of fields by name in lower case; `None` for fields that must not come."""
    trailers: Mapping[bytes, bytes | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """What is sent on one connection, and all that may come of it."""

    name: str
    fault: int
    sent: bytes
    statuses: tuple[frozenset[int], ...]
    """The statuses that each answer may have, in order. 2xx means served, anything above refused."""
    reaches: tuple[Reaches, ...] = ()
    """What the origin gets, if the answers say that it was served."""
    closes: bool = False
    """Whether the connection ends after the answers. A refusal always ends it."""
    begins: bool = False
    """Whether the beginning of a request that is then given up may reach the origin."""
    methods: tuple[str, ...] = ()
    """Methods of the requests where an answer's shape depends on them; GET for those left out."""
    minor: int = 1
    never: bytes = b""
    """Octets that must not reach the origin."""


def refused(
    name: str, fault: int, sent: bytes, *statuses: int, begins: bool = False, first: tuple[Reaches, ...] = ()
) -> Case:
    """Refused with 400, or one of `statuses`; requests `first` in front of it are served."""
    served_before = tuple(frozenset({200}) for _ in first)
    return Case(name, fault, sent, (*served_before, frozenset(statuses or {400})), first, closes=True, begins=begins)


def served(
    name: str,
    fault: int,
    sent: bytes,
    *reaches: Reaches,
    closes: bool = False,
    methods: tuple[str, ...] = (),
    minor: int = 1,
    never: bytes = b"",
) -> Case:
    """Served, once for each request that the origin gets."""
    statuses = tuple(frozenset({200}) for _ in reaches)
    return Case(name, fault, sent, statuses, reaches, closes=closes, methods=methods, minor=minor, never=never)


def either(name: str, fault: int, sent: bytes, reaches: Reaches, *refusals: int) -> Case:
    """Served as `reaches` says, or refused: both are right."""
    return Case(name, fault, sent, (frozenset({200, *(refusals or {400})}),), (reaches,))


def get(*lines: bytes, target: bytes = b"/") -> bytes:
    """A GET with these lines after `Host`, as they are."""
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def post(*lines: bytes, body: bytes = b"", target: bytes = b"/") -> bytes:
    """A POST with these lines after `Host`, as they are, and then `body`, as it is."""
    return b"POST " + target + b" HTTP/1.1\r\n" + HOST + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def chunked(body: bytes, *lines: bytes) -> bytes:
    """A POST whose Transfer-Encoding is chunked, with `body` as it is."""
    return post(b"Transfer-Encoding: chunked", *lines, body=body)


def valid(name: str, sent: bytes, *reaches: Reaches, closes: bool = False, methods: tuple[str, ...] = ()) -> Case:
    """Unusual, and to be served."""
    return served(name, VALID, sent, *reaches, closes=closes, methods=methods)
