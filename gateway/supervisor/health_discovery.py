"""Where the servers of an upstream are learnt: the addresses of a name, SRV records (RFC 2782), a file.

Whoever asks keeps what was found last when a look-up fails: a server does not go away because a name server did."""

import asyncio
import math
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import dns.asyncresolver
import dns.exception
import dns.resolver
from dns.rdatatype import RdataType
from pydantic import Field, ValidationError

from gateway.config import ConfigError, ServerSettings, Settings, TcpAddress, UpstreamSettings
from gateway.config.document import read
from gateway.config.load import LARGEST_FILE
from gateway.config.shorthand import OneOrMany
from gateway.config.translate import problems_of
from gateway.supervisor.watch import Look, look_at
from gateway.upstream.endpoint import Endpoint, endpoint_at, endpoint_of

LOOK_UP_SECONDS = 5.0
"""How long a look-up may take."""
SHORTEST_SECONDS = 1.0
"""Names are not looked up more often, whatever the time to live of their records is."""
FILE_SECONDS = 1.0
"""Between two looks at a file."""
MAX_SERVERS = 256
"""Servers of one source; further ones are left out."""
MOST_WEIGHT = 1000


class DiscoveryError(Exception):
    """Servers could not be learnt; the text says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a source says now."""

    endpoints: tuple[Endpoint, ...]
    seconds: float
    """For how long."""


class Source(Protocol):
    """Something that names servers."""

    async def find(self) -> Found:
        """Ask it. Raises DiscoveryError."""


def source_of(server: ServerSettings, settings: UpstreamSettings) -> Source:
    """The source that a server of the settings stands for."""
    if server.source == "file":
        return ServerFile(Path(server.url.removeprefix("file:")))
    names = Names(settings)
    return Addresses(server, names) if server.source == "dns" else Services(server, names)


class Names:
    """Looks names up: with name servers of the settings, or as this machine does."""

    def __init__(self, settings: UpstreamSettings) -> None:
        self.longest = settings.dns_refresh
        self._servers = [(server.host, server.port) for server in settings.dns_servers]

    async def addresses(self, name: str, port: int) -> tuple[list[str], float]:
        """The addresses of a name, in a steady order, and for how many seconds."""
        if not self._servers:  # as getaddrinfo has it: with the hosts file, but no time to live
            loop = asyncio.get_running_loop()
            try:
                found = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
            except (OSError, UnicodeError) as error:
                raise DiscoveryError(f"{name} cannot be resolved: {error}") from error
            return sorted({str(entry[4][0]) for entry in found}), self.longest
        answers = await asyncio.gather(
            *(self.records(name, kind) for kind in (RdataType.A, RdataType.AAAA)), return_exceptions=True
        )
        good = [answer for answer in answers if isinstance(answer, dns.resolver.Answer)]
        found_here = sorted({str(record.address) for answer in good for record in answer})
        if found_here:
            return found_here, self.until([answer.rrset.ttl for answer in good if answer.rrset is not None])
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        raise DiscoveryError(f"{name} has no address")

    async def records(self, name: str, kind: RdataType) -> dns.resolver.Answer:
        """The records of a name. Raises DiscoveryError, also when there are none."""
        try:
            resolver = dns.asyncresolver.Resolver(configure=not self._servers)
            if self._servers:
                hosts = await asyncio.gather(*(_address_of(host, port) for host, port in self._servers))
                resolver.nameservers = hosts
                resolver.nameserver_ports = dict(zip(hosts, (port for _, port in self._servers), strict=True))
            return await resolver.resolve(name, kind, lifetime=LOOK_UP_SECONDS, search=not self._servers)
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise DiscoveryError(f"{name} cannot be resolved: {error}") from error

    def until(self, lives: Iterable[int]) -> float:
        """For how many seconds to believe records with these times to live."""
        return max(SHORTEST_SECONDS, min(self.longest, min(lives, default=math.inf)))


async def _address_of(host: str, port: int) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return str(found[0][4][0])


class Addresses:
    """`dns+http://name:port`: each address of the name is a server."""

    def __init__(self, server: ServerSettings, names: Names) -> None:
        self._server = server
        self._names = names

    async def find(self) -> Found:
        """See `Source`."""
        address = self._server.address
        assert isinstance(address, TcpAddress)
        found, seconds = await self._names.addresses(address.host, address.port)
        weight = self._server.weight
        places = [TcpAddress(each, address.port) for each in found[:MAX_SERVERS]]
        return Found(tuple(endpoint_at(self._server, place, weight) for place in places), seconds)


class Services:
    """`srv+http://_http._tcp.name`: each record of the best priority is a server, or several if its target has
    several addresses. Weights are those of the records."""

    def __init__(self, server: ServerSettings, names: Names) -> None:
        self._server = server
        self._names = names

    async def find(self) -> Found:
        """See `Source`."""
        address = self._server.address
        assert isinstance(address, TcpAddress)
        answer = await self._names.records(address.host, RdataType.SRV)
        best = min(record.priority for record in answer)
        records = [record for record in answer if record.priority == best and str(record.target) != "."]
        weights = scaled([record.weight for record in records], self._server.weight)
        endpoints: dict[str, Endpoint] = {}
        lives = [answer.rrset.ttl if answer.rrset is not None else 0]
        for record, weight in zip(records, weights, strict=True):
            target = str(record.target).rstrip(".")
            found, seconds = await self._names.addresses(target, record.port)
            lives.append(int(seconds))
            for each in found:
                endpoint = endpoint_at(self._server, TcpAddress(each, record.port), weight, name=target)
                endpoints.setdefault(endpoint.url, endpoint)
        if not endpoints:
            raise DiscoveryError(f"{address.host} names no server")
        ordered = sorted(endpoints.values(), key=lambda endpoint: endpoint.url)
        return Found(tuple(ordered[:MAX_SERVERS]), self._names.until(lives))


def scaled(weights: list[int], factor: int) -> list[int]:
    """Weights of SRV records (0 to 65535) as weights of servers (1 to 1000), in proportion."""
    most = max(weights, default=0)
    if most == 0:
        return [factor] * len(weights)
    shrink = min(1.0, MOST_WEIGHT / (most * factor))
    return [max(1, round(weight * factor * shrink)) for weight in weights]


class ServerListSettings(Settings):
    """The content of a file of servers."""

    servers: OneOrMany[ServerSettings] = Field(default=())
    """As in the configuration, but no sources."""


class ServerFile:
    """`file:/path`: a YAML file with `servers`, looked at once a second and read when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: Look = None
        self._found: Found | None = None

    async def find(self) -> Found:
        """See `Source`."""
        seen = await asyncio.to_thread(look_at, self._path)
        if seen is None:
            self._seen = None
            raise DiscoveryError(f"{self._path} cannot be read: there is no such file")
        if self._found is None or seen != self._seen:
            self._seen = None  # until it has been read well, it is read again
            self._found = await asyncio.to_thread(read_servers, self._path)
            self._seen = seen
        return self._found


def read_servers(path: Path) -> Found:
    """The servers in a file. Reads it. Raises DiscoveryError with every mistake and its place."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE).decode()
        document = read(text, str(path), {})
    except (OSError, UnicodeError) as error:
        raise DiscoveryError(f"{path} cannot be read: {error}") from error
    except ConfigError as error:
        raise DiscoveryError(str(error)) from error
    data = {} if document.data is None else document.data
    mistakes = list(document.mistakes)
    listed: tuple[ServerSettings, ...] = ()
    try:
        listed = ServerListSettings.model_validate(data).servers
    except ValidationError as error:
        problems = problems_of(error, data, ServerListSettings)
        mistakes += [document.mistake(problem) for problem in problems if not document.is_consequence(problem)]
    if mistakes:
        raise DiscoveryError(str(ConfigError(mistakes)))
    if any(server.source is not None for server in listed):
        raise DiscoveryError(f"{path} names a source of servers and not a server")
    endpoints = {endpoint.url: endpoint for endpoint in map(endpoint_of, listed)}
    return Found(tuple(endpoints.values())[:MAX_SERVERS], FILE_SECONDS)
