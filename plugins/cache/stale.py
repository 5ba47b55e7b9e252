"""When a stale response may answer all the same (RFC 9111 §4.2.4, RFC 5861)."""

from __future__ import annotations

from enum import Enum, auto

from gateway.api import CircuitOpenError, GatewayError, OverloadedError
from gateway.http.cache_control import CacheControl
from plugins.cache.policy import Policy
from plugins.cache.reasons import StaleReason
from plugins.cache.stored import StoredResponse

ERROR_STATUSES = frozenset({500, 502, 503, 504})
"""Answers for which a stale response may stand in (RFC 5861 §4)."""


class Failure(Enum):
    """How the origin failed."""

    STATUS = auto()
    """It answered with one of `ERROR_STATUSES`, or we answer so in its place because too much is going on."""
    DISCONNECTED = auto()
    """It could not be reached, broke off, or did not answer in time."""
    CIRCUIT_OPEN = auto()
    """It is not asked for the time being, since it keeps failing: out of reach, as far as this cache can tell."""


def failure_of(error: GatewayError) -> Failure:
    """What an error in the place of an answer means."""
    if isinstance(error, CircuitOpenError):
        return Failure.CIRCUIT_OPEN
    return Failure.STATUS if isinstance(error, OverloadedError) else Failure.DISCONNECTED


def forbids_stale(control: CacheControl) -> bool:
    """Whether the origin wants no stale answer in any case; s-maxage says so too (RFC 9111 §4.2.4, §5.2.2.10)."""
    return control.must_revalidate or control.proxy_revalidate or control.no_cache or control.s_maxage is not None


def revalidation_window(control: CacheControl, policy: Policy) -> float:
    """Seconds past the lifetime in which a response answers while it is refreshed (RFC 5861 §3)."""
    said = control.stale_while_revalidate
    return float(said) if said is not None else policy.stale_while_revalidate


def error_window(control: CacheControl, policy: Policy) -> float:
    """Seconds past the lifetime in which a response stands in for an error (RFC 5861 §4)."""
    said = control.stale_if_error
    return float(said) if said is not None else policy.stale_if_error


def stand_in(
    stored: StoredResponse, age: float, directives: CacheControl | None, failure: Failure, policy: Policy
) -> StaleReason | None:
    """Why `stored`, so many seconds old, may answer for an origin that failed; `None` if it may not.

    `directives` are those of the request as far as they count, `None` for none. A client that wants every answer
    confirmed gets the error. One that permits staleness itself (RFC 5861 §4 has stale-if-error in requests too) is
    heard, unless the origin forbids it."""
    control = stored.cache_control
    if forbids_stale(control) or (directives is not None and directives.no_cache):
        return None
    staleness = age - stored.lifetime
    window = error_window(control, policy)
    if directives is not None and directives.stale_if_error is not None:
        window = max(window, float(directives.stale_if_error))
    if staleness < 0 or 0 < window >= staleness:
        return StaleReason.CIRCUIT_OPEN if failure is Failure.CIRCUIT_OPEN else StaleReason.IF_ERROR
    if failure is not Failure.STATUS and staleness <= policy.disconnect and policy.disconnect > 0:
        return StaleReason.CIRCUIT_OPEN if failure is Failure.CIRCUIT_OPEN else StaleReason.DISCONNECTED
    return None
