"""The retry plugin between requests and a scripted upstream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gateway.api import Handler, Lasting, Request, Response, Runtime
from gateway.figures.registry import Figures
from plugins.retry.plugin import RetryPlugin
from tests.support.plugins import ManualClock, make_response, make_runtime

QUICK = {"backoff": "1ms", "longest_backoff": "1ms"}
"""Waits that cost a test nothing."""


class Retrying:
    """A worker with the retry plugin before an upstream, with a clock one sets."""

    def __init__(self, upstream: Handler, **settings: Any) -> None:
        self.upstream = upstream
        self.clock = ManualClock()
        self.figures = Figures.in_memory()
        self.runtime: Runtime = replace(
            make_runtime(clock=self.clock, figures=self.figures), lasting=Lasting(), at_each_sweep=[]
        )
        self.plugin = self.make(**settings)
        self.handle = self.plugin.wrap(upstream)

    def make(self, **settings: Any) -> RetryPlugin:
        """Another plugin of the same worker, as a reload or another route has it."""
        chosen = {**QUICK, "budget": {"floor": 1000}, **settings}
        return RetryPlugin(RetryPlugin.Settings.model_validate(chosen), self.runtime)

    def attempts(self, reason: str) -> float:
        """Attempts beyond the first one that were made for that reason."""
        return self.figures.value("retry_attempts_total", route="default", reason=reason)

    def stopped(self, reason: str) -> float:
        """Requests that were not tried again for that reason."""
        return self.figures.value("retry_stopped_total", route="default", reason=reason)


Turn = Response | Exception | Callable[[Request], Response]


class Servers:
    """The inner handler: each attempt takes the first of its servers that the request does not avoid, and gets the next
    of the answers; the last one repeats. Remembers what each attempt looked like."""

    def __init__(self, *turns: Turn, servers: tuple[str, ...] = ("http://a", "http://b", "http://c")) -> None:
        self.turns = list(turns) or [make_response()]
        self.servers = servers
        self.seen: list[dict[str, Any]] = []

    async def __call__(self, request: Request) -> Response:
        free = [server for server in self.servers if server not in request.avoid] or list(self.servers)
        request.served_by = free[0]
        body = request.body
        self.seen.append(
            {
                "server": free[0],
                "method": request.method,
                "target": request.target,
                "fields": [(name, value) for name, value in request.fields],
                "body": body,
                "once": request.once,
                "deadline": request.deadline,
            }
        )
        turn = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        if isinstance(turn, Exception):
            raise turn
        return turn if isinstance(turn, Response) else turn(request)

    @property
    def asked(self) -> list[str]:
        """The servers in the order in which they were asked."""
        return [each["server"] for each in self.seen]


class Late:
    """The inner handler of hedges: an attempt at a slow server waits until it is released; others answer at once."""

    def __init__(self, *slow: str, servers: tuple[str, ...] = ("http://a", "http://b")) -> None:
        self.slow = set(slow)
        self.servers = servers
        self.released = asyncio.Event()
        self.asked: list[str] = []
        self.given_up: list[str] = []
        self.answers: dict[str, Turn] = {}

    async def __call__(self, request: Request) -> Response:
        server = next(each for each in self.servers if each not in request.avoid)
        request.served_by = server
        self.asked.append(server)
        if server in self.slow:
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                self.given_up.append(server)
                raise
        turn = self.answers.get(server) or make_response(200, {"X-Server": server})
        if isinstance(turn, Exception):
            raise turn
        return turn if isinstance(turn, Response) else turn(request)
