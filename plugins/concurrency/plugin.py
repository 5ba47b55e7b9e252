"""The `concurrency` plugin on the road. The only file of the room that awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from gateway.api import (
    AtOnce,
    Clock,
    Decision,
    Handler,
    Monotonic,
    OverloadedError,
    Plugin,
    Request,
    Response,
    Runtime,
    UpstreamTimeoutError,
)
from plugins.concurrency.classes import CRITICAL, key_reader, level_reader
from plugins.concurrency.gate import ConcurrencyReason, Gate, Outcome, Policy
from plugins.concurrency.settings import ConcurrencySettings, HeldUntil, Per

_ADMITTED = (ConcurrencyReason.ADMITTED, ConcurrencyReason.CRITICAL, ConcurrencyReason.WAITED)
_GAVE_UP = (503, 504)
_WHY = {
    ConcurrencyReason.FULL: "too much is under way, and as many wait as may",
    ConcurrencyReason.PUSHED_OUT: "too much is under way, and others matter more",
    ConcurrencyReason.TOO_LONG: "too much is under way, and the wait was too long",
    ConcurrencyReason.TOO_LATE: "too much is under way to answer before the deadline",
}


class Door:
    """A gate and those who stand at it. All routes that share it have the same one, over reloads as well."""

    def __init__(self, policy: Policy, clock: Clock) -> None:
        self.gate = Gate(policy, clock.monotonic())
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self.configurations = 0
        """How many chains were compiled with it."""

    def wake(self, outcomes: Iterable[Outcome]) -> None:
        """Tell those who waited what became of them."""
        for ticket, reason in outcomes:
            if not ticket.handle.done():
                ticket.handle.set_result(reason)
            elif reason is ConcurrencyReason.WAITED:  # its client left in this very turn
                self.leave()

    def leave(self) -> None:
        """A request is not under way any more."""
        outcomes = self.gate.leave(self._clock.monotonic())
        if outcomes:
            self.wake(outcomes)

    async def wait(self, level: int, key: bytes, deadline: float | None, now: Monotonic) -> ConcurrencyReason:
        """Wait for a place; what came of it. A place is the caller's to give back."""
        ticket, outcomes = self.gate.wait(level, key, deadline, now)
        self.wake(outcomes)
        if ticket is None:
            return ConcurrencyReason.FULL
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[ConcurrencyReason] = loop.create_future()
        ticket.handle = woken
        if self._timer is None:
            self._timer = loop.call_later(self.gate.tick, self._tick, loop)
        try:
            return await woken
        except BaseException:
            if woken.done() and not woken.cancelled() and woken.result() is ConcurrencyReason.WAITED:
                self.leave()
            else:
                self.gate.abandon(ticket, self._clock.monotonic())
            raise

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self.wake(self.gate.tire(self._clock.monotonic()))
        self._timer = loop.call_later(self.gate.tick, self._tick, loop) if self.gate.waiting else None


class Permit:
    """One request's place, given back once."""

    __slots__ = ("_door", "_held")

    def __init__(self, door: Door) -> None:
        self._door = door
        self._held = True

    def give_back(self, complete: bool = False) -> None:
        """The request is not under way any more; also what a response calls when it has been sent."""
        if self._held:
            self._held = False
            self._door.leave()


class ConcurrencyPlugin(Plugin):
    """Let so many requests through at a time, and the others wait in turns, but not for long."""

    Settings = ConcurrencySettings

    def __init__(self, settings: ConcurrencySettings, runtime: Runtime) -> None:
        self._runtime = runtime
        self._policy = Policy.of(settings)
        what = {Per.ROUTE: runtime.route, Per.UPSTREAM: runtime.upstream, Per.GATEWAY: ""}[settings.per]
        name = f"{settings.per.value}:{what}" if what else settings.per.value
        self._door: Door = runtime.lasting.share(f"concurrency {name}", lambda: Door(self._policy, runtime.clock))
        self._door.configurations += 1
        self._number = self._door.configurations
        self._level_of = level_reader(settings)
        self._key_of = key_reader(settings)
        self._until_head = settings.held_until is HeldUntil.HEAD
        self._retry_after = settings.retry_after
        self._decisions = {reason: Decision("concurrency", reason) for reason in ConcurrencyReason}
        figures = runtime.figures.scope("concurrency")
        self._counters = {
            reason: figures.counter(
                "requests_total", "Requests by what became of them.", route=runtime.route, outcome=reason.value
            )
            for reason in ConcurrencyReason
        }
        self._waited = figures.histogram("wait_seconds", "How long requests waited for a place.", route=runtime.route)
        self._under_way = figures.gauge("under_way", "Requests under way.", gate=name)
        self._waiting = figures.gauge("waiting", "Requests that wait for a place.", gate=name)
        self._limit = figures.gauge("limit", "How many may be under way.", gate=name)

    async def open(self) -> None:
        """Show how it stands from here on."""
        self._runtime.at_each_sweep.append(self._show)

    async def close(self) -> None:
        """Show it no more. Permits that are out come back to the gate all the same."""
        if self._show in self._runtime.at_each_sweep:
            self._runtime.at_each_sweep.remove(self._show)

    def wrap(self, inner: Handler) -> Handler:
        """`inner` behind the gate."""
        door, gate, number = self._door, self._door.gate, self._number
        level_of, key_of, monotonic = self._level_of, self._key_of, self._runtime.clock.monotonic
        admitted = self._counters[ConcurrencyReason.ADMITTED]
        until_head = self._until_head

        async def handle(request: Request) -> Response:
            now = monotonic()
            if number > gate.adopted:
                door.wake(gate.adopt(number, self._policy, now))
            level = level_of(request)
            if level == CRITICAL:
                gate.enter_anyway()
                self._counters[ConcurrencyReason.CRITICAL].inc()
            elif gate.enter():
                admitted.inc()
            else:
                await self._wait(request, level, key_of(request), now)
                now = monotonic()
            permit = Permit(door)
            try:
                response = await inner(request)
            except BaseException as error:
                if isinstance(error, UpstreamTimeoutError):
                    gate.gave_up(monotonic())
                permit.give_back()
                raise
            # An answer that somebody gives in the upstream's place says nothing of what it can do.
            if request.served_by:
                if response.status in _GAVE_UP:
                    gate.gave_up(monotonic())
                elif response.status < 500:
                    outcomes = gate.answered(now, monotonic())
                    if outcomes:
                        door.wake(outcomes)
            if until_head or response.status == 101:
                permit.give_back()
            else:
                response.on_sent(permit.give_back)
            return response

        return handle

    def wrap_at_once(self, inner: AtOnce | None) -> AtOnce | None:
        """The short way while there is room: what needs no wait is not under way afterwards."""
        if inner is None:
            return None
        gate, number, admitted = self._door.gate, self._number, self._counters[ConcurrencyReason.ADMITTED]

        def at_once(request: Request) -> Response | None:
            if number > gate.adopted or not gate.has_room:
                return None
            response = inner(request)
            if response is not None:
                admitted.inc()
            return response

        return at_once

    async def _wait(self, request: Request, level: int, key: bytes, now: Monotonic) -> None:
        """Wait for a place. Raises OverloadedError when there is none in time."""
        try:
            reason = await self._door.wait(level, key, request.deadline, now)
        except asyncio.CancelledError:
            self._counters[ConcurrencyReason.LEFT].inc()
            raise
        request.trail.append(self._decisions[reason])
        self._counters[reason].inc()
        self._waited.observe(self._runtime.clock.monotonic() - now)
        if reason not in _ADMITTED:
            error = OverloadedError(_WHY[reason], limit="concurrency.queue")
            error.retry_after = self._retry_after
            raise error

    def _show(self) -> None:
        gate = self._door.gate
        self._under_way.set(gate.under_way)
        self._waiting.set(gate.waiting)
        self._limit.set(gate.limiter.limit)

    def explain(self, request: Request) -> dict[str, Any]:
        """Whether there is room for `request` now."""
        gate = self._door.gate
        figures = {"under_way": gate.under_way, "limit": gate.limiter.limit, "waiting": gate.waiting}
        if self._level_of(request) == CRITICAL:
            return {"decision": "pass", "reason": "critical", "why": "critical requests never wait", **figures}
        if gate.under_way < gate.limiter.limit:
            return {"decision": "pass", "reason": "admitted", "why": "there is room", **figures}
        return {"decision": "wait", "reason": "waited", "why": "as many are under way as may be", **figures}
