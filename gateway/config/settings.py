"""The settings of the whole file. Parts with a subject of their own have their own modules, and are found here too."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, PlainSerializer, model_validator
from pydantic.json_schema import WithJsonSchema

from gateway.config.addresses import Address, TcpAddress, UnixAddress, leads_to
from gateway.config.base import SettingError, Settings
from gateway.config.health import (
    EjectionSettings,
    HashSettings,
    HealthSettings,
    LagSettings,
    StickySettings,
    WroteSettings,
)
from gateway.config.limits import LimitSettings
from gateway.config.listen import AdminSettings, ListenSettings, TlsSettings
from gateway.config.redis import RedisSettings
from gateway.config.replay import ReplaySettings
from gateway.config.routes import MatchSettings, RouteSettings, RouteTimeoutSettings, Use
from gateway.config.shorthand import OneOrMany, OneOrMore, check_token
from gateway.config.sweeps import SweepName, SweepSettings
from gateway.config.tiers import HostTierSettings, RedisTierSettings, TierSettings
from gateway.config.units import Duration, OrOff, seconds
from gateway.config.upstreams import (
    PoolSettings,
    ServerSettings,
    TimeoutSettings,
    UpstreamSettings,
    UpstreamTlsSettings,
)
from gateway.config.warming import WarmingSettings

__all__ = [
    "Address",
    "AdminSettings",
    "EjectionSettings",
    "GatewaySettings",
    "HashSettings",
    "HealthSettings",
    "HostTierSettings",
    "LagSettings",
    "LimitSettings",
    "ListenSettings",
    "MatchSettings",
    "PoolSettings",
    "RedisSettings",
    "RedisTierSettings",
    "ReplaySettings",
    "RouteSettings",
    "RouteTimeoutSettings",
    "ServerSettings",
    "StickySettings",
    "SweepName",
    "SweepSettings",
    "TcpAddress",
    "TierSettings",
    "TimeoutSettings",
    "TlsSettings",
    "UnixAddress",
    "UpstreamSettings",
    "UpstreamTlsSettings",
    "WarmingSettings",
    "WroteSettings",
]

_MOST_WORKERS = 256
_UPSTREAM_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def _check_workers(value: object) -> object:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_WORKERS
    if value != "auto" and not is_count:
        raise SettingError(f"must be auto or a number from 1 to {_MOST_WORKERS}")
    return value


def _check_upstream_name(name: str) -> str:
    if not _UPSTREAM_NAME.fullmatch(name):
        raise SettingError("is not a name for an upstream", hint="use up to 64 letters, digits, _, - and .")
    return name


def _parse_network(value: object) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    example = "write 10.0.0.0/8 or 192.0.2.7"
    if not isinstance(value, str):
        raise SettingError("must be a network", hint=example)
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise SettingError("must be a network", hint=example) from None
    address = value.partition("/")[0].lower()
    if "/" in value and ip_network(address).network_address != network.network_address:
        raise SettingError("has bits set beyond its prefix", hint=f"did you mean {network}?")
    return network


def _check_item(value: Any) -> Any:
    if isinstance(value, str):
        raise SettingError("must be a mapping with one key", hint=f"write {value}: {{}}")
    if isinstance(value, dict) and len(value) != 1:
        raise SettingError("must be a mapping with one key", hint="start each plugin with a dash of its own")
    return value


Network = Annotated[
    InstanceOf[IPv4Network] | InstanceOf[IPv6Network],
    BeforeValidator(_parse_network),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]}),
]


class GatewaySettings(Settings):
    """Everything in the file but what the plugins understand."""

    name: Annotated[str, Field(max_length=64), AfterValidator(check_token)] = "slipstream"
    """What the gateway calls itself in Via, Cache-Status and Proxy-Status. A token (RFC 9110 §5.6.2); give each of
    several gateways in a row its own, so that the fields tell them apart."""
    listen: OneOrMore[ListenSettings] = (ListenSettings(address=TcpAddress("127.0.0.1", 8080)),)
    """Where requests come in: one address or a list."""
    admin: Annotated[AdminSettings | None, OrOff()] = AdminSettings()
    """The administrator's address, or `off`."""
    workers: Annotated[
        int | str,
        BeforeValidator(_check_workers),
        WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": _MOST_WORKERS}]}),
    ] = "auto"
    """Processes that answer requests; `auto` is one for each core the gateway may use."""
    access_log: Annotated[Annotated[str, Field(min_length=1)] | None, OrOff(), Field(validate_default=False)] = None
    """`off`, `stdout`, or the path of a file. One JSON object a line, written in batches."""
    limits: LimitSettings = LimitSettings()
    """What a downstream may send, and how long it may take."""
    replay: ReplaySettings = ReplaySettings()
    """The replay lane."""
    redis: Annotated[RedisSettings | None, OrOff(), Field(validate_default=False)] = None
    """What several gateways share: `off`, the URL of a Redis, or a mapping."""
    tiers: TierSettings = TierSettings()
    """Where answers are kept beside the memory of each worker."""
    warming: WarmingSettings = WarmingSettings()
    """Requests that the gateway makes itself so that clients find their answers stored."""
    sweeps: dict[SweepName, SweepSettings] = Field(default_factory=dict)
    """What is stored and asked about in the background, by the name of the sweep."""
    trusted_proxies: OneOrMany[Network] = ()
    """Networks whose `Forwarded` and `X-Forwarded-*` fields are believed. From anybody else they are replaced."""
    drain: Duration = seconds(15)
    """How long running exchanges may take to end when a worker stops."""
    upstreams: Annotated[
        dict[Annotated[str, AfterValidator(_check_upstream_name)], UpstreamSettings], Field(min_length=1)
    ]
    """The services in front of which the gateway stands, by name."""
    plugins: tuple[Annotated[dict[str, Use], BeforeValidator(_check_item)], ...] = Field(default=(), repr=False)
    """The chain, outermost first. Each item has one key, the plugin's name, with its settings or `off`."""
    routes: tuple[RouteSettings, ...] = ()
    """Which requests go where. Without any, everything goes to the only upstream."""

    def worker_count(self, cpus: int) -> int:
        """How many workers to run where `cpus` cores may be used; at least one."""
        return self.workers if isinstance(self.workers, int) else max(1, min(cpus, _MOST_WORKERS))

    @model_validator(mode="after")
    def _redis_is_there(self) -> Self:
        if self.tiers.redis is not None and self.redis is None:
            raise SettingError(
                "needs to know where Redis is",
                hint="write redis: redis://HOST:6379 beside tiers",
                at=("tiers", "redis"),
            )
        return self

    @model_validator(mode="after")
    def _upstreams_are_others(self) -> Self:
        own: list[Any] = [listener.address for listener in self.listen]
        own += [] if self.admin is None else [self.admin.address]
        for name, upstream in self.upstreams.items():
            for team in ("servers", "replicas"):
                for index, server in enumerate(getattr(upstream, team)):
                    if server.source is None and any(leads_to(server.address, address) for address in own):
                        raise SettingError(
                            "is this gateway's own address",
                            hint="name the service behind it, or let the gateway listen elsewhere",
                            at=("upstreams", name, team, index),
                        )
        return self

    @model_validator(mode="after")
    def _addresses_differ(self) -> Self:
        seen: dict[str, str] = {}
        places: list[tuple[tuple[str | int, ...], Any]] = [
            (("listen", index), listener.address) for index, listener in enumerate(self.listen)
        ]
        if self.admin is not None:
            places.append((("admin",), self.admin.address))
        for place, address in places:
            if isinstance(address, TcpAddress) and address.port == 0:
                continue
            if str(address) in seen:
                raise SettingError(f"is the same address as {seen[str(address)]}", hint="choose another port", at=place)
            seen[str(address)] = "the admin address" if place == ("admin",) else f"listen[{place[1]}]"
        return self
