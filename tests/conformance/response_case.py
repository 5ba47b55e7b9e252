"""One row of the table of responses, and short ways to write it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Then(enum.Enum):
    """What the origin does after it has sent its octets."""

    STAY = "wait for another request on the connection"
    CLOSE = "end the connection"
    RESET = "reset the connection"
    HANG = "neither send nor close"


@dataclass(frozen=True)
class Failed:
    """The gateway answers for the origin, with Proxy-Status."""

    statuses: frozenset[int] = frozenset({502})


@dataclass(frozen=True)
class Broken:
    """The head of the answer passes, and the client's connection ends before the content is whole."""


@dataclass(frozen=True)
class Passed:
    """The client gets this answer."""

    status: int = 200
    body: bytes = b""
    fields: Mapping[bytes, bytes | None] = field(default_factory=dict)
    """Values of fields by name in lower case; `None` for fields that must not come."""
    trailers: Mapping[bytes, bytes | None] = field(default_factory=dict)
    interim: tuple[int, ...] | None = None
    """Interim statuses in order; `None` for any."""
    reason: bytes | None = None


Outcome = Failed | Broken | Passed


@dataclass(frozen=True)
class Case:
    """What the origin sends for a request, and all that may come of it."""

    name: str
    fault: int
    sent: bytes
    outcomes: tuple[Outcome, ...]
    """The outcomes that are right; where there is a choice, more than one."""
    then: Then = Then.STAY
    reused: bool | None = False
    """Whether the origin's connection serves the next request; `None` when both are right."""
    request: bytes = b"GET <target> HTTP/1.1\r\nHost: shop.test\r\n\r\n"
    method: str = "GET"
    minor: int = 1
    pause: float = 0.0
    """Seconds between octets, instead of the usual steps."""


BAD_GATEWAY = Failed()
TIMED_OUT = Failed(frozenset({504}))
HEAD_REQUEST = b"HEAD <target> HTTP/1.1\r\nHost: shop.test\r\n\r\n"
OLD_REQUEST = b"GET <target> HTTP/1.0\r\nHost: shop.test\r\n\r\n"


def sized(body: bytes, *lines: bytes, status: bytes = b"200 OK") -> bytes:
    """A response with Content-Length and these field lines, as they are."""
    return head(*lines, b"Content-Length: %d" % len(body), status=status) + body


def chunked(body: bytes, *lines: bytes) -> bytes:
    """A response whose Transfer-Encoding is chunked, with `body` as it is."""
    return head(*lines, b"Transfer-Encoding: chunked") + body


def head(*lines: bytes, status: bytes = b"200 OK") -> bytes:
    """A response head with these field lines, as they are."""
    return b"HTTP/1.1 " + status + b"\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def failed(name: str, fault: int, sent: bytes, *others: Outcome, then: Then = Then.STAY) -> Case:
    """Answered with 502; or one of the `others`, and then the origin's connection may be used again."""
    return Case(name, fault, sent, (BAD_GATEWAY, *others), then, None if others else False)


def broken(name: str, fault: int, sent: bytes, then: Then = Then.STAY) -> Case:
    """Broken off; or 502 when the fault is known before the head has gone out."""
    return Case(name, fault, sent, (Broken(), BAD_GATEWAY), then)


def passed(
    name: str, fault: int, sent: bytes, *outcomes: Outcome, then: Then = Then.STAY, reused: bool | None = True
) -> Case:
    """Passed on, the origin's connection serving further requests unless said otherwise."""
    return Case(name, fault, sent, outcomes, then, reused)
