"""Settings of the `rate_limit` plugin."""

from collections import Counter
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from gateway.api import Duration, OneOrMany, OrOff, SettingError, Settings, SharedBy, Token, seconds
from gateway.http.fields import is_token
from plugins.rate_limit.rate import parse_rate

_PLAIN_PARTS = ("address", "route", "host", "method")
_NAMED_PARTS = ("header", "cookie", "claim")


class Without(Enum):
    """What happens to a request that lacks part of a limit's key."""

    ADDRESS = "address"
    SHARED = "shared"
    SKIP = "skip"


class Shown(Enum):
    """Which answers say how much is left."""

    ALWAYS = "always"
    REFUSED = "refused"
    NEVER = "never"


def _check_rate(text: str) -> str:
    try:
        parse_rate(text)
    except ValueError as error:
        raise SettingError(str(error)) from None
    return text


def _check_part(text: str) -> str:
    kind, colon, name = text.partition(":")
    if text in _PLAIN_PARTS:
        return text
    if colon and kind in _NAMED_PARTS:
        if kind == "claim" and name and name.isprintable():
            return text
        if is_token(name.encode("utf-8", "replace")):
            return text
    raise SettingError(
        "must be address, route, host, method, header:NAME, cookie:NAME or claim:NAME", hint="write header:X-Api-Key"
    )


Tokens = OneOrMany[Token]
Part = Annotated[str, AfterValidator(_check_part)]
Cost = Annotated[int, Field(ge=1, le=1_000_000)]


class LimitSettings(Settings):
    """One limit."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_.-]{1,64}$")] = "default"
    """What fields, metrics and logs call it. Routes that have a limit of the same name, key and rate count together."""
    rate: Annotated[str, AfterValidator(_check_rate)]
    """How many requests in what time: `10/s`, `100/m`, `1000/h`, `5000/d`, `20/30s`. They come back evenly: with
    `100/m` one every 600 ms."""
    burst: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """How many may come at once after a rest; the number in `rate` unless said. With `100/m` and a burst of 100, the
    first minute after a rest lets 200 through and each one after it 100; a burst of 10 evens that out."""
    key: Annotated[OneOrMany[Part], Field(min_length=1, max_length=8)] = ("address",)
    """Who shares it: `address` of the client (trusted proxies are believed), `header:NAME`, `cookie:NAME`,
    `claim:NAME` of a bearer token, `route`, `host`, `method`, or several of them: each combination counts by itself.
    `route` alone is one limit for everybody."""
    without_key: Without = Without.ADDRESS
    """What happens to a request without the field, cookie or claim of the key: its `address` counts in its place, all
    of them count together (`shared`), or the limit does not apply (`skip`)."""
    methods: Tokens = ()
    """The methods it is for; all of them when empty."""
    cost: Cost = 1
    """What a request takes of the quota."""
    costs: dict[Token, Cost] = Field(default_factory=dict)
    """Other costs by method: `{POST: 5}`."""
    cost_field: Annotated[Token | None, OrOff(), Field(validate_default=False)] = None
    """A response field with a number, by which the upstream says what the request really cost. The difference is
    charged or given back afterwards, and the field goes no further. `off`: nobody is asked."""
    dry_run: bool = False
    """Count whom it would refuse, and let everybody through: for finding the right rate."""

    @property
    def size(self) -> int:
        """The burst in force."""
        return self.burst if self.burst is not None else parse_rate(self.rate)[0]

    @model_validator(mode="after")
    def _can_be_paid(self) -> Self:
        for method, cost in (("", self.cost), *self.costs.items()):
            if cost > self.size:
                at = ("costs", method) if method else ("cost",)
                raise SettingError(f"is more than the burst of {self.size}: nobody could ever pay it", at=at)
        return self


class TokenSettings(Settings):
    """Where claims come from."""

    field: Token = "Authorization"
    """The request field that holds the token, with or without `Bearer` before it."""
    secret: Annotated[Annotated[SecretStr, Field(min_length=16)] | None, OrOff(), Field(validate_default=False)] = None
    """The secret that tokens are signed with (HS256, HS384, HS512). Then only claims of tokens with a right signature
    and in force (`exp`, `nbf`) count; those of others are missing. Without it (`off`) claims are believed as they
    stand: right behind something that checks tokens, and an invitation to make up new ones anywhere else."""


class RateLimitSettings(Settings):
    """Settings of the `rate_limit` plugin."""

    limits: Annotated[OneOrMany[LimitSettings], Field(min_length=1, max_length=16)]
    """One limit or a list. A request must fit into all of them; one that is refused takes nothing of any."""
    exempt: OneOrMany[IPv4Network | IPv6Network] = ()
    """Networks of clients without a limit: probes, own services."""
    ipv4_prefix: Annotated[int, Field(ge=8, le=32)] = 32
    """Addresses that share so many leading bits are one client."""
    ipv6_prefix: Annotated[int, Field(ge=16, le=128)] = 64
    """The same for IPv6, where whoever has one address usually has 2^64 of them."""
    token: TokenSettings = TokenSettings()
    """The token whose claims may be part of a key."""
    fields: Shown = Shown.ALWAYS
    """Which answers have `RateLimit` and `RateLimit-Policy`: `always`, `refused` ones, or `never`. They cost an answer
    about 3 µs."""
    legacy_fields: bool = False
    """Also write `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds) for the limit that is nearest to its end."""
    keys: Annotated[int, Field(ge=16, le=10_000_000)] = 100_000
    """Keys remembered at once, for each limit and worker; some 150 octets each. Only keys that have asked lately take
    room. When more are live at once, those with the least behind them are remembered roughly: they may be refused for
    a stranger with the same mark, never let off."""
    share: SharedBy = SharedBy.WORKERS
    """Who counts together: the `workers` of this gateway, or all gateways with the same `redis`. There, each request
    that is not refused asks Redis, half a millisecond or so and `timeout` at most; without Redis each gateway goes on
    for itself, from where it was."""
    share_every: Annotated[Duration, Field(ge=0.01, le=10)] = seconds(0.1)
    """How often workers tell each other what they let through. With 100 ms, a client that asks all of them at once gets
    at most what they let through in 100 ms beyond its limit, and pays it back afterwards."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        for name, count in Counter(limit.name for limit in self.limits).items():
            if count > 1:
                raise SettingError(f"has {count} limits named {name!r}", hint="give each a name", at=("limits",))
        return self
