"""A listener in front of a chain that ends in an open circuit, on the machine's clock and fake transports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.api import Handler, Plugin, Request, Response
from gateway.chain.compile import CompiledRoute
from gateway.chain.runtime import Runtime, SystemClock
from gateway.listener.figures import RouteFigures
from plugins.circuit_breaker.board import Board
from plugins.circuit_breaker.plugin import CircuitBreakerPlugin
from tests.support.plugins import ScriptedUpstream, make_response, make_runtime
from tests.support.roads import Lane, make_front

SERVER = "http://a"


class Refusing:
    """Plugins in front of a circuit breaker in front of an upstream that answers."""

    def __init__(self, *in_front: tuple[type[Plugin], dict[str, Any]], lane: bool = True, **settings: Any) -> None:
        """Each plugin with its settings, the first one first. `lane`: whether the replay lane is on; `settings` are
        those of the circuit breaker."""
        self.control = "max-age=60"
        """What the upstream says about storing its answers."""
        self.upstream = ScriptedUpstream(self._answer)
        self.front, self.figures, log = make_front(None)
        log.enabled = False
        self.front.lane.configure(1 << 20 if lane else 0, ["X-Request-Id"])
        runtime = make_runtime(figures=self.figures)
        self.runtime: Runtime = replace(runtime, clock=SystemClock(), servers=lambda: [SERVER])
        self.plugins: list[Plugin] = []
        chain: list[tuple[type[Plugin], dict[str, Any]]] = [*in_front, (CircuitBreakerPlugin, settings)]
        for plugin, own in chain:
            self.plugins.append(plugin(plugin.Settings.model_validate(own), self.runtime))
        self.board = self.runtime.lasting.share("circuit_breaker", Board)
        self._breaker = self.plugins[-1]

    def _answer(self, request: Request) -> Response:
        request.served_by = SERVER
        return make_response(200, {"Cache-Control": self.control}, b"content")

    async def begin(self) -> Lane:
        """Open the chain and the circuit; a connection to it."""
        handler: Handler = self.upstream
        for plugin in self.plugins:
            await plugin.open()
        for plugin in reversed(self.plugins):
            handler = plugin.wrap(handler)
        figures = RouteFigures(self.figures, "default", self.front.figures.lately)
        self.route = CompiledRoute("default", None, handler, self.plugins, figures)
        self.front.router = lambda request: self.route
        assert isinstance(self._breaker, CircuitBreakerPlugin)
        self._breaker._group.breaker(SERVER)
        self.order("open")
        return Lane(None, front=self.front)

    def order(self, action: str, seconds: float | None = None) -> None:
        """What an administrator does to the circuit."""
        order = {"all": True, "action": action, "seconds": seconds}
        assert self.board.carry_out(order, self.runtime.clock.monotonic())

    def count(self, name: str, **labels: str) -> float:
        """A counter, with all that waits to be counted."""
        self.front.show()
        return self.figures.value(name, **labels)

    @property
    def replays(self) -> int:
        """How many answers the replay lane would give again."""
        return len(self.front.lane)
