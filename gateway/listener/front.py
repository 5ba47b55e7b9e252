"""What all downstream connections of a worker share: limits, the router, figures, the log."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from gateway.chain.deadlines import Deadlines
from gateway.chain.direct import Direct
from gateway.chain.plugin import AtOnce, Handler
from gateway.chain.runtime import Clock
from gateway.http.dates import DateCache
from gateway.http.message import Request
from gateway.http.request_head import RequestHeads
from gateway.listener.figures import ListenerFigures, RouteFigures
from gateway.listener.replay import ReplayLane
from gateway.websocket.connections import Connections

if TYPE_CHECKING:
    from gateway.listener.http1 import Http1Connection

Network = IPv4Network | IPv6Network


class Route(Protocol):
    """What the listener needs of a compiled route."""

    name: str
    handler: Handler
    may_replay: bool
    at_once: AtOnce | None
    direct: Direct | None
    figures: RouteFigures


Router = Callable[[Request], Route | None]


class RecordSink(Protocol):
    """Where records of the access log go."""

    enabled: bool

    def write(self, record: dict[str, Any], /) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings' limits as the road reads them. Octets and seconds."""

    head: int
    target: int
    body: int
    chunk_overhead: int
    head_timeout: float
    body_idle_timeout: float
    keep_alive_timeout: float
    write_timeout: float
    pipelined: int
    requests_per_connection: int
    connections: int
    connections_per_address: int
    tunnel_idle_timeout: float
    tunnel_join: float | None


_SWEEPS_BETWEEN = 20
"""The lane is looked through for what is gone once in so many sweeps: it is not given again anyway."""


class Front:
    """Shared state of a worker's downstream side. A reload changes limits, heads, router, name, `trusted`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        deadlines: Deadlines,
        figures: ListenerFigures,
        access_log: RecordSink | None,
        lane: ReplayLane,
    ) -> None:
        self.loop = loop
        self.clock = clock
        self.deadlines = deadlines
        self.figures = figures
        self.access_log = access_log
        self.log = structlog.get_logger("slipstream.listener")
        self.dates = DateCache()
        self.limits: Limits
        self.router: Router
        self.heads: RequestHeads
        self.lane = lane
        self.name = "slipstream"
        self.trusted: tuple[Network, ...] = ()
        self.connections: set[Http1Connection] = set()
        self.tunnels = Connections(loop, deadlines, figures.all)
        """Upgraded connections, tunnels or not."""
        self.by_address: Counter[str] = Counter()
        self.occupied = 0
        """Downstream connections, tunnels and TLS handshakes included."""
        self.draining = False
        self._shown = 0
        self.room: Callable[[], None] = lambda: None
        """Called when a connection ends, so that accepting may go on."""

    def show(self) -> None:
        """Set the gauges; called now and then, so that requests need not."""
        self.figures.in_flight.set(self.busy)
        self.figures.connections.set(self.occupied)
        self.lane.tally()
        self.figures.tally()
        self._shown += 1
        if self._shown % _SWEEPS_BETWEEN == 0:
            self.lane.sweep()

    def is_trusted(self, address: str) -> bool:
        """Whether the peer's forwarding fields are believed (RFC 7239 §8.1). Unix sockets count as this machine."""
        if not self.trusted:
            return False
        try:
            ip = ip_address("127.0.0.1" if address == "unix" else address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(ip, "ipv4_mapped", None)
        return any((mapped or ip) in network for network in self.trusted)

    @property
    def busy(self) -> int:
        """Connections with an exchange under way, tunnels included."""
        return sum(connection.is_busy for connection in self.connections) + len(self.tunnels)
