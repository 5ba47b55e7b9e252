"""The last handler of every chain: send the request to a server, hand its answer back.

A second attempt is made once, and only when nothing can have happened by the first: no connection came about, or a
kept one died before any octet of an answer and the method may be repeated (RFC 9110 §9.2.2). A budget bounds second
attempts to a share of the requests."""

from __future__ import annotations

import time
from typing import Any

from gateway.chain.deadlines import Deadlines
from gateway.chain.plugin import Handler
from gateway.chain.runtime import Tasks
from gateway.config.settings import TimeoutSettings, UpstreamSettings
from gateway.errors import GatewayError, UpstreamClosedError, UpstreamConnectError
from gateway.figures import Figures
from gateway.http.body import BodyStream
from gateway.http.message import IDEMPOTENT_METHODS, Request, Response
from gateway.upstream.balancer import Balancer, RetryBudget
from gateway.upstream.figures import UpstreamFigures
from gateway.upstream.request_head import request_head
from gateway.upstream.server import Server, client_context

REST_SECONDS = 1.0
"""How long a server that gave no connection is left out: a dead one costs a request a second, not every other one."""


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
        self, name: str, settings: UpstreamSettings, gateway: str, deadlines: Deadlines, tasks: Tasks, figures: Figures
    ) -> None:
        """Raises OSError or ssl.SSLError when a TLS file cannot be used."""
        self.name = name
        self.settings = settings
        self.gateway = gateway
        self.figures = UpstreamFigures(figures, name)
        tls = client_context(settings.tls) if any(server.is_tls for server in settings.servers) else None
        self.servers = [
            Server(server, settings, tls if server.is_tls else None, deadlines, tasks, self.figures)
            for server in settings.servers
        ]
        self._balancer = Balancer(self.servers, least_pending=settings.balance == "least_pending")
        self._budget = RetryBudget()
        self._deadlines = deadlines
        deadlines.at_each_sweep.append(self._show_connections)

    def _show_connections(self) -> None:
        idle = sum(server.pool.idle for server in self.servers)
        self.figures.idle.set(idle)
        self.figures.busy.set(sum(server.pool.size for server in self.servers) - idle)

    def handler(self, settings: TimeoutSettings) -> Handler:
        """The handler for a route with these time-outs."""
        timeouts = ExchangeTimeouts(settings.first_byte, settings.idle, settings.total)
        total, servers, balancer, budget = timeouts.total, self.servers, self._balancer, self._budget
        gateway, figures, may_retry = self.gateway, self.figures, self.settings.retry
        alone = len(servers) == 1
        row, answered = figures.row, figures.answered.cell
        policy = self.settings.host
        host = None if policy in ("keep", "upstream") else policy.encode()

        def failed(error: GatewayError, request: Request, begun: float) -> float:
            """Count a failed attempt; the wait for it was the upstream's time, too. Returns when it ended."""
            figures.failed(error.reason)
            now = time.monotonic()
            request.upstream_wait += now - begun
            return now

        async def forward(request: Request) -> Response:
            begun = time.monotonic()
            until = begun + total
            budget.requests += 1
            index, retried = 0 if alone else balancer.choose(begun), False
            while True:
                server = servers[index]
                server.pending += 1
                pool = server.pool
                connection = None if retried else pool.take()
                try:
                    if connection is None:
                        connection = await pool.acquire(until)
                        now = time.monotonic()
                        request.upstream_wait += now - begun
                        begun = now
                    replaced = server.authority if policy == "upstream" else host
                    head = request_head(request, replaced, server.authority, gateway)
                    try:
                        response = await connection.begin(request, head, timeouts, until)
                    except BaseException:
                        connection.abandon(request)
                        raise
                    request.served_by = server.url
                    row[answered] += 1.0
                    return response
                except UpstreamConnectError as error:  # nothing was sent: another server may do
                    begun = failed(error, request, begun)
                    server.resting_until = begun + REST_SECONDS
                    if retried or alone or not budget.spend():
                        raise
                except UpstreamClosedError as error:
                    begun = failed(error, request, begun)
                    safe = request.method in IDEMPOTENT_METHODS and not isinstance(request.body, BodyStream)
                    dead = connection is not None and connection.died_unused
                    if retried or not may_retry or not safe or not dead or not budget.spend():
                        raise
                    pool.drop_idle()  # a server that closed one has probably closed all
                except GatewayError as error:
                    failed(error, request, begun)
                    raise
                finally:
                    server.pending -= 1
                retried = True
                figures.retries.inc()
                index = balancer.choose(begun, avoid=index)

        return forward

    def status(self) -> dict[str, Any]:
        """For /api/status."""
        return {
            server.url: {"pending": server.pending, "connections": server.pool.size, "idle": server.pool.idle}
            for server in self.servers
        }

    def retire(self) -> None:
        """Close what is idle now and the rest with its exchange."""
        for server in self.servers:
            server.pool.retire()
        if self._show_connections in self._deadlines.at_each_sweep:
            self._deadlines.at_each_sweep.remove(self._show_connections)
