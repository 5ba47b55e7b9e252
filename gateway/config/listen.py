"""Settings of the addresses that the gateway listens on: for requests, and for its administrator."""

import re
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.json_schema import WithJsonSchema

from gateway.config.addresses import Address, TcpAddress, UnixAddress
from gateway.config.base import SettingError, Settings
from gateway.config.shorthand import FilePath, ShorthandSettings
from gateway.config.units import Secret

_SHORTEST_TOKEN = 16


def _parse_mode(value: object) -> int:
    """Permission bits from a text such as `"0660"`. A YAML number would be read as a decimal one, so it is refused."""
    if isinstance(value, str) and re.fullmatch(r"0?[0-7]{3}", value):
        return int(value, 8)
    raise SettingError("must be three octal digits in quotes", hint='write "0660"')


def _check_origin(origin: str) -> str:
    """`origin` if it is a serialized origin (RFC 6454 §6.2): scheme, host and perhaps a port, nothing else."""
    try:
        parts = urlsplit(origin)
        plain = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        rebuilt = f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        plain, rebuilt = False, ""
    if not plain or rebuilt != origin or not re.fullmatch(r"[!-~]+", origin) or "@" in origin or "*" in origin:
        raise SettingError("must be an origin", hint="write https://host or http://host:port, without a path")
    return origin.lower()


Mode = Annotated[
    int,
    BeforeValidator(_parse_mode),
    WithJsonSchema({"type": "string", "pattern": "^0?[0-7]{3}$"}),
]
Origin = Annotated[str, AfterValidator(_check_origin)]


class TlsSettings(Settings):
    """The certificate that an address shows."""

    certificate: FilePath
    """PEM file with the certificate and the intermediate ones after it. Read again when it changes."""
    key: FilePath
    """PEM file with the private key, without a password."""


class ListenSettings(ShorthandSettings):
    """One address that accepts requests."""

    shorthand: ClassVar[str] = "address"

    address: Address
    """`host:port`, `[ipv6]:port`, `:port` for every address of the machine, or `unix:/path`."""
    tls: TlsSettings | None = None
    """Speak TLS on this address. Without it connections are plain."""
    proxy_protocol: bool = False
    """Expect a PROXY protocol header (version 1 or 2) first on every connection. Switch it on only behind a load
    balancer that always sends one: whoever can connect past it can claim any address."""
    mode: Mode | None = None
    """Permissions of the file of a Unix socket, such as `"0660"`. Without it the process's umask decides."""

    @model_validator(mode="after")
    def _mode_needs_a_file(self) -> Self:
        if self.mode is not None and not isinstance(self.address, UnixAddress):
            raise SettingError("is only for Unix sockets", hint="remove it", at=("mode",))
        return self


class AdminSettings(ShorthandSettings):
    """The administrator's address: health, metrics, configuration, reload."""

    shorthand: ClassVar[str] = "address"

    address: Address = TcpAddress("127.0.0.1", 9900)
    """Like `listen`. Beyond loopback and Unix sockets a token is required."""
    token: Annotated[Secret, Field(min_length=_SHORTEST_TOKEN)] | None = None
    """Bearer token asked for by everything but `/live` and `/ready`. At least 16 characters."""
    cors_origins: tuple[Origin, ...] = ()
    """Origins whose pages may read the admin API in a browser, such as `https://ops.example.com`."""

    @model_validator(mode="after")
    def _token_beyond_loopback(self) -> Self:
        if self.token is None and not self.address.is_local:
            raise SettingError(
                "a token is required when the admin address is not loopback",
                hint="set admin.token, or listen on 127.0.0.1",
                at=("address",),
            )
        return self
