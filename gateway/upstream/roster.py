"""The servers of one upstream in this worker: which there are, how they stand, which one gets a request.

Everything that changes who may be chosen is in this file; the rules are those of `group`, `balancer` and `ejection`."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Mapping
from os import urandom
from typing import Any

import structlog

from gateway.chain.deadlines import Deadlines
from gateway.chain.runtime import Tasks
from gateway.config.health import LagSettings
from gateway.config.settings import ServerSettings, UpstreamSettings
from gateway.config.units import parse_duration
from gateway.errors import Fault, GatewayError, NoServerError, UpstreamConnectError
from gateway.http.message import SAFE_METHODS, Request, Response, WallTime
from gateway.upstream.balancer import Balancer, ByKey, LeastLatency, LeastPending, Turns
from gateway.upstream.ejection import Ejection, EjectionReason, Outcome, outcome_of
from gateway.upstream.endpoint import Endpoint, endpoint_of
from gateway.upstream.figures import UpstreamFigures
from gateway.upstream.group import Group, GroupRules
from gateway.upstream.keys import KeyOf, key_of
from gateway.upstream.latency import PeakAverage
from gateway.upstream.member import LONG_AGO, Memory
from gateway.upstream.server import Server, upstream_context
from gateway.upstream.sticky import Sticky
from gateway.upstream.upgrade import stay_counted
from gateway.upstream.wrote import WroteMark

PATIENCE_SECONDS = 1.0
"""A server that had less time than this until the request's own deadline proved nothing: a client may choose it."""
REST_SECONDS = 1.0
"""How long a server that gave no connection is left out: a dead one costs a request a second, not every other one."""


def balancer_of(settings: UpstreamSettings) -> Balancer:
    """The way to choose that the settings ask for."""
    match settings.balance:
        case "round_robin":
            return Turns()
        case "ewma":
            return LeastLatency()
        case "hash" if settings.hash is not None:
            return ByKey(settings.hash.load)
    return LeastPending()


class Team:
    """Either the servers or the replicas: a group of them, and who judges them."""

    def __init__(
        self, settings: UpstreamSettings, *, panic: float, now: float, upgrades: Balancer | None = None
    ) -> None:
        self.group = Group(balancer_of(settings), GroupRules(panic, settings.slow_start or 0.0), upgrades)
        self.ejection = None if settings.ejection is None else Ejection(settings.ejection, now)
        self.servers: dict[str, Server] = {}
        """By URL."""


class Roster:
    """Chooses servers and learns from what becomes of it."""

    def __init__(
        self,
        name: str,
        settings: UpstreamSettings,
        deadlines: Deadlines,
        tasks: Tasks,
        figures: UpstreamFigures,
        before: Roster | None = None,
    ) -> None:
        """`before` is the roster that this one takes the place of; what it has learnt about servers that stay is kept.

        Raises OSError or ssl.SSLError when a TLS file cannot be used."""
        now = time.monotonic()
        self._name = name
        self._settings = settings
        self._around = deadlines, tasks
        self._figures = figures
        self._before: dict[str, Memory] = {} if before is None else before.memories()
        self._log = structlog.get_logger("slipstream.upstream").bind(upstream=name)
        listed = (*settings.servers, *settings.replicas)
        may_need_tls = any(server.is_tls or server.source == "file" for server in listed)
        self._tls: ssl.SSLContext | None = upstream_context(settings.tls) if may_need_tls else None
        self._key_of: KeyOf | None = key_of(settings.hash) if settings.hash is not None else None
        self._sticky = Sticky(name, settings, self._key_of)
        self.primary = Team(settings, panic=settings.panic, now=now, upgrades=self._sticky.balancer)
        self.replicas = Team(settings, panic=0.0, now=now) if settings.replicas else None
        self.only: Server | None = None
        """The server, when there is just one and it may be used: then nothing is chosen and nothing judged."""
        self.is_watched = False
        """Whether what becomes of requests matters to the choice."""
        self._mark: WroteMark | None = None
        self._lag: LagSettings | None = settings.lag
        self._lag_field = settings.lag.header.lower().encode() if settings.lag is not None else b""
        self._is_told = False
        self.sign_with(urandom(32))
        self._have(self.primary, _named_outright(settings.servers), now)
        if self.replicas is not None:
            self._have(self.replicas, _named_outright(settings.replicas), now)
        self._settle()

    # --- who there is -----------------------------------------------------------------------------

    @property
    def servers(self) -> list[Server]:
        """All of them, replicas last."""
        replicas = self.replicas.servers.values() if self.replicas is not None else ()
        return [*self.primary.servers.values(), *replicas]

    def memories(self) -> dict[str, Memory]:
        """What was learnt about each server, by URL."""
        return {server.url: server.memory for server in self.servers}

    def tell(self, news: Mapping[str, Any]) -> None:
        """What the supervisor knows: `servers` and `replicas` as lists of endpoints.

        A server that is new from the second time on warms up; those of the first were there before this worker."""
        now = time.monotonic()
        self._have(self.primary, map(Endpoint.from_message, news["servers"]), now)
        if self.replicas is not None:
            self._have(self.replicas, map(Endpoint.from_message, news["replicas"]), now)
        self._is_told = True
        self._settle()

    def sign_with(self, key: bytes) -> None:
        """Sign with `key` for clients that wrote, unless the settings have a key."""
        wrote = self._settings.read_your_writes
        if wrote is not None:
            own = wrote.key.get_secret_value().encode() if wrote.key is not None else key
            self._mark = WroteMark(self._name, own, wrote.window, wrote.cookie, wrote.header)

    def _have(self, team: Team, endpoints: Iterable[Endpoint], now: float) -> None:
        kept: dict[str, Server] = {}
        for endpoint in endpoints:
            server = team.servers.get(endpoint.url)
            if server is None or server.endpoint.place() != endpoint.place():
                server = self._server(endpoint)
                if self._is_told and endpoint.url not in self._before:
                    server.warming_since = now
            elif endpoint.is_healthy and not server.is_healthy:
                server.warming_since = now
                server.resting_until = LONG_AGO
                server.memory.average = PeakAverage()
            self._take_over(server, endpoint)
            kept[endpoint.url] = server
        gone = [server for url, server in team.servers.items() if kept.get(url) is not server]
        team.servers = kept
        team.group.have(tuple(kept.values()), now)
        for server in gone:
            server.pool.retire()
            if server.url not in kept:
                server.figures.gone()

    def _server(self, endpoint: Endpoint) -> Server:
        server = Server(endpoint, self._settings, self._tls, *self._around, self._figures)
        server.memory = self._before.get(endpoint.url) or server.memory
        return server

    def _take_over(self, server: Server, endpoint: Endpoint) -> None:
        if endpoint.is_draining and not server.is_draining:
            server.pool.drop_idle()
        server.weight = endpoint.weight
        server.is_healthy = endpoint.is_healthy
        server.is_draining = endpoint.is_draining
        server.is_lagging = endpoint.is_lagging

    def _settle(self) -> None:
        """What follows from who there is."""
        servers = self.servers
        self.only = None
        if len(servers) == 1 and self.replicas is None and self.primary.group.able:
            self.only = servers[0]
        self.is_watched = self.only is None and (
            self.replicas is not None or self._settings.ejection is not None or self._settings.balance == "ewma"
        )

    # --- the choice -------------------------------------------------------------------------------

    def choose(self, request: Request, now: float, avoid: frozenset[str]) -> Server:
        """Who gets the request. Raises NoServerError."""
        only = self.only
        if only is not None:
            return only
        if request.upgrade is not None:
            return self._choose_for_upgrade(request, now, avoid)
        key = self._key_of(request) if self._key_of is not None else None
        if self.replicas is not None and request.method in SAFE_METHODS:
            mark = self._mark
            if mark is None or not mark.is_on(request, _wall()):
                chosen = self.replicas.group.choose(now, key, avoid)
                if chosen is not None and (chosen.url not in avoid or not self.primary.group.able):
                    return self.replicas.servers[chosen.url]
        chosen = self.primary.group.choose(now, key, avoid)
        if chosen is None:
            raise self._nobody()
        return self.primary.servers[chosen.url]

    def _choose_for_upgrade(self, request: Request, now: float, avoid: frozenset[str]) -> Server:
        """Who gets an upgrade: never a replica, for nobody knows what will be said. Raises NoServerError."""
        find = self._sticky.key_of
        key = find(request) if find is not None else None
        chosen = self.primary.group.choose(now, key, avoid, is_upgrade=True)
        if chosen is None:
            raise self._nobody()
        return self.primary.servers[chosen.url]

    def has_another(self, server: Server, request: Request) -> bool:
        """Whether a request that this server failed may be sent to another one."""
        may_read = request.method in SAFE_METHODS and request.upgrade is None
        may = self.servers if may_read else self.primary.servers.values()
        return any(each.is_able and each is not server for each in may)

    def _nobody(self) -> NoServerError:
        self._figures.failed(NoServerError.reason)
        members = self.primary.group.members
        if not members:
            return NoServerError(f"upstream {self._name} has no server yet")
        if all(member.is_draining for member in members):
            return NoServerError(f"every server of upstream {self._name} is drained")
        return NoServerError(f"no server of upstream {self._name} is healthy")

    # --- what became of it ------------------------------------------------------------------------

    def upgraded(self, server: Server, request: Request, response: Response) -> None:
        """A server agreed to an upgrade: it counts as long as it lasts, and its client may come back."""
        stay_counted(server.memory, response.upgraded)
        if self._sticky.cookie is not None and self.only is None:
            self._sticky.cookie.put(request, response, server.url)

    def answered(self, server: Server, request: Request, response: Response, seconds: float, now: float) -> None:
        """A server answered after `seconds`."""
        outcome = outcome_of(response.status)
        if outcome is Outcome.FAILURE:
            server.memory.average.failed(seconds, now)
        else:
            server.memory.average.observe(seconds, now)
        self._judge(server, outcome, now)
        if self.replicas is None:
            return
        if self._lag is not None and server.url in self.replicas.servers:
            self._hear_lag(server, response, now)
        if self._mark is not None and request.method not in SAFE_METHODS and response.status < 400:
            self._mark.put(request, response, _wall())

    def failed(self, server: Server, request: Request, error: GatewayError, seconds: float, now: float) -> None:
        """A server gave no usable answer within `seconds`."""
        hurried = request.deadline is not None and now >= request.deadline and seconds < PATIENCE_SECONDS
        if hurried or error.fault is not Fault.UPSTREAM:
            return  # a limit of ours, or so short a deadline that it proves nothing
        if isinstance(error, UpstreamConnectError):
            server.resting_until = now + REST_SECONDS
            self._team(server).group.look(now)
        if self.is_watched:
            server.memory.average.failed(seconds, now)
            self._judge(server, Outcome.FAILURE, now)

    def _team(self, server: Server) -> Team:
        if self.replicas is not None and self.replicas.servers.get(server.url) is server:
            return self.replicas
        return self.primary

    def _judge(self, server: Server, outcome: Outcome, now: float) -> None:
        team = self._team(server)
        if team.ejection is not None:
            reason = team.ejection.note(server.memory.record, outcome)
            if reason is not None:
                self._eject(team, server, reason, now)

    def _eject(self, team: Team, server: Server, reason: EjectionReason, now: float) -> None:
        if team.ejection is None or team.servers.get(server.url) is not server:
            return
        records = [each.memory.record for each in team.servers.values()]
        seconds = team.ejection.eject(server.memory.record, records, now)
        if seconds is not None:
            server.figures.count_ejection(reason.value)
            self._log.warning("server is left out", server=server.url, reason=reason.value, seconds=round(seconds, 3))
            team.group.look(now)

    def _hear_lag(self, server: Server, response: Response, now: float) -> None:
        lag = self._lag
        said = response.fields.get(self._lag_field)
        if lag is None or said is None:
            return
        seconds = lag_seconds(said)
        if seconds is not None and seconds > lag.most:
            server.lagging_until = now + lag.retry
            self._team(server).group.look(now)

    # --- what is shown ----------------------------------------------------------------------------

    def sweep(self) -> None:
        """Compare successes and show figures; called now and then."""
        now = time.monotonic()
        panicking = False
        for team in (self.primary, self.replicas):
            if team is None:
                continue
            if team.ejection is not None and self.is_watched:
                by_record = {id(each.memory.record): each for each in team.servers.values()}
                for record in team.ejection.outliers([each.memory.record for each in team.servers.values()], now):
                    self._eject(team, by_record[id(record)], EjectionReason.DEVIATION, now)
            team.group.look(now)
            panicking = panicking or team.group.is_panicking
            for server in team.servers.values():
                server.figures.ejected.set(server.memory.record.ejected_until > now)
                server.figures.weight.set(server.share if server.is_able else 0)
                server.figures.pending.set(server.pending)
                server.figures.upgraded.set(server.memory.upgraded)
        if panicking != bool(self._figures.row[self._figures.panic.cell]):
            told = self._log.warning if panicking else self._log.info
            told("too few good servers: all are used" if panicking else "enough good servers again")
        self._figures.panic.set(panicking)

    def status(self) -> dict[str, Any]:
        """For /api/status: what this worker thinks of each server, by URL."""
        now = time.monotonic()
        shown: dict[str, Any] = {}
        for server in self.servers:
            record = server.memory.record
            shown[server.url] = {
                "pending": server.pending,
                "upgraded": server.memory.upgraded,
                "connections": server.pool.size,
                "idle": server.pool.idle,
                "used": server.is_able,
                "weight": round(server.share, 3),
                "ejected_seconds": round(max(0.0, record.ejected_until - now), 3),
                "average_seconds": round(server.memory.average.at(now), 6),
            }
        return shown


def _wall() -> WallTime:
    return WallTime(time.time())


def _named_outright(servers: Iterable[ServerSettings]) -> Iterable[Endpoint]:
    return [endpoint_of(server) for server in servers if server.source is None]


def lag_seconds(value: bytes) -> float | None:
    """How far behind a replica says it is: a number of seconds, or with a unit; `None` for anything else."""
    text = value.decode("latin-1").strip()
    try:
        return float(text) if text.replace(".", "", 1).isdecimal() else parse_duration(text)
    except ValueError:
        return None
