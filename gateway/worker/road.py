"""The road of one worker, wired: listeners, chains, upstreams. The only place where the parts meet.

A reload prepares a new road beside the old one and then swaps routers: requests under way finish on the old
chain, the next ones take the new. Upstreams whose settings did not change keep their connections."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from gateway.chain.compile import ChainError, CompiledRoute, build_chain, close_plugins, compile_takes, make_router
from gateway.chain.deadlines import Deadlines
from gateway.chain.plugin import Handler, Plugin
from gateway.chain.runtime import Lasting, Runtime, SystemClock, Tasks
from gateway.config import Configuration
from gateway.config.settings import GatewaySettings, ListenSettings, TimeoutSettings
from gateway.errors import NoRouteError
from gateway.figures import Figures
from gateway.http.message import Request, Response
from gateway.http.request_head import HeadLimits, RequestHeads
from gateway.listener.figures import ListenerFigures, RouteFigures
from gateway.listener.front import Front, Limits, RecordSink
from gateway.listener.replay import ReplayLane
from gateway.listener.server import Acceptor, Listening
from gateway.listener.tls import server_context
from gateway.tls import fault_of
from gateway.upstream.forward import Upstream
from gateway.websocket.desk import ConnectionDesk
from gateway.worker.answering import ChainControl, Switchboard
from gateway.worker.explain import explained, read_question
from gateway.worker.servers import ServerNews
from gateway.worker.stores import Stores
from gateway.worker.warming import Warmer

NO_LIMIT = 1 << 62
UPGRADES = frozenset({b"websocket"})
"""Protocols a client may change to. Others, h2c above all, are not offered to origins (RFC 9110 §7.8)."""
_SETTLE_SECONDS = 0.25
_SETTLE_TIMES = 480


@dataclass(slots=True)
class Prepared:
    """A configuration compiled and ready to take over."""

    configuration: Configuration
    routes: list[CompiledRoute[RouteFigures]]
    upstreams: dict[str, Upstream]
    contexts: list[ssl.SSLContext | None]
    control: ChainControl | None
    """What its plugins answer the supervisor; `None` without a supervisor."""
    stores: Stores


class Road:
    """Everything a request passes in this worker."""

    def __init__(self, figures: Figures, channel: Switchboard | None, access_log: RecordSink | None) -> None:
        loop = asyncio.get_running_loop()
        self._figures = figures
        self._control = channel
        self._clock = SystemClock()
        self._log = structlog.get_logger("slipstream.road")
        self._tasks = Tasks(self._log)
        self._lasting = Lasting()
        self._deadlines = Deadlines(loop)
        self._front = Front(
            loop, self._clock, self._deadlines, ListenerFigures(figures), access_log, ReplayLane(figures)
        )
        self._front.room = self._resume_accepting
        self._deadlines.at_each_sweep.append(self._front.show)
        self._current: Prepared | None = None
        self._acceptors: list[Acceptor] = []
        self._accepting = False
        self._servers = ServerNews(channel)
        self._warmer = Warmer(self._front, self._clock, figures, self._upstream_of, self._dispatch)
        if channel is not None:
            channel.on("explain", self._explain)
            channel.on("worker_ended", lambda message: self._stores.sibling_ended())
            desk = ConnectionDesk(self._front.tunnels)
            channel.on("connections", desk.list)
            channel.on("close_connection", desk.close)
            self._warmer.listen(channel)

    # --- configurations ----------------------------------------------------------------------

    async def prepare(self, configuration: Configuration) -> Prepared:
        """Compile a configuration; changes nothing. Raises ChainError with words for the user."""
        settings = configuration.settings
        contexts = [self._context(listen) for listen in settings.listen]
        upstreams: dict[str, Upstream] = {}
        routes: list[CompiledRoute[RouteFigures]] = []
        control = None if self._control is None else ChainControl(self._control)
        stores = Stores()
        try:
            hand = None if self._control is None else self._control.hand
            await stores.prepare(settings, self._figures, hand, self._stores)
            self._add_upstreams(upstreams, settings)
            await self._servers.ask()
            self._servers.tell(upstreams)
            for plan in configuration.routes:
                forward = forwarding(upstreams, plan.timeouts)
                runtime = self._runtime(plan.name, upstreams[plan.upstream], settings, control, forward, stores)
                innermost, direct = upstreams[plan.upstream].ways(plan.timeouts)
                handler, plugins = await build_chain(plan.name, plan.plugins, innermost, runtime)
                figures = RouteFigures(self._figures, plan.name, self._front.figures.lately)
                routes.append(CompiledRoute(plan.name, compile_takes(plan), handler, plugins, figures, direct))
        except BaseException:  # cancelled as well: nothing of it may stay
            self._retire_unused(upstreams)
            await self._close_routes(routes, settings)
            await stores.close(self._stores)
            raise
        return Prepared(configuration, routes, upstreams, contexts, control, stores)

    @property
    def _stores(self) -> Stores:
        """Those in use."""
        return Stores() if self._current is None else self._current.stores

    def _context(self, listen: ListenSettings) -> ssl.SSLContext | None:
        if listen.tls is None:
            return None
        try:
            return server_context(listen.tls.certificate, listen.tls.key)
        except (OSError, ssl.SSLError) as error:
            files = (listen.tls.certificate, listen.tls.key)
            raise ChainError(f"listen {listen.address}: tls: {fault_of(error, files)}") from error

    def _add_upstreams(self, upstreams: dict[str, Upstream], settings: GatewaySettings) -> None:
        before = self._current.upstreams if self._current is not None else {}
        for name, wanted in settings.upstreams.items():
            known = before.get(name)
            if known is not None and known.settings == wanted and known.gateway == settings.name:
                upstreams[name] = known
                continue
            try:
                upstreams[name] = Upstream(
                    name, wanted, settings.name, self._deadlines, self._tasks, self._figures, known
                )
            except (OSError, ssl.SSLError) as error:
                files = (wanted.tls.ca, wanted.tls.certificate, wanted.tls.key)
                raise ChainError(f"upstream {name}: tls: {fault_of(error, files)}") from error

    def _retire_unused(self, upstreams: dict[str, Upstream]) -> None:
        current = self._current.upstreams if self._current is not None else {}
        for name, upstream in upstreams.items():
            if current.get(name) is not upstream:
                upstream.retire()

    def _runtime(
        self,
        route: str,
        upstream: Upstream | None,
        settings: GatewaySettings,
        control: ChainControl | None = None,
        forward: Callable[[str], Handler] | None = None,
        stores: Stores | None = None,
    ) -> Runtime:
        stores = stores or Stores()
        return Runtime(
            route=route,
            upstream="" if upstream is None else upstream.name,
            name=settings.name,
            clock=self._clock,
            tasks=self._tasks,
            figures=self._figures,
            log=structlog.get_logger("slipstream.plugin").bind(route=route),
            control=control,
            lasting=self._lasting,
            forward=forward,
            dispatch=self._dispatch,
            servers=None if upstream is None else upstream.urls,
            workers=settings.worker_count(len(os.sched_getaffinity(0))),
            tiers=stores.tiers,
            redis=stores.redis,
            sharing=stores.sharing,
            at_each_sweep=self._deadlines.at_each_sweep,
        )

    async def _dispatch(self, request: Request) -> Response:
        """Answer a request that a plugin made."""
        route = self._front.router(request)
        if route is None:
            raise NoRouteError("no route of this gateway matches the request")
        request.route = route.name
        return await route.handler(request)

    async def commit(self, prepared: Prepared) -> None:
        """Let requests take the new road from here on."""
        before, self._current = self._current, prepared
        settings = prepared.configuration.settings
        front = self._front
        front.limits = limits_of(settings)
        own = settings.limits
        front.heads = RequestHeads(HeadLimits(own.target, own.field, own.fields), UPGRADES)
        front.lane.configure(lane_memory(settings), ignored_fields(prepared.configuration))
        front.name = settings.name
        front.trusted = settings.trusted_proxies
        front.router = make_router(prepared.routes)
        self._servers.upstreams = prepared.upstreams
        self._servers.tell(prepared.upstreams)
        self._deadlines.adapt(shortest_timeout(settings))
        self._deadlines.start()
        if prepared.control is not None:
            prepared.control.take_over(before.control if before is not None else None)
        for acceptor, context in zip(self._acceptors, prepared.contexts, strict=False):
            acceptor.use_tls(context)
        if before is not None:
            self._tasks.spawn(self._retire(before), name="road.retire")
        await prepared.stores.begin()

    async def _retire(self, old: Prepared) -> None:
        """Close what only the old road used, once the last request is off it."""
        self._retire_unused(old.upstreams)
        under_way = {connection.exchange for connection in self._front.connections if connection.exchange is not None}
        warming = set(self._warmer.under_way)
        try:
            for _ in range(_SETTLE_TIMES):
                under_way &= {connection.exchange for connection in self._front.connections}
                warming &= self._warmer.under_way
                if not under_way and not warming:
                    break
                await asyncio.sleep(_SETTLE_SECONDS)
        finally:
            await self._close_routes(old.routes, old.configuration.settings)
            await old.stores.close(self._stores)

    async def discard(self, prepared: Prepared) -> None:
        """Let go of what was prepared and will not be used."""
        self._retire_unused(prepared.upstreams)
        await self._close_routes(prepared.routes, prepared.configuration.settings)
        await prepared.stores.close(self._stores)

    async def _close_routes(self, routes: Sequence[CompiledRoute[RouteFigures]], settings: GatewaySettings) -> None:
        for route in routes:
            plugins: Sequence[Plugin] = route.plugins
            await close_plugins(plugins, self._runtime(route.name, None, settings))

    async def reload_certificates(self) -> list[str]:
        """Read TLS files again, on a scratch context first; what is wrong with them. Bad files change nothing."""
        if self._current is None:
            return []
        errors: list[str] = []
        listens = self._current.configuration.settings.listen
        for acceptor, listen in zip(self._acceptors, listens, strict=False):
            try:
                acceptor.use_tls(self._context(listen))
            except ChainError as error:
                errors.append(str(error))
        return errors

    # --- connections ---------------------------------------------------------------------------

    def serve(self, sockets: Sequence[socket.socket]) -> None:
        """Begin to accept connections: one socket for each entry of `listen`, in its order."""
        if self._current is None:
            raise RuntimeError("the road has no configuration yet")
        listens = self._current.configuration.settings.listen
        for listening, listen, context in zip(sockets, listens, self._current.contexts, strict=True):
            listening.setblocking(False)
            self._acceptors.append(Acceptor(self._front, Listening(listening, context, listen.proxy_protocol)))
        self._accepting = True
        self._resume_accepting()

    def _resume_accepting(self) -> None:
        front = self._front
        if self._accepting and front.occupied < front.limits.connections:
            for acceptor in self._acceptors:
                acceptor.start()

    def stop_accepting(self) -> None:
        """Accept no more connections, and close each one with the answer it waits for."""
        self._accepting = False
        for acceptor in self._acceptors:
            acceptor.close()
        self._front.draining = True
        for connection in list(self._front.connections):
            connection.drain()

    async def drain(self, timeout: float) -> int:
        """Let running exchanges end for `timeout` seconds; how many were cut."""
        front = self._front
        until = self._clock.monotonic() + timeout
        leaving = self._tasks.spawn(front.tunnels.drain(timeout), name="road.drain")
        while self._clock.monotonic() < until:
            if not front.connections and not front.tunnels:
                break
            await asyncio.sleep(0.02)
        leaving.cancel()
        cut = front.busy
        for connection in list(front.connections):
            connection.abort()
        for tunnel in list(front.tunnels):
            tunnel.abort()
        return cut

    async def close(self) -> None:
        """Let go of everything."""
        self.stop_accepting()
        self._deadlines.close()
        self._front.show()
        current, self._current = self._current, None
        if current is not None:
            await self._close_routes(current.routes, current.configuration.settings)
            for upstream in current.upstreams.values():
                upstream.retire()
        await self._tasks.close()
        if current is not None:
            await current.stores.close(Stores())

    def status(self) -> dict[str, object]:
        """For /api/status; JSON."""
        front = self._front
        upstreams: dict[str, Any] = {}
        if self._current is not None:
            upstreams = {name: upstream.status() for name, upstream in self._current.upstreams.items()}
        return {
            "connections": front.occupied,
            "in_flight": front.busy,
            "tunnels": len(front.tunnels),
            "draining": front.draining,
            "upstreams": upstreams,
        }

    def _upstream_of(self, route: str) -> str:
        """The name of the upstream that a route in use leads to."""
        routes = () if self._current is None else self._current.configuration.routes
        return next((plan.upstream for plan in routes if plan.name == route), "")

    async def _explain(self, message: dict[str, Any]) -> dict[str, Any]:
        """Answer what would happen to a request now."""
        if self._current is None:
            raise RuntimeError("the road has no configuration yet")
        request = read_question(message, self._front.heads)
        route = self._front.router(request)
        for plan, compiled in zip(self._current.configuration.routes, self._current.routes, strict=True):
            if compiled is route:
                return explained(request, plan, compiled.plugins)
        return explained(request, None, ())


def forwarding(upstreams: Mapping[str, Upstream], timeouts: TimeoutSettings) -> Callable[[str], Handler]:
    """The function that gives the last handler of the road to an upstream, for a route with these time-outs."""
    return lambda name: upstreams[name].handler(timeouts)


def limits_of(settings: GatewaySettings) -> Limits:
    """The limits as the road reads them."""
    own = settings.limits
    return Limits(
        head=own.head,
        target=own.target,
        body=NO_LIMIT if own.body is None else own.body,
        chunk_overhead=own.chunk_overhead,
        head_timeout=own.head_timeout,
        body_idle_timeout=own.body_idle_timeout,
        keep_alive_timeout=own.keep_alive_timeout,
        write_timeout=own.write_timeout,
        pipelined=own.pipelined,
        requests_per_connection=own.requests_per_connection,
        connections=own.connections,
        connections_per_address=own.connections_per_address,
        tunnel_idle_timeout=own.tunnel_idle_timeout,
        tunnel_join=own.tunnel_join,
    )


def shortest_timeout(settings: GatewaySettings) -> float:
    """The shortest time-out that the sweep has to keep, in seconds."""
    own = settings.limits
    times = [own.head_timeout, own.body_idle_timeout, own.keep_alive_timeout, own.write_timeout]
    for upstream in settings.upstreams.values():
        timeouts = upstream.timeouts
        times += [timeouts.first_byte, timeouts.idle, timeouts.total, upstream.pool.idle]
    return min(times)


def lane_memory(settings: GatewaySettings) -> int:
    """Octets for the replay lane. None with an access log, which wants to hear of each request: where the lane is off,
    answers that need no wait take the short way of their chain."""
    return (settings.replay.memory or 0) if settings.access_log is None else 0


def ignored_fields(configuration: Configuration) -> list[str]:
    """The fields that the replay lane may ignore: those of the settings, but for what a route is chosen by."""
    chosen_by = {name.lower() for plan in configuration.routes for name in plan.match.header}
    return [name for name in configuration.settings.replay.ignore if name.lower() not in chosen_by]
