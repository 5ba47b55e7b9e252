"""What a request gets where nothing fresh may answer it, nor the origin: something stale, or a refusal."""

from __future__ import annotations

from gateway.api import Fields, RefusedError, Request, Response, WallTime
from plugins.cache.answer import answer
from plugins.cache.figures import CacheFigures
from plugins.cache.freshness import remaining_seconds
from plugins.cache.policy import Policy
from plugins.cache.reasons import CacheReason, RefuseReason, StaleReason
from plugins.cache.status import CacheStatus, append
from plugins.cache.stored import StoredResponse


class Fallback:
    """Stale answers and refusals of one route, each with its reason on the trail and in Cache-Status."""

    __slots__ = ("_figures", "_policy", "_status")

    def __init__(self, policy: Policy, status: CacheStatus | None, figures: CacheFigures) -> None:
        self._policy = policy
        self._status = status
        self._figures = figures

    def stale(
        self, request: Request, stored: StoredResponse, age: float, reason: StaleReason, now: WallTime
    ) -> Response:
        """The answer from `stored`, which is stale, `age` seconds old, and allowed for that reason."""
        stored.use(now)
        self.note(request, reason)
        status = None if self._status is None else self._status.hit(remaining_seconds(stored, age), reason)
        return answer(request, stored, age, now, self._policy, status)

    def refusal(self, request: Request, reason: RefuseReason) -> RefusedError:
        """The error that ends a request which wants nothing but what is stored: 504 (RFC 9111 §5.2.1.7)."""
        self.note(request, reason)
        if self._status is not None:
            request.error_fields = request.error_fields or Fields()
            append(request.error_fields, self._status.refused(reason))
        return RefusedError(reason.sentence, status=504)

    def note(self, request: Request, reason: CacheReason) -> None:
        """Put a reason on the request's trail."""
        request.trail.append(self._figures.outcome(reason)[1])
