"""Settings of the `retry` plugin."""

from enum import Enum
from typing import Annotated, Self

from pydantic import Field, model_validator

from gateway.api import Duration, OneOrMany, OrOff, SettingError, Settings, Size, kibibytes, seconds

PositiveDuration = Annotated[Duration, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]


class RetryOn(Enum):
    """A way in which an attempt can fail without an answer."""

    CONNECT = "connect"
    CLOSED = "closed"
    TIMEOUT = "timeout"
    BROKEN = "broken"
    PROTOCOL = "protocol"


class BudgetSettings(Settings):
    """How many attempts there may be beyond the first ones, so that they never make an outage worse.

    All routes to an upstream share one budget in each worker, and hedges come out of it as well."""

    share: Share = 0.2
    """Further attempts for each request: at 0.2 an upstream whose answers all fail gets at most 1.2 times the requests
    that clients send, over any `window` in which traffic does not fall."""
    floor: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """Further attempts a second that are granted in any case, so that little traffic is tried again as well. It counts
    instead of the share, not on top of it."""
    window: Annotated[PositiveDuration, Field(le=600)] = seconds(10)
    """The time over which the share holds. Good times leave a tenth of what their last window grants for a beginning of
    bad ones: shorter allows less in one go."""


class HedgeSettings(Settings):
    """A second attempt beside the first one, when the first is later than most."""

    quantile: Annotated[float, Field(ge=0.5, le=0.999)] = 0.95
    """How many of the answers come sooner than a hedge is sent: at 0.95 one request in twenty is late enough."""
    most: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    """Hedges for each request of the budget's window, at most. The budget counts as well."""
    at_least: PositiveDuration = seconds(0.001)
    """No hedge is sent sooner than this, however quick most answers are."""
    learn: Annotated[int, Field(ge=20, le=100_000)] = 100
    """Answers that are watched before the first hedge."""


class RetrySettings(Settings):
    """Settings of the `retry` plugin."""

    attempts: Annotated[int, Field(ge=2, le=10)] = 3
    """Attempts at one request in all, the first included."""
    on: OneOrMany[RetryOn] = (
        RetryOn.CONNECT,
        RetryOn.CLOSED,
        RetryOn.TIMEOUT,
        RetryOn.BROKEN,
    )
    """Failures without an answer that are tried again: `connect` (no connection: nothing was sent, so this is safe for
    every method), `closed` (closed or reset before an answer), `timeout`, `broken` (a short answer that broke off
    before any of it went to the client), `protocol` (not HTTP). All but `connect` need a request that may be repeated:
    an idempotent method (RFC 9110 §9.2.2), or an `Idempotency-Key`."""
    statuses: OneOrMany[Annotated[int, Field(ge=400, le=599)]] = (502, 503, 504)
    """Answers that are tried again, for requests that may be repeated. A `Retry-After` in them is kept to, or the
    answer is handed on when that takes too long."""
    idempotency_key: bool = True
    """Whether a request with an `Idempotency-Key` may be repeated, whatever its method."""
    max_body: Size = kibibytes(64)
    """A body that is announced to be no longer than this is read before the request goes on, so that it can be sent
    again. With longer ones, and those that do not say how long they are, only a failed connection is tried again.
    Bodies of requests that may not be repeated are not read."""
    backoff: PositiveDuration = seconds(0.025)
    """The longest wait before the second attempt, twice as long before each further one; how long it is, chance decides
    (full jitter), so that clients do not come back together. After a failed or closed connection the second attempt is
    made at once."""
    longest_backoff: PositiveDuration = seconds(1)
    """No wait is longer, but for a `Retry-After`."""
    longest_retry_after: Duration = seconds(2)
    """An upstream that wants to be left alone for longer than this is: its answer is handed on."""
    attempt_timeout: Annotated[PositiveDuration | None, OrOff(), Field(validate_default=False)] = None
    """How long one attempt may take for the head of its answer, so that a server that hangs leaves time for another.
    Also for the last attempt. `off`: the time-outs of the upstream."""
    total: Annotated[PositiveDuration | None, OrOff()] = seconds(30)
    """No attempt begins, and none is waited for, later than this after the request came."""
    budget: BudgetSettings = BudgetSettings()
    """How many attempts there may be beyond the first ones."""
    hedge: Annotated[HedgeSettings | None, OrOff(), Field(validate_default=False)] = None
    """Hedged GETs: `{}` for the defaults, or `off`."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.longest_backoff < self.backoff:
            raise SettingError("is shorter than backoff", at=("longest_backoff",))
        if self.attempt_timeout is not None and self.total is not None and self.attempt_timeout > self.total:
            raise SettingError("is longer than total", at=("attempt_timeout",))
        return self
