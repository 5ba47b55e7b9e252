"""What is answered in place of an upstream that is not asked."""

from __future__ import annotations

import math

from gateway.api import CircuitOpenError, Fields, Request, Response, error_response
from plugins.circuit_breaker.group import Refusal
from plugins.circuit_breaker.replaying import RefusalReplay, retry_seconds
from plugins.circuit_breaker.settings import StaticResponse


def words_for(refusal: Refusal) -> str:
    """Why a request was refused, for whoever sent it: nothing of our insides but the evidence."""
    change = refusal.breaker.circuit.change
    if refusal.is_ramping:
        return "the upstream has just come back and gets its traffic step by step"
    evidence = f": {change.evidence}" if change.evidence else ""
    return f"the upstream is not asked for the time being{evidence}"


class Static:
    """The response of the configuration."""

    def __init__(self, settings: StaticResponse, gateway: str) -> None:
        """`gateway` is our own pseudonym (RFC 9209 §2)."""
        self._status = settings.status
        self._body = settings.body.encode()
        fields = Fields((name.encode(), value.encode()) for name, value in settings.fields.items())
        if b"content-type" not in fields and self._body:
            fields.add(b"Content-Type", b"text/plain; charset=utf-8")
        if b"cache-control" not in fields:
            fields.add(b"Cache-Control", b"no-store")
        fields.add(b"Proxy-Status", f'{gateway}; error=destination_unavailable; details="fallback"'.encode())
        self._fields = fields
        self.says_when = settings.status == 503 and b"retry-after" not in fields
        """Whether it has a `Retry-After` of ours."""

    def response(self, retry_after: float | None) -> Response:
        """A new response. `retry_after` is in seconds, `None` when nobody knows."""
        fields = self._fields.copy()
        if self.says_when and retry_after is not None:
            fields.add(b"Retry-After", b"%d" % retry_after)
        return Response(self._status, fields, self._body)


class Refusals:
    """Refusals ready to be written: one response that all requests share, made anew when its `Date` or its
    `Retry-After` changes."""

    __slots__ = ("_gateway", "_static", "made", "of", "until")

    def __init__(self, static: Static | None, gateway: str) -> None:
        """`gateway` is our own pseudonym (RFC 9209 §2)."""
        self._static = static
        self._gateway = gateway
        self.of: Refusal | None = None
        """What `made` tells of."""
        self.until = -math.inf
        """Monotonic seconds until which it holds."""
        self.made: Response | None = None
        """The answer, not to be changed, for clients that do not ask for JSON."""

    def make(
        self, request: Request, refusal: Refusal | None, now: float, replay: RefusalReplay, *, may_replay: bool
    ) -> Response | None:
        """Make the answer; `None` when there is nothing to tell. `replay` knows what changes with time, and is offered
        with the answer where it `may_replay`."""
        if refusal is None:
            return None
        retry_after = retry_seconds(refusal, now)
        if self._static is not None:
            response = self._static.response(retry_after)
        else:
            response = error_response(CircuitOpenError(words_for(refusal), retry_after), request, self._gateway)
        lines, until = replay.lines(now)
        response.fields.set(b"Date", lines.rpartition(b"Date: ")[2].strip())
        response.dated = response.shared = True
        if may_replay:
            response.replay, response.replay_lines = replay, lines
        self.of, self.until, self.made = refusal, until, response
        return response


def wants_json(accept: bytes) -> bool:
    """Whether an answer to a request with this `Accept` may have to be JSON: then it is made for it alone."""
    return b"json" in accept.lower()
