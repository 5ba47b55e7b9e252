"""Settings of upstreams: which servers, how they are reached, and how long we wait for them."""

import re
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, PlainSerializer, model_validator
from pydantic.json_schema import WithJsonSchema

from gateway.config.addresses import TcpAddress, UnixAddress, parse_address, parse_host, parse_port
from gateway.config.base import SettingError, Settings
from gateway.config.health import (
    EjectionSettings,
    HashSettings,
    HealthSettings,
    LagSettings,
    Share,
    StickySettings,
    WroteSettings,
)
from gateway.config.shorthand import FilePath, OneOrMany, OneOrMore, ShorthandSettings
from gateway.config.units import Duration, OrOff, PositiveDuration, seconds

_EXAMPLES = "write http://host:port, https://host or unix:/run/app.sock"
_SCHEMES = ("http", "https", "dns+http", "dns+https", "srv+http", "srv+https")
_DNS_PORT = 53


def _check_url(url: str) -> str:
    """`url` without a closing slash, if it names a server and nothing below it. Raises `SettingError`."""
    if url.startswith("unix:"):
        return str(parse_address(url))
    if url.startswith("file:"):
        if not url.removeprefix("file:").strip("/") or "\0" in url:
            raise SettingError("must name a file", hint="write file:/etc/slipstream/servers.yaml")
        return url
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _SCHEMES:
        is_bare = re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?", url)
        raise SettingError(
            "must be the address of a server", hint=f"did you mean http://{url}?" if is_bare else _EXAMPLES
        )
    if "@" in rest:
        raise SettingError("must not hold a user name or password", hint="set Authorization with a plugin instead")
    if "?" in rest or "#" in rest or "/" in rest.removesuffix("/"):
        raise SettingError("must not have a path", hint="the path of the request is sent as it came")
    authority = rest.removesuffix("/")
    host, port = _split_authority(authority)
    if not parse_host(host):
        raise SettingError("has no host", hint=_EXAMPLES)
    if port is not None and parse_port(port) == 0:
        raise SettingError("has no port from 1 to 65535", hint=_EXAMPLES)
    if scheme.startswith("srv+") and port is not None:
        raise SettingError("must not have a port", hint="each SRV record has its own")
    if "+" in scheme and (host.startswith("[") or re.fullmatch(r"[0-9.]+", host)):
        raise SettingError("must have a name to look up", hint=f"write {scheme.partition('+')[2]}://{authority}")
    return f"{scheme}://{authority}"


def _split_authority(authority: str) -> tuple[str, str | None]:
    match = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?::(.*))?", authority)
    if match is None:
        raise SettingError("must be the address of a server", hint=_EXAMPLES)
    return match[1], match[2]


def _check_host(host: str) -> str:
    """`keep`, `upstream`, or a host with perhaps a port as a `Host` field has it. Raises `SettingError`."""
    name, port = _split_authority(host)
    if not parse_host(name) or (port is not None and parse_port(port) == 0):
        raise SettingError("must be keep, upstream or a host", hint="write keep, upstream or app.example.com")
    return host


def _parse_name_server(value: object) -> object:
    """An address with port 53 where it has none. Raises `SettingError`."""
    if isinstance(value, str) and not value.startswith("unix:"):
        match = re.fullmatch(r"(\[[^\]]*\]|[^:]+)", value)
        return TcpAddress(parse_host(value), _DNS_PORT) if match else parse_address(value)
    raise SettingError("must be the address of a name server", hint="write 10.0.0.2 or 10.0.0.2:5353")


NameServer = Annotated[
    InstanceOf[TcpAddress],
    BeforeValidator(_parse_name_server),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["10.0.0.2", "10.0.0.2:5353"]}),
]


class ServerSettings(ShorthandSettings):
    """One server of an upstream, or where to learn its servers."""

    shorthand: ClassVar[str] = "url"

    url: Annotated[str, AfterValidator(_check_url)]
    """`http://host:port`, `https://host`, or `unix:/path` for HTTP over a Unix socket. No path: the request's own
    target is sent as it came. Servers are learnt from `dns+http://name:port` (each address of the name is a server),
    `srv+http://_http._tcp.name` (each SRV record is one, RFC 2782) and `file:/path` (a YAML file with `servers`);
    `dns+https` and `srv+https` speak TLS."""
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    """Its share: a server of weight 3 gets three requests where one of weight 1 gets one."""

    @property
    def source(self) -> Literal["dns", "srv", "file"] | None:
        """Where servers are learnt; `None` for a server itself."""
        for source in ("dns", "srv", "file"):
            if self.url.startswith((f"{source}+", f"{source}:")):
                return source
        return None

    @property
    def is_tls(self) -> bool:
        """Whether the server is spoken to over TLS."""
        return self._plain_url.startswith("https:")

    @property
    def address(self) -> TcpAddress | UnixAddress:
        """Where to connect, or what name to look up, with the scheme's usual port where the URL has none."""
        if self.url.startswith(("unix:", "file:")):
            return UnixAddress(self.url.partition(":")[2])
        parts = urlsplit(self._plain_url)
        return TcpAddress(parts.hostname or "", parts.port or (443 if self.is_tls else 80))

    @property
    def authority(self) -> str:
        """What a `Host` field for this server says (RFC 9110 §7.2); `localhost` for a Unix socket."""
        return "localhost" if self.url.startswith("unix:") else self.url.partition("://")[2]

    @property
    def _plain_url(self) -> str:
        return self.url.removeprefix("dns+").removeprefix("srv+")


class TimeoutSettings(Settings):
    """How long an upstream may take. Above any of them the answer is 504, or the body is cut."""

    connect: PositiveDuration = seconds(2)
    """Until a connection stands, TLS included."""
    first_byte: PositiveDuration = seconds(30)
    """From the request's last octet to the response's first."""
    idle: PositiveDuration = seconds(30)
    """Between two pieces of a body, in either direction."""
    total: PositiveDuration = seconds(60)
    """Until the head of the response is complete, from the moment the request left the chain: waiting for a
    connection, a retry and an origin that drips its head are all inside. A body that keeps flowing is not cut."""


class PoolSettings(Settings):
    """Kept connections. Each worker has a pool for each server."""

    connections: Annotated[int, Field(ge=1, le=65535)] = 100
    """Connections at once to one server from one worker."""
    wait: Duration = seconds(1)
    """How long a request may wait for a free connection. After it 503 with Retry-After."""
    waiting: Annotated[int, Field(ge=0)] = 1000
    """Requests that may wait. One more gets 503 at once."""
    idle: PositiveDuration = seconds(50)
    """How long an unused connection is kept. Choose it shorter than the server's own keep-alive time-out, so that
    a request never meets a connection that is just being closed."""


class UpstreamTlsSettings(Settings):
    """How `https` servers are trusted, and what we show them."""

    ca: FilePath | None = None
    """PEM file of authorities to trust instead of the system's."""
    certificate: FilePath | None = None
    """PEM file of our client certificate."""
    key: FilePath | None = None
    """PEM file of its private key."""
    server_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """Name for SNI and for checking the certificate, instead of the URL's host."""
    verify: bool = True
    """Check the server's certificate. Off, anybody on the way can pretend to be the server."""

    @model_validator(mode="after")
    def _certificate_and_key_together(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            there, missing = ("certificate", "key") if self.key is None else ("key", "certificate")
            raise SettingError(f"needs a {missing} beside it", hint=f"add {missing}", at=(there,))
        return self


class UpstreamSettings(Settings):
    """A group of servers that answer the same requests."""

    servers: OneOrMore[ServerSettings]
    """The servers: URLs, or mappings with `url` and `weight`."""
    replicas: OneOrMany[ServerSettings] = ()
    """Servers that answer reads (GET, HEAD and other safe methods) alone. Without any that can, `servers` do."""
    balance: Literal["least_pending", "round_robin", "ewma", "hash"] = "least_pending"
    """`round_robin` takes turns. `least_pending` compares the one whose turn it is with another one and takes the one
    with fewer unanswered requests; `ewma` does so by the time they lately took for an answer. `hash` gives the same
    key to the same server."""
    hash: HashSettings | None = None
    """The key of `balance: hash`."""
    sticky: Annotated[StickySettings | None, OrOff(), Field(validate_default=False)] = None
    """Where upgraded connections (WebSockets) of a client go that had one before; or `off`. Without it, and the first
    time, the server with the fewest upgraded connections gets the next one, unless `balance` is `hash`."""
    health: Annotated[HealthSettings | None, OrOff(), Field(validate_default=False)] = None
    """Active checks: a path, a mapping, or `off`."""
    ejection: Annotated[EjectionSettings | None, OrOff()] = EjectionSettings()
    """Servers that fail are left out for a while; or `off`."""
    slow_start: Annotated[PositiveDuration | None, OrOff(), Field(validate_default=False)] = None
    """How long a server that came back, or is new, takes to get its full share, beginning with a tenth of it; or
    `off`."""
    panic: Share = 0.3
    """When less than this share of the servers can be used, all of them are, but drained ones: bad servers may answer
    more than few good ones that drown. 0 never does; then without a good server the answer is 503."""
    read_your_writes: Annotated[WroteSettings | None, OrOff(), Field(validate_default=False)] = None
    """Clients that wrote read from `servers` for a while; or `off`. For upstreams with `replicas`."""
    lag: LagSettings | None = None
    """Replicas that say that they lag behind are left out."""
    host: Annotated[str, AfterValidator(_check_host)] = "keep"
    """The `Host` the origin sees: `keep` the downstream's, `upstream` for the server's own, or a literal host."""
    timeouts: TimeoutSettings = TimeoutSettings()
    """How long to wait for what."""
    pool: PoolSettings = PoolSettings()
    """Kept connections."""
    tls: UpstreamTlsSettings = UpstreamTlsSettings()
    """For `https` servers."""
    dns_refresh: PositiveDuration = seconds(30)
    """How long the addresses of a host name are used before it is resolved again; a shorter time to live of its
    records counts where we read it ourselves."""
    dns_servers: OneOrMany[NameServer] = ()
    """Name servers to ask for `dns+` and `srv+` servers, instead of the system's."""
    retry: bool = True
    """Try once more when a kept connection turns out dead before any octet of the answer, and the method allows it
    (RFC 9110 §9.2.2)."""

    @model_validator(mode="after")
    def _servers_differ(self) -> Self:
        seen: set[str] = set()
        for group in ("servers", "replicas"):
            for index, server in enumerate(getattr(self, group)):
                if server.url in seen:
                    raise SettingError("is named twice", hint="give it a weight instead", at=(group, index))
                seen.add(server.url)
        return self

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.balance == "hash" and self.hash is None:
            raise SettingError("needs a key", hint="add hash: {header: X-Tenant}, or cookie, or path", at=("balance",))
        if self.hash is not None and self.balance != "hash":
            raise SettingError(f"has no use with balance: {self.balance}", hint="write balance: hash", at=("hash",))
        for name in ("read_your_writes", "lag"):
            if getattr(self, name) is not None and not self.replicas:
                raise SettingError("has no use without replicas", hint="add replicas, or remove it", at=(name,))
        return self
