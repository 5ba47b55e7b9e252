"""Where to listen: a TCP address or the path of a Unix socket."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated

from pydantic import BeforeValidator, InstanceOf, PlainSerializer
from pydantic.json_schema import WithJsonSchema

from gateway.config.base import SettingError

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_ALL_DIGITS = re.compile(r"[0-9.]+")
_EXAMPLES = "write 127.0.0.1:8080, [::1]:8080, :8080 or unix:/run/name.sock"
_LONGEST_SOCKET_PATH = 107  # sun_path has 108 octets on Linux, the last is NUL


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A host and a port."""

    host: str
    """An address without brackets, a host name, or an empty text for every address of the machine."""
    port: int
    """0 to 65535; 0 lets the kernel choose when listening."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect: 127.0.0.0/8, ::1 (also as mapped addresses) or `localhost`."""
        try:
            address: IPv4Address | IPv6Address = ip_address(self.host)
        except ValueError:
            return self.host.lower().rstrip(".") == "localhost"
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return address.is_loopback


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """The path of a Unix socket."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"

    @property
    def is_local(self) -> bool:
        """Always: the file system decides who may connect."""
        return True


def leads_to(target: TcpAddress | UnixAddress, listening: TcpAddress | UnixAddress) -> bool:
    """Whether who connects to `target` on this machine certainly reaches who listens on `listening`."""
    if isinstance(target, UnixAddress) or isinstance(listening, UnixAddress):
        return target == listening
    if target.port != listening.port:
        return False
    names = {"localhost": "127.0.0.1"}
    here, there = (names.get(host.lower(), host.lower()) for host in (listening.host, target.host))
    if here == there:
        return True
    is_ipv6 = ":" in there and not there.startswith("::ffff:")
    return target.is_local and here in ("", "::" if is_ipv6 else "0.0.0.0")


def parse_address(value: object) -> TcpAddress | UnixAddress:
    """Read `127.0.0.1:8080`, `[::1]:8080`, `host:8080`, `:8080` or `unix:/path`. Raises `SettingError`."""
    if isinstance(value, TcpAddress | UnixAddress):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        raise SettingError("must be an address and not a number alone", hint=_EXAMPLES)
    if not isinstance(value, str):
        raise SettingError("must be an address", hint=_EXAMPLES)
    if value.startswith("unix:"):
        return UnixAddress(_socket_path(value.removeprefix("unix:")))
    host, colon, port = value.rpartition(":")
    if not colon:
        raise SettingError("has no port", hint=_EXAMPLES)
    return TcpAddress(parse_host(host), parse_port(port))


def parse_port(text: str) -> int:
    """A port from 0 to 65535. Raises `SettingError`."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise SettingError("has no port from 0 to 65535", hint=_EXAMPLES)
    return int(text)


def parse_host(text: str) -> str:
    """The host of an address, without the brackets of IPv6. Raises `SettingError`."""
    if text.startswith("[") and text.endswith("]"):
        return _ip(text[1:-1], IPv6Address)
    if ":" in text:
        raise SettingError("has an IPv6 address without brackets", hint="write [::1]:8080")
    if text and _ALL_DIGITS.fullmatch(text):
        return _ip(text, IPv4Address)
    if text and (len(text) > 253 or not _HOST_NAME.fullmatch(text)):
        raise SettingError("has no valid host", hint=_EXAMPLES)
    return text


def _ip(text: str, kind: type[IPv4Address] | type[IPv6Address]) -> str:
    try:
        return str(kind(text))
    except ValueError:
        version = "IPv6" if kind is IPv6Address else "IPv4"
        raise SettingError(f"has no valid {version} address", hint=_EXAMPLES) from None


def _socket_path(path: str) -> str:
    if not path.startswith("/") or "\0" in path:
        raise SettingError("must name an absolute path after unix:", hint="write unix:/run/name.sock")
    if len(path.encode()) > _LONGEST_SOCKET_PATH:
        raise SettingError(f"is too long for a Unix socket: at most {_LONGEST_SOCKET_PATH} octets")
    return path


Address = Annotated[
    InstanceOf[TcpAddress] | InstanceOf[UnixAddress],
    BeforeValidator(parse_address),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["127.0.0.1:8080", "[::1]:8080", ":8080", "unix:/run/app.sock"]}),
]
"""A `TcpAddress` or `UnixAddress`, written as a text."""
