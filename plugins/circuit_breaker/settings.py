"""Settings of the `circuit_breaker` plugin."""

from enum import Enum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.api import Duration, OneOrMany, OrOff, SettingError, Settings, SharedBy, UpstreamName, seconds
from gateway.http.fields import is_field_value, is_token
from gateway.http.hop_by_hop import FRAMING

Share = Annotated[float, Field(gt=0, le=1)]
PositiveDuration = Annotated[Duration, Field(gt=0)]


class Per(Enum):
    """What a circuit leads to."""

    SERVER = "server"
    UPSTREAM = "upstream"
    ROUTE = "route"


class FailureKind(Enum):
    """A way in which an exchange can fail by the fault of the upstream."""

    CONNECT = "connect"
    TIMEOUT = "timeout"
    CLOSED = "closed"
    PROTOCOL = "protocol"
    BROKEN = "broken"


def _check_static_status(status: int) -> int:
    if status in (204, 205, 304):
        raise SettingError("is a status without content", hint="choose one that can carry the body, such as 200 or 503")
    return status


def _check_fields(fields: dict[str, str]) -> dict[str, str]:
    for name, value in fields.items():
        if not is_token(name.encode("utf-8", "replace")):
            raise SettingError(f"{name!r} is not the name of a field")
        if name.lower().encode() in FRAMING:
            raise SettingError(f"{name} is written by the gateway itself, to fit the body")
        if not is_field_value(value.encode("utf-8", "replace")):
            raise SettingError(f"the value of {name} may not stand in a field")
    return fields


class StaticResponse(Settings):
    """An answer of our own."""

    status: Annotated[int, Field(ge=200, le=599), AfterValidator(_check_static_status)] = 503
    """Its status. With 200 nobody but `Proxy-Status` and the metrics tell that it is not the real answer."""
    fields: Annotated[dict[str, str], AfterValidator(_check_fields)] = Field(default_factory=dict)
    """Its fields. `Cache-Control: no-store` is added where there is no `Cache-Control`, and `Retry-After` to a 503."""
    body: Annotated[str, Field(max_length=65536)] = ""
    """Its content."""


class FallbackSettings(Settings):
    """What answers in place of an upstream whose circuit is open. A stale answer of the cache comes before all that."""

    upstream: UpstreamName | None = None
    """Another upstream, by its name. It gets the request as it is, with the time-outs of the route. If it fails as
    well, what is said below answers."""
    response: StaticResponse | None = None
    """An answer of our own. Without it the answer is 503 with `Retry-After` and the reason."""
    on_failure: bool = False
    """Use them for single failures as well, while the circuit is still closed. A request whose body came as a stream
    that is used up gets the failure."""


class CircuitBreakerSettings(Settings):
    """Settings of the `circuit_breaker` plugin."""

    per: Per = Per.SERVER
    """What has a circuit of its own: each `server` of the upstream, so that requests go around a bad one and are
    refused only when all circuits are open; the `upstream` as a whole; or the `route`, for an upstream of which one
    part can fail alone. Routes with the same upstream share its circuits, and the settings of the last."""

    window: PositiveDuration = seconds(10)
    """What is judged are the exchanges of so long a time, in steps of a tenth of it. Shorter opens sooner and on less
    evidence."""
    window_calls: Annotated[Annotated[int, Field(ge=1, le=10_000)] | None, OrOff(), Field(validate_default=False)] = (
        None
    )
    """Or the last so many exchanges, however long ago. Takes the place of `window`."""
    minimum_calls: Annotated[int, Field(ge=1)] = 10
    """Below so many exchanges in the window no rate opens the circuit: one failure of two proves nothing."""
    failure_rate: Annotated[Share | None, OrOff()] = 0.5
    """Share of failures in the window that opens the circuit."""
    consecutive_failures: Annotated[Annotated[int, Field(ge=1)] | None, OrOff()] = 20
    """Failures in a row that open it, whatever the window says: a rate needs half a window of failures to see that all
    is lost, 20 in a row are there at once. Chance finds such rows too: at 50 % failures 20 in a row come once in a
    million exchanges, 5 in a row every 32."""
    slow_call: Annotated[PositiveDuration | None, OrOff(), Field(validate_default=False)] = None
    """An exchange whose head took longer than this was slow. `off`: none is."""
    slow_rate: Share = 0.8
    """Share of slow exchanges in the window that opens the circuit."""

    failures: OneOrMany[FailureKind] = tuple(FailureKind)
    """What counts as a failure, beside `failure_statuses`: `connect` (no connection, name or TLS), `timeout`, `closed`
    (closed or reset before an answer), `protocol` (not HTTP), `broken` (broke off within the body: counts when it
    happens). Clients that leave, limits of the gateway and 4xx never count."""
    failure_statuses: OneOrMany[Annotated[int, Field(ge=500, le=599)]] = (
        500,
        502,
        503,
        504,
    )
    """Answers that count as failures."""

    open_for: PositiveDuration = seconds(1)
    """How long the circuit stays open the first time. Short, since a probe costs little and a restart is soon over."""
    open_growth: Annotated[float, Field(ge=1, le=10)] = 2.0
    """Each time that it opens again without having been well in between, it stays open so many times longer."""
    longest_open: PositiveDuration = seconds(30)
    """But no longer than this."""
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Each time is made longer by up to this share, by chance, so that many gateways do not come back together."""
    probes: Annotated[int, Field(ge=1, le=1000)] = 3
    """Half-open, so many requests are let through, no more, and all of them have to succeed to close the circuit. One
    that fails opens it again; one whose client leaves counts for nothing and makes room for another."""
    ramp: Duration = seconds(2)
    """Once closed, traffic comes back over so long: from a tenth of the requests to all of them. As many at a time as
    there are `probes` are let through in any case, so that little traffic notices nothing. 0: all of it at once."""

    share: SharedBy = SharedBy.WORKERS
    """Who is told when a circuit opens and closes: the other `workers`, or all gateways with the same `redis` as well.
    Then one that has found out spares the others their failures. But what keeps failing from one place may be that
    place's own network: with `redis` it closes the way for all."""

    fallback: FallbackSettings = FallbackSettings()
    """What answers while the circuit is open."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.failure_rate is None and self.slow_call is None and self.consecutive_failures is None:
            raise SettingError(
                "is off, and so are consecutive_failures and slow_call: nothing opens the circuit",
                hint="leave the plugin out instead",
                at=("failure_rate",),
            )
        if self.window_calls is not None and self.minimum_calls > self.window_calls:
            raise SettingError(
                f"is more than the {self.window_calls} of window_calls: no rate would ever open the circuit",
                at=("minimum_calls",),
            )
        if self.longest_open < self.open_for:
            raise SettingError("is shorter than open_for", at=("longest_open",))
        return self
