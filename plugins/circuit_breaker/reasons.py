"""Why a circuit is as it is, and what became of requests that met one."""

from __future__ import annotations

from gateway.api import Reason


class Cause(Reason):
    """Why a circuit changed its state. The value is what metrics, logs and the admin address say."""

    FAILURE_RATE = "failure_rate"
    """Too large a share of the exchanges in the window failed."""
    SLOW_RATE = "slow_rate"
    """Too large a share of them was slow."""
    CONSECUTIVE_FAILURES = "consecutive_failures"
    """Too many in a row failed."""
    PROBE_FAILED = "probe_failed"
    """Half-open, a request that was let through failed."""
    TIME = "time"
    """It was open for as long as it should be: half-open now."""
    RECOVERED = "recovered"
    """Half-open, as many requests as needed succeeded."""
    MANUAL = "manual"
    """An administrator wanted it so."""


class CircuitReason(Reason):
    """What this plugin did with a request."""

    REFUSED = "circuit_open"
    """Answered with an error: the circuit is open, or half-open with all its probes under way."""
    WITHHELD = "ramping"
    """The same while the circuit has closed and traffic comes back step by step."""
    PROBE = "probe"
    """Let through to find out whether the upstream is well again."""
    AROUND = "around"
    """Sent around servers whose circuits are open."""
    FALLBACK_UPSTREAM = "fallback_upstream"
    """Answered by another upstream."""
    FALLBACK_RESPONSE = "fallback_response"
    """Answered by the response of the configuration."""
