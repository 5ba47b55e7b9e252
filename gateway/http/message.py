"""Request and response as the chain sees them."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NewType, Protocol, Self

from gateway.http.body import BodyStream
from gateway.http.fields import Fields
from gateway.http.flow import call_all

Monotonic = NewType("Monotonic", float)
"""Seconds on a clock that never jumps: timers and durations."""
WallTime = NewType("WallTime", float)
"""Seconds since 1970: HTTP dates and ages."""

Body = bytes | BodyStream
"""Content at hand, or on its way."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "QUERY"})
"""Methods that ask for nothing to change (RFC 9110 §9.2.1, RFC 10008)."""
IDEMPOTENT_METHODS = SAFE_METHODS | {"PUT", "DELETE"}
"""Methods whose repetition changes nothing more (RFC 9110 §9.2.2)."""


@dataclass(frozen=True, slots=True)
class Downstream:
    """The connection a request came by; one object for all requests of a connection."""

    peer: str
    """Address of whoever connected, `unix` for a Unix socket."""
    scheme: str
    """`http` or `https`, as this connection has it."""
    trusted: bool = False
    """Whether the peer is one of `trusted_proxies`, so that its forwarding fields count."""
    local: str = ""
    """Address it connected to."""


class Replayable(Protocol):
    """What a store hands on with a fresh stored response, and who refuses with a refusal, so that the listener may
    give the same answer again."""

    @property
    def alive(self) -> bool:
        """Whether what it is made from is still what it was."""

    @property
    def until(self) -> Monotonic:
        """When the chain has to be asked again: it stops being fresh. On the clock that never jumps: a wall clock set
        back keeps nothing alive."""

    reads: frozenset[bytes]
    """Request fields, in lower case, that decide which answer it is."""

    def lines(self, now: float) -> tuple[bytes, float]:
        """The field lines that change with time, as of `now`, each with its CRLF; and until when they hold."""

    def used(self, times: int) -> None:
        """It was given again, so many times lately."""


class Derivable(Protocol):
    """A stored response, as it offers itself to those who make something of it: once, kept beside it, gone with it."""

    body: bytes
    """Its whole content."""
    fields: Fields
    """What is stored of its fields. Not to be changed."""

    def derived(self, name: str) -> Any:
        """What is kept under that name, `None` when nothing is."""

    def keep(self, name: str, made: object, size: int, *, of_body: bool = False) -> bool:
        """Keep what was made of it, which takes `size` octets of memory; whether there was room.

        A validation forgets it, unless it is `of_body`: made of nothing but the content."""

    def on_end(self, callback: Callable[[Any], None]) -> None:
        """Call back once when it is no longer what it is now, at once if that is so already."""


OWN = "warming"
"""Who decided first, on the trail of a request that the gateway made itself to fill its stores. Figures about clients
leave such requests out."""

UNKNOWN_DOWNSTREAM = Downstream("unknown", "http")
"""For requests that no connection brought: tests, and requests of our own."""


class Request:
    """A request on the road. Plugins may change `method`, `target`, `fields`, `body` before they pass it on."""

    route: str = ""
    """Name of the matching route."""
    upgrade: bytes | None = None
    """The protocol asked for by `Upgrade` (RFC 9110 §7.8), when the listener would allow it."""
    trailers: bool = False
    """Whether the client understands trailers (`TE: trailers`)."""
    upstream_wait: float = 0.0
    """Seconds spent waiting for upstreams so far."""
    served_by: str = ""
    """The upstream server that was asked last, empty when none was. Set while its answer is waited for, so that whoever
    asks a second one meanwhile can avoid it."""
    made_good: Exception | None = None
    """The failure of a server in whose place another one was asked, by the end of the road itself. For whoever judges
    servers; a failure that was not made good is raised instead."""
    interim: Callable[[int, Fields], None] | None = None
    """Called with each 1xx response on its way to the client (RFC 9110 §15.2)."""
    offers_replay: int = 0
    """Whether the replay lane would keep an answer to this very head: the lane's state then, which a reload changes."""
    error_fields: Fields | None = None
    """What plugins want on the answer when an error ends the exchange. They leave it here while the error passes
    them, since the answer is made further out; the answer's own fields win."""
    avoid: frozenset[str] = frozenset()
    """Servers, by URL, that are not to be chosen while there are others: they have just failed this request, or are
    known to fail."""
    once: bool = False
    """Whether the upstream is to be asked once only: whoever said so tries again itself."""
    deadline: Monotonic | None = None
    """When the head of an answer must have come, at the latest; `None` where only the time-outs of the route count."""
    epoch: Any = None
    """What a store in front knew of purges when it sent this on. Whoever gives one answer to several requests leaves on
    each `Response.epoch` what was known for the request that was sent on."""
    outdated: Any = None
    """`Response.epoch` of an answer to this that was purged on its way. Whoever lets requests share answers shares none
    with it that was asked for with that: it would be the same one again."""
    attributes: dict[str, Any] | None = None
    """Room for plugins that leave each other word; `None` until somebody needs it."""

    def __init__(
        self,
        method: str,
        target: bytes,
        fields: Fields,
        body: Body = b"",
        authority: bytes = b"",
        downstream: Downstream = UNKNOWN_DOWNSTREAM,
        started: Monotonic = Monotonic(0.0),
        minor: int = 1,
    ) -> None:
        self.method = method
        """A token, case kept (RFC 9110 §9.1)."""
        self.target = target
        """Path and query as they came, or `*` (RFC 9112 §3.2)."""
        self.fields = fields
        """End-to-end fields, `Host` among them; framing and hop-by-hop fields are gone."""
        self.body = body
        self.authority = authority
        """Host and port the request is for, as it came in `Host` or in an absolute target."""
        self.downstream = downstream
        self.started = started
        """When the head was complete."""
        self.minor = minor
        """1 for HTTP/1.1, 0 for HTTP/1.0."""
        self.scheme = downstream.scheme
        """What the client used, a trusted proxy's word counting."""
        self.client = downstream.peer
        """The client's address, a trusted proxy's word counting."""
        self.trail: list[Decision] = []
        """What was decided about this exchange and why, in order."""

    @property
    def path(self) -> bytes:
        """The target up to the first question mark; nothing is decoded or normalised."""
        return self.target.partition(b"?")[0]

    @property
    def query(self) -> bytes | None:
        """What follows the first question mark, `None` without one."""
        _, mark, query = self.target.partition(b"?")
        return query if mark else None

    def note(self, decision: Decision) -> None:
        """Put a decision on the trail."""
        self.trail.append(decision)


class Reason(enum.Enum):
    """Base of every enum of reasons. The value is what logs, metrics and response fields say."""


class ToldReason(Reason):
    """A reason with a sentence for people: `PRIVATE = "private", "The answer is for one user."`."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        member = object.__new__(cls)
        member._value_ = value
        member.sentence = sentence
        return member


@dataclass(frozen=True, slots=True)
class Decision:
    """One entry of a request's trail: who decided what, and why."""

    by: str
    """Name of the plugin or of the part of the gateway."""
    reason: Reason
    detail: str | None = None


class Response:
    """A response on the road.

    Content-Length and Transfer-Encoding are not among the fields: the listener writes them to fit the body.
    Answers to HEAD and 304 have no body but may describe one: `described_length` keeps the length it would have."""

    described_length: int | None = None
    """Octets that a GET would have brought, for answers to HEAD and 304 (RFC 9110 §8.6)."""
    dated: bool = False
    """Whether `fields` are known to have a Date; the listener looks when they are not."""
    shared: bool = False
    """Whether others get this very object too, as answers of a short way: whoever changes it makes a copy first."""
    joined: bytes = b""
    """Of a shared response, head and content as they were written last; for the listener."""
    upgraded: Any = None
    """The upstream's side of the tunnel after a 101."""
    replay: Replayable | None = None
    """Set by a store when the same request head may be given this answer again."""
    replay_lines: bytes = b""
    """The lines of `fields` that change with time, as they stand there."""
    stored: Derivable | None = None
    """The stored response that this is the answer of: whole, without its content (HEAD), or as a 304."""
    epoch: Any = None
    """`Request.epoch` of the request that this was asked for with, where that may have been another one."""
    _sent: list[Callable[[bool], None]] | None = None

    def __init__(self, status: int, fields: Fields, body: Body = b"", reason: bytes | None = None) -> None:
        self.status = status
        self.fields = fields
        self.body = body
        self.reason = reason
        """Reason phrase as it came, `None` for the usual one."""

    def copy(self) -> Response:
        """One that may be changed, with the same content; what waits for the end of this one is not copied."""
        response = Response(self.status, self.fields.copy(), self.body, self.reason)
        response.described_length = self.described_length
        response.dated, response.stored, response.epoch = self.dated, self.stored, self.epoch
        response.replay, response.replay_lines = self.replay, self.replay_lines
        return response

    @property
    def has_callbacks(self) -> bool:
        """Whether anybody waits to hear that it was sent."""
        return self._sent is not None

    def on_sent(self, callback: Callable[[bool], None]) -> None:
        """Call back once when the response has been handed over to the downstream (True) or given up (False).

        Permits and measurements that last as long as the body belong here."""
        if self._sent is None:
            self._sent = [callback]
        else:
            self._sent.append(callback)

    def sent(self, complete: bool) -> None:
        """For the listener, and for a plugin that drops a response instead of passing it on."""
        callbacks, self._sent = self._sent, None
        if callbacks is not None:
            call_all(callbacks, complete)

    def discard(self) -> None:
        """Give the response up: its body is aborted and whoever waits for its end is told."""
        try:
            if isinstance(self.body, BodyStream):
                self.body.abort()
            if self.upgraded is not None:
                self.upgraded.abort()
        finally:
            self.sent(False)
