"""Settings of the `concurrency` plugin."""

from enum import Enum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.api import Duration, OrOff, SettingError, Settings, Token, seconds
from gateway.http.fields import is_token


class Per(Enum):
    """What has a limit of its own."""

    ROUTE = "route"
    UPSTREAM = "upstream"
    GATEWAY = "gateway"


class Priority(Enum):
    """How important a request is."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Order(Enum):
    """Who of a client's waiting requests is next."""

    FIFO = "fifo"
    LIFO = "lifo"
    ADAPTIVE = "adaptive"


class HeldUntil(Enum):
    """When a request stops counting."""

    BODY = "body"
    HEAD = "head"


def _check_client(text: str) -> str:
    kind, _, name = text.partition(":")
    if text == "address" or (kind == "header" and is_token(name.encode("utf-8", "replace"))):
        return text
    raise SettingError("must be address, header:NAME or off", hint="write header:X-Api-Key")


class AdaptiveSettings(Settings):
    """How the limit follows what the upstream can do."""

    min: Annotated[int, Field(ge=1)] = 4
    """The limit never falls below it."""
    max: Annotated[int, Field(ge=1)] = 1000
    """Nor rises above it."""
    tolerance: Annotated[float, Field(ge=1.0, le=10.0)] = 1.5
    """How many times its best latency the upstream may take before the limit falls. Less keeps latency short and leaves
    some capacity unused; more uses all of it and lets requests queue at the upstream."""
    window: Annotated[Duration, Field(ge=0.01, le=60)] = seconds(0.2)
    """How long latencies are collected before the limit moves."""
    probe_every: Annotated[Duration, Field(ge=1)] = seconds(30)
    """How often the best latency is found anew, with the limit at `min` for a window: a deployment may have changed it.
    30 s and a window of 200 ms cost at most 0.7 % of the time."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min > self.max:
            raise SettingError(f"is more than max, which is {self.max}", at=("min",))
        return self


class QueueSettings(Settings):
    """Where requests wait that are too many for now."""

    size: Annotated[int, Field(ge=0, le=100_000)] = 100
    """Requests that may wait. 0: whoever finds no room is refused at once."""
    wait: Annotated[Duration, Field(gt=0, le=300)] = seconds(1)
    """The longest wait."""
    target: Annotated[Duration, Field(gt=0, le=300)] = seconds(0.1)
    """The longest wait once the queue has not been empty for `interval`. A queue that never empties only adds its
    length to everybody's wait: this keeps it short while there is too much, and lets it take up bursts otherwise."""
    interval: Annotated[Duration, Field(gt=0, le=300)] = seconds(0.1)
    """How long the queue may stand before that is overload and not a burst."""
    order: Order = Order.ADAPTIVE
    """`adaptive`: first come first served in a burst, last come first served in overload, where the first have waited
    so long that they will soon leave. `fifo` and `lifo` always do the one or the other."""


class PriorityFieldSettings(Settings):
    """A request field that says how important a request is."""

    name: Token
    """The field."""
    values: Annotated[dict[str, Priority], Field(min_length=1)]
    """What its values mean: `{batch: low, checkout: high}`. Only `trusted_proxies` can make a request more important
    than its route does; everybody can make one less important."""


class ConcurrencySettings(Settings):
    """Settings of the `concurrency` plugin."""

    limit: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """Requests that may be under way, for each worker. With `adaptive` the limit to begin with."""
    per: Per = Per.ROUTE
    """What has a limit of its own: each `route`, each `upstream` (all of its routes together), or the whole `gateway`.
    Where routes share one and say different things about it, the last of them counts."""
    adaptive: Annotated[AdaptiveSettings | None, OrOff(), Field(validate_default=False)] = None
    """Let the limit follow the upstream's latency: it falls while answers take longer than they have to, and rises
    while they do not. `{}` for the defaults, `off` for a fixed limit."""
    queue: QueueSettings = QueueSettings()
    """Where requests wait that are too many for now."""
    priority: Priority = Priority.NORMAL
    """How important the route is. When the queue is full, `low` leaves first; when a place is free, `high` takes it
    first. `critical` never waits and is never refused: for health checks."""
    priority_field: Annotated[PriorityFieldSettings | None, OrOff(), Field(validate_default=False)] = None
    """A request field that says it for one request."""
    fair_by: Annotated[Annotated[str, AfterValidator(_check_client)] | None, OrOff(), Field(validate_default=False)] = (
        "address"
    )
    """Clients whose requests wait take turns, so that one that floods waits for itself. By `address` or `header:NAME`;
    `off`: everybody waits in one line."""
    held_until: HeldUntil = HeldUntil.BODY
    """A request counts until its answer's `body` has been sent, or only until the `head` has come, for answers that
    last (server-sent events). A WebSocket counts until it is opened."""
    retry_after: Annotated[Duration, Field(ge=1)] = seconds(1)
    """When those that are refused may come again."""

    @model_validator(mode="after")
    def _starts_within(self) -> Self:
        if self.adaptive is not None and not self.adaptive.min <= self.limit <= self.adaptive.max:
            raise SettingError(
                f"is not between adaptive.min and adaptive.max, which are {self.adaptive.min} and {self.adaptive.max}",
                at=("limit",),
            )
        return self
