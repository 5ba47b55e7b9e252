"""A circuit breaker between requests and a scripted upstream, with a clock one sets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from gateway.api import Handler, Lasting, Request, Response, Runtime, Sharing
from gateway.figures.registry import Figures
from plugins.circuit_breaker.board import Board
from plugins.circuit_breaker.plugin import CircuitBreakerPlugin
from tests.support.plugins import ManualClock, ScriptedUpstream, make_request, make_response, make_runtime

ALONE = "http://a"
QUIET = {"jitter": 0.0, "ramp": 0, "probes": 1}


def answering(server: str = ALONE, status: int = 200) -> Callable[[Request], Response]:
    """An answer that says who gave it, as the last handler of the road does."""

    def answer(request: Request) -> Response:
        request.served_by = server
        return make_response(status)

    return answer


def failing(error: Exception, server: str = ALONE) -> Callable[[Request], Response]:
    """A failure that says whose it was."""

    def answer(request: Request) -> Response:
        request.served_by = server
        raise error

    return answer


class Wire:
    """The control channel of one worker as plugins see it, joined to others by `join`."""

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any] | None]]] = {}
        self.others: list[Wire] = []
        self.relayed: list[list[dict[str, Any]]] = []
        self.fails = False

    def send(self, kind: str, **fields: Any) -> None:
        """Nothing here is only told."""

    async def call(self, kind: str, *, timeout: float = 5.0, **fields: Any) -> dict[str, Any]:
        """Relay to the others."""
        assert kind == "relay"
        if self.fails:
            raise TimeoutError("nobody answers")
        self.relayed.append(fields["news"])
        for other in self.others:
            await other.handlers[fields["to"]]({"news": fields["news"]})
        return {"told": len(self.others)}

    def on(self, kind: str, handler: Callable[[dict[str, Any]], Awaitable[dict[str, Any] | None]]) -> None:
        """Keep who answers."""
        self.handlers[kind] = handler


def join(*wires: Wire) -> None:
    """Make these the workers of one gateway."""
    for wire in wires:
        wire.others = [other for other in wires if other is not wire]


class Guarded:
    """A worker with a circuit breaker before a scripted upstream."""

    def __init__(
        self,
        upstream: Handler | None = None,
        *,
        clock: ManualClock | None = None,
        servers: Sequence[str] = (ALONE,),
        control: Wire | None = None,
        forward: Callable[[str], Handler] | None = None,
        lasting: Lasting | None = None,
        workers: int = 1,
        sharing: Sharing | None = None,
        **settings: Any,
    ) -> None:
        self.clock = clock or ManualClock()
        self.upstream = upstream or ScriptedUpstream(answering())
        self.figures = Figures.in_memory()
        self.servers = list(servers)
        self.runtime: Runtime = replace(
            make_runtime(clock=self.clock, figures=self.figures),
            servers=lambda: self.servers,
            control=control,
            forward=forward,
            lasting=lasting or Lasting(),
            workers=workers,
            sharing=sharing,
        )
        self.plugin = self.make(**settings)
        self.board = self.runtime.lasting.share("circuit_breaker", Board)
        """All its circuits."""
        self.board.join(self.plugin._group)
        self.handle = self.plugin.wrap(self.upstream)

    def make(self, **settings: Any) -> CircuitBreakerPlugin:
        """Another plugin of the same worker, as a reload or another route has it."""
        chosen = {"minimum_calls": 2, "open_for": "5s", "longest_open": "60s", **QUIET, **settings}
        return CircuitBreakerPlugin(CircuitBreakerPlugin.Settings.model_validate(chosen), self.runtime)

    async def get(self, request: Request | None = None) -> Response | Exception:
        """The answer to a request, or the error that took its place."""
        try:
            return await self.handle(request or make_request())
        except Exception as error:
            return error

    async def open(self) -> None:
        """What the road does before requests come."""
        await self.plugin.open()

    def states(self) -> dict[str, str]:
        """How its circuits stand."""
        return {each["circuit"]: each["state"] for each in self.board.listing(self.clock.monotonic())}


async def until(holds: Callable[[], bool]) -> None:
    """Let tasks run until something holds."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # what is waited for sets no event
            await asyncio.sleep(0)
