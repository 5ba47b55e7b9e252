"""What the access log says about an exchange. Secrets are redacted before they leave this file."""

from __future__ import annotations

from typing import Any, Protocol

from gateway.errors import GatewayError
from gateway.http.fields import Fields
from gateway.http.message import Downstream, Request
from gateway.http.redaction import redact_target


class Exchanged(Protocol):
    """What a line is about."""

    @property
    def request(self) -> Request:
        """What was asked."""

    @property
    def error(self) -> GatewayError | None:
        """What ended it early."""


def access_record(
    exchange: Exchanged, status: int, now: float, own: float, octets: int, broken: bool, wall: float
) -> dict[str, Any]:
    """One line of the access log. Times in seconds, sizes in octets."""
    request = exchange.request
    record: dict[str, Any] = {
        "time": round(wall, 3),
        "client": request.client,
        "method": request.method,
        "scheme": request.scheme,
        "host": request.authority.decode("latin-1"),
        "target": redact_target(request.target.decode("latin-1")),
        "status": status,
        "octets": octets,
        "seconds": round(now - request.started, 6),
        "gateway_seconds": round(own, 6),
        "upstream_seconds": round(request.upstream_wait, 6),
        "route": request.route,
        "server": request.served_by,
        "user_agent": _text(request.fields, b"user-agent"),
        "request_id": _text(request.fields, b"x-request-id"),
        "trail": [f"{decision.by}:{decision.reason.value}" for decision in request.trail],
    }
    if exchange.error is not None:
        record["error"] = exchange.error.reason
        record["detail"] = exchange.error.detail
    if broken:
        record["broken"] = True
    return record


def refusal_record(downstream: Downstream, error: GatewayError, wall: float) -> dict[str, Any]:
    """The line for what was no request."""
    return {
        "time": round(wall, 3),
        "client": downstream.peer,
        "status": error.status,
        "error": error.reason,
        "detail": error.detail,
    }


def _text(fields: Fields, name: bytes) -> str:
    return (fields.get(name) or b"").decode("latin-1")[:256]
