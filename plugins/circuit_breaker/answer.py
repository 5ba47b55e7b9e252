"""What is answered in place of an upstream that is not asked."""

from __future__ import annotations

import math

from gateway.api import Fields, Response
from plugins.circuit_breaker.group import Refusal
from plugins.circuit_breaker.settings import StaticResponse

HELD_SECONDS = 60.0
"""What `Retry-After` says while somebody has to close the circuit by hand."""


def retry_seconds(refusal: Refusal, now: float) -> float:
    """Seconds after which another request has a chance; at least one."""
    if refusal.until == math.inf:
        return HELD_SECONDS
    return float(max(1, math.ceil(max(0.0, refusal.until - now))))


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
        self._says_when = settings.status == 503 and b"retry-after" not in fields

    def response(self, retry_after: float | None) -> Response:
        """A new response. `retry_after` is in seconds, `None` when nobody knows."""
        fields = self._fields.copy()
        if self._says_when and retry_after is not None:
            fields.add(b"Retry-After", b"%d" % retry_after)
        return Response(self._status, fields, self._body)
