"""A server as it is written on the control channel: where it is, and how it stands. Values only, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.config.addresses import TcpAddress, UnixAddress
from gateway.config.settings import ServerSettings, UpstreamSettings


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server that can be connected to. Its URL is its name in figures, logs and the admin API."""

    url: str
    """`http://10.0.0.7:8000`, `https://app.internal`, `unix:/run/app.sock`."""
    weight: int
    authority: str
    """What a `Host` field for it says (RFC 9110 §7.2)."""
    host: str
    """Address or name to connect to; the path of a Unix socket."""
    port: int
    """0 for a Unix socket."""
    name: str = ""
    """Name that a TLS certificate must have; empty for a Unix socket."""
    is_healthy: bool = True
    """What active checks say; True without any."""
    is_draining: bool = False
    """Whether an administrator wants it to get no more requests."""
    is_lagging: bool = False
    """Whether a health check found it too far behind."""

    @property
    def is_tls(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.url.startswith("https:")

    @property
    def is_unix(self) -> bool:
        """Whether it is reached by a Unix socket."""
        return self.url.startswith("unix:")

    def to_message(self) -> dict[str, Any]:
        """For the control channel."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Endpoint:
        """What `to_message` wrote."""
        return cls(**message)

    def place(self) -> Endpoint:
        """The same without how it stands: two that are equal can share a pool."""
        return replace(self, weight=1, is_healthy=True, is_draining=False, is_lagging=False)


def listed_in(settings: UpstreamSettings) -> list[list[str | int]]:
    """The servers and sources that settings name, as a value that can be compared across processes: what is told
    about them is for the configuration that names the same."""
    teams = {"servers": settings.servers, "replicas": settings.replicas}
    return [[team, each.url, each.weight] for team, servers in teams.items() for each in servers]


def endpoint_of(server: ServerSettings) -> Endpoint:
    """The server that settings name outright."""
    address = server.address
    if isinstance(address, UnixAddress):
        return Endpoint(server.url, server.weight, server.authority, address.path, 0)
    return Endpoint(server.url, server.weight, server.authority, address.host, address.port, address.host)


def endpoint_at(server: ServerSettings, address: TcpAddress, weight: int, *, name: str = "") -> Endpoint:
    """A server found by a look-up: at `address`, but known to the outside by the name that was looked up.

    `name` is that of the target of an SRV record, which is what its certificate says."""
    scheme = "https" if server.is_tls else "http"
    found = server.address
    known = name or (found.host if isinstance(found, TcpAddress) else "")
    authority = server.authority if not name else f"{name}:{address.port}"
    return Endpoint(f"{scheme}://{address}", weight, authority, address.host, address.port, known)
