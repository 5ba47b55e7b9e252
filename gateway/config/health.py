"""Settings of what keeps an upstream up when servers of it fail: checks, ejection, replicas, choice by a key."""

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator
from pydantic.json_schema import WithJsonSchema

from gateway.config.base import SettingError, Settings
from gateway.config.shorthand import OneOrMore, ShorthandSettings, check_token
from gateway.config.units import Duration, OrOff, PositiveDuration, Secret, seconds

_TARGET = re.compile(r"/[\x21-\x22\x24-\x7e]*")
_RANGE = re.compile(r"([1-5])xx|([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")

StatusSpan = tuple[int, int]
"""The first and the last status of a span."""


def _check_target(target: str) -> str:
    if not target.startswith("/"):
        raise SettingError("must start with a slash", hint=f"write /{target}")
    if not _TARGET.fullmatch(target):
        raise SettingError("must be a path, perhaps with a query", hint="percent-encode what is not ASCII")
    return target


def _parse_span(value: Any) -> Any:
    """`200`, `2xx` and `200-399` as the first and the last status. Raises `SettingError`."""
    if isinstance(value, tuple):
        return value
    match = _RANGE.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if match is None:
        raise SettingError("must be a status", hint="write 200, 2xx or 200-399")
    if match[1]:
        return int(match[1]) * 100, int(match[1]) * 100 + 99
    first, last = int(match[2]), int(match[3] or match[2])
    if last < first:
        raise SettingError("ends before it begins", hint=f"write {last}-{first}")
    return first, last


def _show_span(span: StatusSpan) -> str:
    first, last = span
    if first == last:
        return str(first)
    return f"{first // 100}xx" if first % 100 == 0 and last == first + 99 else f"{first}-{last}"


Statuses = Annotated[
    StatusSpan,
    BeforeValidator(_parse_span),
    PlainSerializer(_show_span, return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}], "examples": [200, "2xx", "200-399"]}),
]
Share = Annotated[float, Field(ge=0, le=1)]
FieldName = Annotated[str, Field(max_length=100), AfterValidator(check_token)]


class HealthSettings(ShorthandSettings):
    """Active checks. The supervisor makes them, once for all workers, and tells the workers what came of them.

    A server that hangs is found out after `every + (fall - 1) * recheck + timeout` at the latest: 9 s by default."""

    shorthand: ClassVar[str] = "path"

    path: Annotated[str, Field(max_length=2048), AfterValidator(_check_target)]
    """What is asked for: a path, perhaps with a query."""
    method: Literal["GET", "HEAD"] = "GET"
    """`HEAD` where the content is of no interest."""
    every: PositiveDuration = seconds(5)
    """Between two checks of a server whose state is settled."""
    recheck: PositiveDuration = seconds(1)
    """Between two checks while the state is in doubt: after a failure of a good server, a success of a bad one. Never
    longer than `every`."""
    jitter: Share = 0.1
    """Each pause is longer or shorter by up to this share, so that several gateways do not check in step."""
    timeout: PositiveDuration = seconds(2)
    """How long a check may take as a whole, connection included."""
    rise: Annotated[int, Field(ge=1, le=100)] = 2
    """Good checks in a row that make a bad server good."""
    fall: Annotated[int, Field(ge=1, le=100)] = 3
    """Failed checks in a row that make a good server bad. The first check of all decides alone."""
    status: OneOrMore[Statuses] = ((200, 299),)
    """Statuses of a good answer: `200`, `2xx`, `200-399`, or a list. Redirects are not followed."""
    body: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Text that the first 64 KiB of a good answer contain."""
    host: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[!-~]+$")] | None = None
    """The `Host` of the check, instead of the server's own."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Where to ask, when health is told on another port."""

    @model_validator(mode="after")
    def _content_is_there(self) -> Self:
        if self.body is not None and self.method == "HEAD":
            raise SettingError("an answer to HEAD has no content", hint="use method: GET", at=("body",))
        return self


class EjectionSettings(Settings):
    """Servers that fail real requests are left out for a while. Each worker judges by what it sees itself."""

    failures: Annotated[Annotated[int, Field(ge=1)] | None, OrOff()] = 5
    """So many in a row without a usable answer: no connection, time-out, reset, or 502, 503, 504."""
    errors: Annotated[Annotated[int, Field(ge=1)] | None, OrOff()] = 10
    """So many in a row that failed in any way, other 5xx included."""
    deviation: Annotated[Annotated[float, Field(gt=0)] | None, OrOff()] = 1.9
    """A server whose share of successes lies so many standard deviations below the mean of all is left out."""
    interval: PositiveDuration = seconds(10)
    """How often shares of successes are compared, each time over the requests since the last."""
    requests: Annotated[int, Field(ge=1)] = 50
    """Requests in an interval from which on a server's share counts. Three servers at least must have as many."""
    time: PositiveDuration = seconds(10)
    """How long the first ejection lasts; the second one twice as long, the third three times. It is forgiven again,
    one step for each `time` without one."""
    max_time: PositiveDuration = seconds(300)
    """The longest ejection."""
    max_share: Share = 0.5
    """Never more than this share of the servers is left out: 0.5 of three servers is one. One server alone never is."""


class HashSettings(Settings):
    """What `balance: hash` goes by. The same value goes to the same server as long as that is there and not swamped."""

    header: FieldName | None = None
    """The value of this request field."""
    cookie: FieldName | None = None
    """The value of this cookie."""
    path: bool = False
    """The path, without the query."""
    load: Annotated[float, Field(ge=1.05, le=100)] = 1.25
    """A server with more than this times its share of the unanswered requests passes keys on to the next one on the
    ring. 1.25 lets a hot key put a quarter more on its server than the others have; fewer than 8 always stay."""

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if sum((self.header is not None, self.cookie is not None, self.path)) != 1:
            raise SettingError("needs exactly one of header, cookie and path", hint="write hash: {header: X-Tenant}")
        return self


class StickySettings(Settings):
    """Clients whose upgraded connection ended come back to the server that they had, as long as it is fit."""

    cookie: FieldName | None = None
    """Name of a cookie that the gateway sets with the 101; it holds a digest of the server's address. The first time a
    client gets the server with the fewest upgraded connections."""
    header: FieldName | None = None
    """For programs without cookies: the same value of this request field goes to the same server."""
    address: bool = False
    """The same client address goes to the same server; of IPv6 addresses the first 64 bits count."""
    load: Annotated[float, Field(ge=1.05, le=100)] = 1.25
    """With `header` and `address`: a server with more than this times its share of the upgraded connections passes
    clients on, so that a thousand clients behind one address do not share one server. Fewer than 8 always stay."""
    key: Annotated[Secret, Field(min_length=16)] | None = None
    """What the cookie's digest is made with, so that nobody finds out addresses by trying. Several gateways side by
    side need the same."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum((self.cookie is not None, self.header is not None, self.address)) != 1:
            hint = "write sticky: {cookie: slipstream-server}"
            raise SettingError("needs exactly one of cookie, header and address", hint=hint)
        if self.key is not None and self.cookie is None:
            raise SettingError("has no use without cookie", hint="remove it", at=("key",))
        return self


class WroteSettings(Settings):
    """A client that wrote reads from `servers`, not from `replicas`, for a while: it sees what it has written.

    It is marked by a signed token that answers to its writes carry and it sends back. The mark holds no name."""

    window: PositiveDuration = seconds(5)
    """How long after a write its client reads from `servers`: longer than replicas usually lag behind."""
    cookie: Annotated[FieldName | None, OrOff()] = "slipstream-wrote"
    """Name of the cookie with the token, for browsers."""
    header: Annotated[FieldName | None, OrOff(), Field(validate_default=False)] = None
    """Name of the field with the token, of answers and requests alike, for programs that keep no cookies."""
    key: Annotated[Secret, Field(min_length=16)] | None = None
    """What tokens are signed with. Without it each start of the gateway makes its own; several gateways side by side
    need the same."""

    @model_validator(mode="after")
    def _has_a_carrier(self) -> Self:
        if self.cookie is None and self.header is None:
            raise SettingError("needs a cookie or a header to carry the token", hint="give header a name")
        return self


class LagSettings(Settings):
    """Replicas that say that they lag behind are left out until they have caught up."""

    header: FieldName
    """The field in which a replica says how far it is behind, in answers to requests or to health checks: seconds as a
    number, or with a unit (`250ms`, `3s`)."""
    most: Duration = seconds(5)
    """How far behind a replica may be."""
    retry: PositiveDuration = seconds(5)
    """How long a replica is left out after an answer to a request said so. What a health check heard counts until the
    next one."""
