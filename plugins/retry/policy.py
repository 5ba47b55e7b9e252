"""Which attempts may be followed by another one (RFC 9110 §9.2.2). Compiled from the settings; no I/O."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.api import (
    IDEMPOTENT_METHODS,
    BodyStream,
    Request,
    Response,
    UpstreamConnectError,
    UpstreamError,
    WallTime,
)
from plugins.retry.backoff import Backoff, retry_after
from plugins.retry.reasons import RetryReason, StopReason
from plugins.retry.settings import RetryOn, RetrySettings

_KINDS = {
    RetryOn.CONNECT: RetryReason.CONNECT,
    RetryOn.CLOSED: RetryReason.CLOSED,
    RetryOn.TIMEOUT: RetryReason.TIMEOUT,
    RetryOn.BROKEN: RetryReason.BROKEN,
    RetryOn.PROTOCOL: RetryReason.PROTOCOL,
}
_AT_ONCE = frozenset({RetryReason.CONNECT, RetryReason.CLOSED, RetryReason.BROKEN})
"""After these the second attempt goes to another server or by a new connection, which needs no wait."""


@dataclass(frozen=True, slots=True)
class Again:
    """Another attempt, after so many seconds."""

    reason: RetryReason
    wait: float


@dataclass(frozen=True, slots=True)
class Stop:
    """No other attempt; `None` when there was nothing to try again."""

    reason: StopReason | None = None


class Policy:
    """The settings of one route as values that need no further thought."""

    def __init__(self, settings: RetrySettings) -> None:
        self.statuses = frozenset(settings.statuses)
        """Answers that are tried again."""
        self.attempts = settings.attempts
        self.max_body = settings.max_body
        self._kinds = {kind.value: _KINDS[kind] for kind in settings.on}
        self._by_key = settings.idempotency_key
        self._backoff = Backoff(settings.backoff, settings.longest_backoff)
        self._longest_retry_after = settings.longest_retry_after

    def is_repeatable(self, request: Request) -> bool:
        """Whether doing it twice does what doing it once does."""
        if request.upgrade is not None:
            return False
        return request.method in IDEMPOTENT_METHODS or (self._by_key and b"idempotency-key" in request.fields)

    def buffers(self, body: BodyStream) -> bool:
        """Whether a body is short enough to be read before the request goes on."""
        return body.length is not None and body.length <= self.max_body

    def after_error(self, request: Request, error: UpstreamError, attempt: int, chance: float) -> Again | Stop:
        """What follows when the `attempt`-th one, counted from 1, ended in an error."""
        is_connect = isinstance(error, UpstreamConnectError)
        kind = self._kinds.get("connect" if is_connect else error.reason)
        if kind is None:
            return Stop()
        if not is_connect:  # the upstream may have begun to act on it
            if isinstance(request.body, BodyStream):
                return Stop(StopReason.BODY if self.is_repeatable(request) else StopReason.NOT_REPEATABLE)
            if not self.is_repeatable(request):
                return Stop(StopReason.NOT_REPEATABLE)
        if attempt >= self.attempts:
            return Stop(StopReason.ATTEMPTS)
        if error.retry_after is not None and error.retry_after > self._longest_retry_after:
            return Stop(StopReason.RETRY_AFTER)
        wait = 0.0 if attempt == 1 and kind in _AT_ONCE else self._backoff.wait(attempt + 1, chance)
        return Again(kind, wait + (error.retry_after or 0.0))

    def after_answer(
        self, request: Request, response: Response, attempt: int, chance: float, now: WallTime
    ) -> Again | Stop:
        """What follows an answer whose status is one of `statuses`."""
        if not request.served_by:
            return Stop()  # it is no upstream's: somebody in between answered in its place
        if not self.is_repeatable(request):
            return Stop(StopReason.NOT_REPEATABLE)
        if isinstance(request.body, BodyStream):
            return Stop(StopReason.BODY)
        if attempt >= self.attempts:
            return Stop(StopReason.ATTEMPTS)
        wait = self._backoff.wait(attempt + 1, chance)
        asked = retry_after(response.fields.get(b"retry-after"), now)
        if asked is not None:
            if asked > self._longest_retry_after:
                return Stop(StopReason.RETRY_AFTER)
            wait += asked  # with the jitter on top, so that not all come back in the same moment
        return Again(RetryReason.STATUS, wait)
