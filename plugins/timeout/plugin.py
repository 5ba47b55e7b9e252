"""The `timeout` plugin on the road. The only file of the room that awaits."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.api import (
    AtOnce,
    BodyStream,
    Decision,
    Handler,
    Monotonic,
    Plugin,
    RefusedError,
    Request,
    Response,
    Runtime,
    StreamEnd,
    UpstreamTimeoutError,
)
from plugins.timeout.budget import Budget, TimeoutReason
from plugins.timeout.settings import TimeoutSettings
from plugins.timeout.watches import Watch, Watches

_FIRST_WORD = 0.004
"""Seconds that the end of the road has at least, after a deadline, to say so itself: its timer comes two late."""


class TimeoutPlugin(Plugin):
    """Answer 504 when a route's time is up, and end what still goes on for it."""

    Settings = TimeoutSettings

    def __init__(self, settings: TimeoutSettings, runtime: Runtime) -> None:
        self._clock = runtime.clock
        self._budget = Budget(settings)
        shortest = min(settings.total, settings.body) if settings.body is not None else settings.total
        self._exchanges: Watches[asyncio.Task[Any]] = Watches(shortest)
        self._bodies: Watches[BodyStream] = Watches(shortest)
        self._timer: asyncio.TimerHandle | None = None
        self._decisions = {reason: Decision("timeout", reason) for reason in TimeoutReason}
        self._counters = {
            reason: runtime.figures.counter(
                "timeout_requests_total",
                "Requests that ran out of time, or whose own deadline was not honoured, by reason.",
                route=runtime.route,
                reason=reason.value,
            )
            for reason in TimeoutReason
        }

    def wrap(self, inner: Handler) -> Handler:
        """`inner` with a bound to its time."""
        budget, clock, exchanges = self._budget, self._clock, self._exchanges
        speaks = budget.speaks

        async def handle(request: Request) -> Response:
            now, wall = clock.monotonic(), clock.wall()
            allowance = budget.allow(request, now, wall)
            if allowance.ignored is not None:
                self._note(request, allowance.ignored)
            left = allowance.left
            if left <= budget.margin:
                self._note(request, TimeoutReason.PASSED)
                raise RefusedError("there is no time left for this request", status=504)
            until = request.deadline = Monotonic(now + left)
            if speaks:
                budget.tell(request, left, wall)
            task = asyncio.current_task()
            assert task is not None
            cancelling = task.cancelling()
            # The end of the road knows the deadline too and says best which step was slow: it has the first word.
            grace = min(exchanges.tick, max(left / 32, _FIRST_WORD))
            watch = exchanges.add(now + left + grace, task)
            self._keep_looking(left + grace)
            try:
                response = await inner(request)
            except asyncio.CancelledError:
                if not watch.expired or task.uncancel() > cancelling:
                    raise  # the client left, or both
                self._note(request, allowance.bound_by)
                raise UpstreamTimeoutError(f"no answer within {left:.3g} s, which is all the time there was") from None
            except UpstreamTimeoutError:
                if clock.monotonic() >= until:
                    self._note(request, allowance.bound_by)
                raise
            finally:
                exchanges.forget(watch)
            if watch.expired:  # it came all the same, in the very turn in which it was given up
                task.uncancel()
            if budget.body is not None and isinstance(response.body, BodyStream):
                self._watch_body(request, response.body, budget.body)
            return response

        return handle

    def wrap_at_once(self, inner: AtOnce | None) -> AtOnce | None:
        """What needs no wait needs no budget, unless the downstream may say that its time has passed."""
        return None if self._budget.listens else inner

    def _note(self, request: Request, reason: TimeoutReason) -> None:
        request.trail.append(self._decisions[reason])
        self._counters[reason].inc()

    def _watch_body(self, request: Request, body: BodyStream, seconds: float) -> None:
        if body.end is None:
            watch = self._bodies.add(self._clock.monotonic() + seconds, body)
            body.on_end(lambda end: self._body_ended(request, watch, end))
            self._keep_looking(seconds)

    def _body_ended(self, request: Request, watch: Watch[BodyStream], end: StreamEnd) -> None:
        self._bodies.forget(watch)
        if watch.expired:
            self._note(request, TimeoutReason.BODY)

    def _keep_looking(self, within: float) -> None:
        """Look at the next tick, or already after so many seconds."""
        loop, tick = asyncio.get_running_loop(), self._exchanges.tick
        if self._timer is None:
            self._timer = loop.call_later(min(tick, within), self._look)
        elif within < tick and self._timer.when() > loop.time() + within:
            self._timer.cancel()
            self._timer = loop.call_later(within, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        if self._exchanges or self._bodies:
            self._keep_looking(self._exchanges.tick)
        for exchange in self._exchanges.expire(now):
            exchange.what.cancel()
        for body in self._bodies.expire(now):
            body.what.abort()

    def explain(self, request: Request) -> dict[str, Any]:
        """How much time `request` would have."""
        allowance = self._budget.allow(request, self._clock.monotonic(), self._clock.wall())
        told = {"seconds": round(allowance.left, 3)}
        if allowance.left <= self._budget.margin:
            return {"decision": "refuse", "reason": "passed", "why": "there is no time left", **told}
        why = f"it has {allowance.left:.3g} s, by " + (
            "the route's budget" if allowance.bound_by is TimeoutReason.TOTAL else "its own deadline"
        )
        return {"decision": "pass", "reason": allowance.bound_by.value, "why": why, **told}
