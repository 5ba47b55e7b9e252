"""Settings of the `timeout` plugin."""

from enum import Enum
from typing import Annotated, Self

from pydantic import Field, model_validator

from gateway.api import Duration, OrOff, SettingError, Settings, Token, seconds


class Format(Enum):
    """How a field says how much time there is."""

    MILLISECONDS = "milliseconds"
    SECONDS = "seconds"
    GRPC = "grpc"
    UNIX = "unix"


class Trust(Enum):
    """Whose deadlines are honoured."""

    TRUSTED = "trusted"
    EVERYBODY = "everybody"


class DeadlineFieldSettings(Settings):
    """A field that says how much time there is."""

    name: Token
    """The field: `X-Request-Timeout-Ms`, `X-Request-Deadline`, `grpc-timeout`."""
    format: Format = Format.MILLISECONDS
    """What stands in it: what is left in `milliseconds` or `seconds` (with decimals), the same as gRPC writes it
    (`250m`), or the moment itself in seconds since 1970 (`unix`, with decimals), which needs clocks that agree."""


class TimeoutSettings(Settings):
    """Settings of the `timeout` plugin."""

    total: Annotated[Duration, Field(ge=0.005, le=86400)]
    """How long an answer may take to begin, from here on: whatever happens further in, queues, other attempts and the
    request's own content, has to fit. After it 504, late by 3 % or 10 ms at most, and never by over 250 ms."""
    body: Annotated[Annotated[Duration, Field(ge=0.005)] | None, OrOff(), Field(validate_default=False)] = None
    """How long the rest of a streamed answer may take once its head has come; then it is cut. `off`: as long as it
    keeps coming. Not for server-sent events and large downloads."""
    upstream_field: Annotated[DeadlineFieldSettings | None, OrOff(), Field(validate_default=False)] = None
    """Tell the upstream how much time there is, so that it need not work on what nobody waits for any more."""
    downstream_field: Annotated[DeadlineFieldSettings | None, OrOff(), Field(validate_default=False)] = None
    """Honour what the downstream says in this field. It can shorten `total` and never lengthen it."""
    trust: Trust = Trust.TRUSTED
    """Who may say so: `trusted` peers (`trusted_proxies`), or `everybody`. From others the field is removed."""
    margin: Annotated[Duration, Field(ge=0)] = seconds(0)
    """Time kept for the way back: the upstream is told so much less. A request with no more than that left is refused
    before it costs the upstream anything."""

    @model_validator(mode="after")
    def _some_time_is_left(self) -> Self:
        if self.margin >= self.total:
            raise SettingError("leaves nothing of total", at=("margin",))
        return self
