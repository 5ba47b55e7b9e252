"""The last handler of every chain: send the request to a server, hand its answer back.

A second attempt is made once, and only when nothing can have happened by the first: no connection came about, or a
kept one died before any octet of an answer and the method may be repeated (RFC 9110 §9.2.2). A budget bounds second
attempts to a share of the requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.chain.deadlines import Deadlines
from gateway.chain.direct import Direct
from gateway.chain.eager import Waiter
from gateway.chain.plugin import Handler
from gateway.chain.runtime import Tasks
from gateway.config.settings import TimeoutSettings, UpstreamSettings
from gateway.errors import GatewayError, UpstreamClosedError, UpstreamConnectError, UpstreamTimeoutError
from gateway.figures import Figures
from gateway.http.body import BodyStream
from gateway.http.message import IDEMPOTENT_METHODS, Request, Response
from gateway.upstream.budget import RetryBudget
from gateway.upstream.direct import DirectWay
from gateway.upstream.endpoint import listed_in
from gateway.upstream.figures import UpstreamFigures
from gateway.upstream.http1 import AWAITING, UpstreamConnection
from gateway.upstream.request_head import request_head
from gateway.upstream.roster import Roster
from gateway.upstream.server import Server

TIMERS_ARE_EARLY = 0.002
"""Seconds by which a timer of the loop may come before its time: uvloop's clock counts whole milliseconds."""


class ExchangeTimeouts:
    """Seconds an exchange may take, copied from the settings."""

    __slots__ = ("first_byte", "idle", "total")

    def __init__(self, first_byte: float, idle: float, total: float) -> None:
        self.first_byte = first_byte
        self.idle = idle
        self.total = total


class Upstream:
    """A group of servers that answer the same requests."""

    def __init__(
        self,
        name: str,
        settings: UpstreamSettings,
        gateway: str,
        deadlines: Deadlines,
        tasks: Tasks,
        figures: Figures,
        before: Upstream | None = None,
    ) -> None:
        """`before` is the upstream of that name with other settings, if there was one: what it has learnt is kept.

        Raises OSError or ssl.SSLError when a TLS file cannot be used."""
        self.name = name
        self.settings = settings
        self.gateway = gateway
        self.figures = UpstreamFigures(figures, name)
        known = None if before is None else before.roster
        self.roster: Roster = Roster(name, settings, deadlines, tasks, self.figures, known)
        self._budget = RetryBudget()
        self._deadlines = deadlines
        deadlines.at_each_sweep.append(self._look)

    def _look(self) -> None:
        servers = self.roster.servers
        idle = sum(server.pool.idle for server in servers)
        self.figures.idle.set(idle)
        self.figures.busy.set(sum(server.pool.size for server in servers) - idle)
        self.roster.sweep()

    def lists(self, listed: Sequence[Sequence[Any]]) -> bool:
        """Whether these are the servers that the settings name, each with its team and its weight."""
        return listed_in(self.settings) == [list(each) for each in listed]

    def urls(self) -> list[str]:
        """The servers there are now."""
        return [server.url for server in self.roster.servers]

    def tell(self, news: Mapping[str, Any], key: bytes) -> None:
        """What the supervisor knows about the servers, and a key that all workers share."""
        self.roster.sign_with(key)
        self.roster.tell(news)

    def handler(self, settings: TimeoutSettings) -> Handler:
        """The handler for a route with these time-outs."""
        return self.ways(settings)[0]

    def ways(self, settings: TimeoutSettings) -> tuple[Handler, Direct]:
        """The handler for a route with these time-outs, and the direct way for one without plugins."""
        timeouts = ExchangeTimeouts(settings.first_byte, settings.idle, settings.total)
        total, roster, budget = timeouts.total, self.roster, self._budget
        gateway, figures, may_retry = self.gateway, self.figures, self.settings.retry
        row, answered = figures.row, figures.answered.cell
        policy = self.settings.host
        host = None if policy in ("keep", "upstream") else policy.encode()

        def head_for(request: Request, server: Server) -> bytes:
            return request_head(request, server.authority if policy == "upstream" else host, server.authority, gateway)

        def failed(error: GatewayError, request: Request, server: Server, begun: float) -> float:
            """Count a failed attempt; the wait for it was the upstream's time, too. Returns when it ended."""
            figures.failed(error.reason)
            error.server = server.url
            now = time.monotonic()
            request.upstream_wait += now - begun
            roster.failed(server, request, error, now - begun, now)
            return now

        def may_repeat(
            error: GatewayError, request: Request, server: Server, connection: UpstreamConnection | None
        ) -> bool:
            """Whether a second attempt may be made after the first one failed; counts it."""
            if request.once:
                return False
            if isinstance(error, UpstreamConnectError):  # nothing was sent: another server may do
                if not roster.has_another(server, request) or not budget.spend():
                    return False
            elif isinstance(error, UpstreamClosedError) and may_retry:
                safe = request.method in IDEMPOTENT_METHODS and not isinstance(request.body, BodyStream)
                dead = connection is not None and connection.died_unused
                if not safe or not dead or not budget.spend():
                    return False
                server.pool.drop_idle()  # a server that closed one has probably closed all
            else:
                return False
            figures.retries.inc()
            return True

        async def forward(request: Request, again_until: float | None = None) -> Response:
            """`again_until`: by when a second attempt must end, the first having been made by somebody else."""
            begun = time.monotonic()
            until = begun + total if again_until is None else again_until
            deadline = request.deadline
            if deadline is not None and deadline < until:
                until = deadline
                if deadline <= begun:
                    raise UpstreamTimeoutError("the request's deadline has passed")
            if again_until is None:
                budget.requests += 1
                server, retried = roster.only or roster.choose(request, begun, request.avoid), False
            else:
                server, retried = roster.choose(request, begun, request.avoid | {request.served_by}), True
            while True:
                server.pending += 1
                request.served_by = server.url
                pool = server.pool
                connection = None if retried else pool.take()
                try:
                    if connection is None:
                        connection = await pool.acquire(until)
                        now = time.monotonic()
                        request.upstream_wait += now - begun
                        begun = now
                    waiter: Waiter[Response] = Waiter()
                    try:
                        connection.begin(request, head_for(request, server), timeouts, begun, until, waiter)
                        response = await (waiter if deadline is None else by(deadline, waiter, connection))
                    except BaseException:
                        connection.abandon(request)
                        raise
                    row[answered] += 1.0
                    if response.upgraded is not None:
                        roster.upgraded(server, request, response)
                    if roster.is_watched:
                        now = time.monotonic()
                        roster.answered(server, request, response, now - begun, now)
                    return response
                except GatewayError as error:
                    begun = failed(error, request, server, begun)
                    if retried or not may_repeat(error, request, server, connection):
                        raise
                    request.made_good = error.with_traceback(None)
                finally:
                    server.pending -= 1
                retried = True
                server = roster.choose(request, begun, request.avoid | {server.url})

        return forward, DirectWay(roster, timeouts, budget, figures, head_for, failed, may_repeat, forward).begin

    def status(self) -> dict[str, Any]:
        """For /api/status."""
        return self.roster.status()

    def retire(self) -> None:
        """Close what is idle now and the rest with its exchange."""
        for server in self.roster.servers:
            server.pool.retire()
        if self._look in self._deadlines.at_each_sweep:
            self._deadlines.at_each_sweep.remove(self._look)


async def by(deadline: float, waiter: Waiter[Response], connection: UpstreamConnection) -> Response:
    """What `waiter` waits for; UpstreamTimeoutError when no head of an answer has come by `deadline`, in monotonic
    seconds, and not before. A timer of its own, since a deadline may be nearer than the sweep is."""

    def overdue() -> None:
        if connection.state == AWAITING:
            waiter.set_exception(UpstreamTimeoutError("the upstream did not answer before the request's deadline"))

    delay = max(0.0, deadline - time.monotonic())
    timer = asyncio.get_running_loop().call_later(delay + TIMERS_ARE_EARLY, overdue)
    try:
        return await waiter
    finally:
        timer.cancel()
