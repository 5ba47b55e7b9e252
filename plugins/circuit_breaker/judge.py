"""Whose fault it was: what counts as a failure of the upstream."""

from __future__ import annotations

from gateway.api import UpstreamConnectError, UpstreamError
from plugins.circuit_breaker.settings import CircuitBreakerSettings, FailureKind

_REASONS = {
    "timeout": FailureKind.TIMEOUT,
    "closed": FailureKind.CLOSED,
    "protocol": FailureKind.PROTOCOL,
    "broken": FailureKind.BROKEN,
}


class Judge:
    """Tells failures from the rest, as the settings want it."""

    __slots__ = ("_kinds", "statuses")

    def __init__(self, settings: CircuitBreakerSettings) -> None:
        self._kinds = frozenset(settings.failures)
        self.statuses = frozenset(settings.failure_statuses)
        """Answers that are failures."""

    def of_error(self, error: BaseException) -> bool | None:
        """Whether an exchange that ended so was a failure; `None` when that proves nothing about the upstream.

        It proves nothing when the client left, or a limit of the gateway was reached."""
        if not isinstance(error, UpstreamError):
            return None
        if isinstance(error, UpstreamConnectError):
            kind = FailureKind.CONNECT
        else:
            kind = _REASONS.get(error.reason, FailureKind.PROTOCOL)
        return True if kind in self._kinds else None

    def of_body(self, error: Exception | None) -> bool:
        """Whether a body that ended with that error broke off by the fault of the upstream."""
        return FailureKind.BROKEN in self._kinds and isinstance(error, UpstreamError)
