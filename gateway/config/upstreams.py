"""Settings of upstreams: which servers, how they are reached, and how long we wait for them."""

import re
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from gateway.config.addresses import TcpAddress, UnixAddress, parse_address, parse_host, parse_port
from gateway.config.base import SettingError, Settings
from gateway.config.shorthand import FilePath, OneOrMore, ShorthandSettings
from gateway.config.units import Duration, PositiveDuration, seconds

_EXAMPLES = "write http://host:port, https://host or unix:/run/app.sock"


def _check_url(url: str) -> str:
    """`url` without a closing slash, if it names a server and nothing below it. Raises `SettingError`."""
    if url.startswith("unix:"):
        return str(parse_address(url))
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("http", "https"):
        raise SettingError("must be the address of a server", hint=_EXAMPLES)
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


class ServerSettings(ShorthandSettings):
    """One server of an upstream."""

    shorthand: ClassVar[str] = "url"

    url: Annotated[str, AfterValidator(_check_url)]
    """`http://host:port`, `https://host`, or `unix:/path` for HTTP over a Unix socket. No path: the request's own
    target is sent as it came."""
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    """Its share: a server of weight 3 gets three requests where one of weight 1 gets one."""

    @property
    def is_tls(self) -> bool:
        """Whether the server is spoken to over TLS."""
        return self.url.startswith("https:")

    @property
    def address(self) -> TcpAddress | UnixAddress:
        """Where to connect, with the scheme's usual port where the URL has none."""
        if self.url.startswith("unix:"):
            return UnixAddress(self.url.removeprefix("unix:"))
        parts = urlsplit(self.url)
        return TcpAddress(parts.hostname or "", parts.port or (443 if self.is_tls else 80))

    @property
    def authority(self) -> str:
        """What a `Host` field for this server says (RFC 9110 §7.2); `localhost` for a Unix socket."""
        return "localhost" if self.url.startswith("unix:") else self.url.partition("://")[2]


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
    balance: Literal["least_pending", "round_robin"] = "least_pending"
    """`least_pending` gives a request to the server with the fewest unanswered ones, `round_robin` takes turns."""
    host: Annotated[str, AfterValidator(_check_host)] = "keep"
    """The `Host` the origin sees: `keep` the downstream's, `upstream` for the server's own, or a literal host."""
    timeouts: TimeoutSettings = TimeoutSettings()
    """How long to wait for what."""
    pool: PoolSettings = PoolSettings()
    """Kept connections."""
    tls: UpstreamTlsSettings = UpstreamTlsSettings()
    """For `https` servers."""
    dns_refresh: PositiveDuration = seconds(30)
    """How long the addresses of a host name are used before it is resolved again."""
    retry: bool = True
    """Try once more when a kept connection turns out dead before any octet of the answer, and the method allows it
    (RFC 9110 §9.2.2)."""

    @model_validator(mode="after")
    def _servers_differ(self) -> Self:
        seen: set[str] = set()
        for index, server in enumerate(self.servers):
            if server.url in seen:
                raise SettingError("is named twice", hint="give it a weight instead", at=("servers", index))
            seen.add(server.url)
        return self
