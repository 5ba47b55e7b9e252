"""Settings of Redis, which several gateways share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, PlainSerializer, PlainValidator, model_validator
from pydantic.json_schema import WithJsonSchema

from gateway.config.addresses import TcpAddress, UnixAddress, parse_address
from gateway.config.base import SettingError
from gateway.config.shorthand import OneOrMore, ShorthandSettings
from gateway.config.units import PositiveDuration, Secret, seconds
from gateway.config.upstreams import UpstreamTlsSettings

_EXAMPLES = "write redis://127.0.0.1:6379/0, rediss://redis.internal:6379 (TLS) or unix:/run/redis.sock"


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """Where a Redis is."""

    address: TcpAddress | UnixAddress
    tls: bool = False
    database: int = 0

    def __str__(self) -> str:
        if isinstance(self.address, UnixAddress):
            return str(self.address)
        database = f"/{self.database}" if self.database else ""
        return f"{'rediss' if self.tls else 'redis'}://{self.address}{database}"


def parse_redis_url(value: object) -> RedisUrl:
    """Read `redis://host:port/database`, `rediss://…` (TLS) or `unix:/path`. Raises `SettingError`."""
    if isinstance(value, RedisUrl):
        return value
    if not isinstance(value, str):
        raise SettingError("must be the URL of a Redis", hint=_EXAMPLES)
    if value.startswith("unix:"):
        return RedisUrl(parse_address(value))
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise SettingError("is no URL", hint=_EXAMPLES) from None
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or parts.query or parts.fragment:
        raise SettingError("must be the URL of a Redis", hint=_EXAMPLES)
    if parts.username is not None or parts.password is not None:
        raise SettingError("must not have credentials in it", hint="write username: and password: beside it")
    database = parts.path.strip("/") or "0"
    if not re.fullmatch(r"[0-9]{1,5}", database):
        raise SettingError("must end with the number of a database", hint=_EXAMPLES)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return RedisUrl(parse_address(f"{host}:{port or 6379}"), parts.scheme == "rediss", int(database))


Url = Annotated[
    RedisUrl,
    PlainValidator(parse_redis_url),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["redis://127.0.0.1:6379/0", "rediss://redis:6379"]}),
]


class RedisSettings(ShorthandSettings):
    """A Redis (7.0 or later) or a Valkey that all gateways of a service share. Without it nothing is lost but the
    sharing: whatever happens to it makes the gateway colder, and never makes a request wait longer than `timeout`."""

    shorthand: ClassVar[str] = "url"

    url: OneOrMore[Url]
    """Where it is: `redis://host:port/database`, `rediss://…` with TLS, `unix:/path`. A list names several sentinels,
    or several nodes of a cluster to begin with."""
    kind: Literal["single", "sentinel", "cluster"] = "single"
    """`sentinel`: `url` are sentinels, which say where the master is. `cluster`: `url` are nodes of a Redis Cluster."""
    master: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """With sentinels: the name they know the master by."""
    username: Annotated[str, Field(min_length=1)] | None = None
    """A user of its access control lists. Without, the user `default`."""
    password: Secret | None = None
    """The password. Take it from the environment: `${REDIS_PASSWORD}`."""
    sentinel_username: Annotated[str, Field(min_length=1)] | None = None
    """The user that the sentinels know, where they want one."""
    sentinel_password: Secret | None = None
    """That user's password."""
    tls: UpstreamTlsSettings = UpstreamTlsSettings()
    """Authorities, client certificate and name of the server, for `rediss://`."""
    prefix: Annotated[str, Field(max_length=64, pattern=r"^[\x21-\x7a\x7c\x7e]*$")] = "slipstream:"
    """What all keys and channels begin with: gateways with the same prefix share all they have, and others nothing."""
    timeout: Annotated[PositiveDuration, Field(ge=0.001, le=10.0)] = seconds(0.02)
    """How long a request may wait for it. An answer that takes longer opens the breaker: from then on nothing waits,
    until it answers in time again."""
    connect_timeout: Annotated[PositiveDuration, Field(ge=0.01, le=60.0)] = seconds(1)
    """How long a connection may take, greeting included. No request waits for that."""

    @model_validator(mode="after")
    def _fit_each_other(self) -> Self:
        if self.kind == "single" and len(self.url) > 1:
            raise SettingError("are several", hint="say kind: sentinel or kind: cluster", at=("url",))
        if (self.kind == "sentinel") != (self.master is not None):
            text = "is missing" if self.master is None else "is for sentinels alone"
            raise SettingError(text, hint="kind: sentinel and master: NAME belong together", at=("master",))
        if self.kind == "cluster" and any(url.database for url in self.url):
            raise SettingError("names a database, which a cluster has not", at=("url",))
        if self.username is not None and self.password is None:
            raise SettingError("needs a password beside it", hint="password: ${REDIS_PASSWORD}", at=("username",))
        return self

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return _first(self.url).tls


def _first(urls: Sequence[RedisUrl]) -> RedisUrl:
    return urls[0]
