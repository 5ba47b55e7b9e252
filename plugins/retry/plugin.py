"""Retries on the road: another attempt where the rules allow one, a second server where the first is late. The only
file of the room that awaits."""

from __future__ import annotations

import asyncio
import copy
import math
import random
from typing import Any

from gateway.api import (
    AtOnce,
    Body,
    BodyStream,
    Fields,
    GatewayError,
    Handler,
    Monotonic,
    Plugin,
    Request,
    Response,
    Runtime,
    UpstreamError,
)
from plugins.retry.budget import Budget, BudgetRules
from plugins.retry.figures import RetryFigures
from plugins.retry.policy import Again, Policy, Stop
from plugins.retry.quantile import Quantile
from plugins.retry.reasons import RetryReason, StopReason
from plugins.retry.settings import RetrySettings

Outcome = Response | GatewayError
Race = asyncio.Task[Outcome]


class RetryPlugin(Plugin):
    """Try again what failed and may be tried again, elsewhere and within bounds."""

    Settings = RetrySettings
    replay_safe = True  # what is answered without an attempt is no concern of its
    after = ("cache", "coalesce")
    """They answer without asking; what goes past them is tried once for all who wait."""
    before = ("circuit_breaker",)
    """Each attempt is an exchange of its own, and there is none when the circuit is open."""

    def __init__(self, settings: RetrySettings, runtime: Runtime) -> None:
        self._settings = settings
        self._runtime = runtime
        self._policy = Policy(settings)
        self._figures = RetryFigures(runtime.figures, runtime.route)
        budget = settings.budget
        self._rules = BudgetRules(budget.share, budget.floor, budget.window)
        self._budget: Budget = runtime.lasting.share(
            f"retry budget {runtime.upstream}", lambda: Budget(self._rules, runtime.clock.monotonic())
        )
        self._total = math.inf if settings.total is None else settings.total
        self._times: Quantile | None = None
        hedge = settings.hedge
        if hedge is not None:
            name = f"retry times {runtime.route} {hedge.quantile} {hedge.learn}"
            self._times = runtime.lasting.share(name, lambda: Quantile(hedge.quantile, hedge.learn))

    async def open(self) -> None:
        """Share the budget of the upstream."""
        self._budget.join(self, self._rules, self._runtime.clock.monotonic())
        if self._times is not None:
            self._runtime.at_each_sweep.append(self._show)

    async def close(self) -> None:
        """Leave the budget to the other routes."""
        self._budget.part(self, self._runtime.clock.monotonic())
        if self._show in self._runtime.at_each_sweep:
            self._runtime.at_each_sweep.remove(self._show)

    def _show(self) -> None:
        if self._times is not None:
            self._figures.hedge_after.set(self._times.value)

    def wrap(self, inner: Handler) -> Handler:
        """`inner`, asked again where that may help."""
        policy, budget, statuses = self._policy, self._budget, self._policy.statuses
        monotonic, attempt_timeout = self._runtime.clock.monotonic, self._settings.attempt_timeout
        ask = inner if self._times is None else self._hedged(inner)

        async def handle(request: Request) -> Response:
            budget.requests += 1
            request.once = True
            body = request.body
            if body.__class__ is BodyStream and policy.buffers(body) and policy.is_repeatable(request):
                request.body = await body.read(policy.max_body)
            came = request.method, request.target, request.fields.entries, request.body, request.deadline
            if attempt_timeout is not None:
                request.deadline = sooner(came[4], monotonic() + attempt_timeout)
            failure: Response | UpstreamError
            try:
                failure = response = await ask(request)
            except UpstreamError as error:
                failure = error
            else:
                if response.status not in statuses:
                    return response
            return await self._persist(inner, request, failure, Came(*came))

        return handle

    def wrap_at_once(self, inner: AtOnce | None) -> AtOnce | None:
        """What needs no wait is no attempt at anything."""
        return inner

    async def _persist(
        self, inner: Handler, request: Request, failure: Response | UpstreamError, came: Came
    ) -> Response:
        """Try again after `failure`, until an attempt succeeds or there may be none."""
        clock, figures, attempt_timeout = self._runtime.clock, self._figures, self._settings.attempt_timeout
        until = sooner(came.deadline, (request.started or clock.monotonic()) + self._total)
        attempt = 1
        while True:
            plan = self._plan(request, failure, attempt, until)
            if isinstance(plan, Stop):
                break
            if isinstance(failure, Response):
                failure.discard()
            figures.again(request.trail, plan.reason)
            if plan.wait > 0:
                await asyncio.sleep(plan.wait)
            attempt += 1
            came.restore(request)
            if attempt_timeout is not None:
                request.deadline = sooner(came.deadline, clock.monotonic() + attempt_timeout)
            try:
                response = await inner(request)
            except UpstreamError as error:
                failure = error
                continue
            if response.status not in self._policy.statuses:
                figures.rescued.inc()
                return response
            failure = response
        request.deadline = came.deadline
        if plan.reason is not None:
            figures.stopped(request.trail, plan.reason)
        if isinstance(failure, Response):
            return failure
        raise failure

    def _plan(self, request: Request, failure: Response | UpstreamError, attempt: int, until: float) -> Again | Stop:
        clock, chance = self._runtime.clock, random.random()
        if isinstance(failure, Response):
            plan = self._policy.after_answer(request, failure, attempt, chance, clock.wall())
        else:
            plan = self._policy.after_error(request, failure, attempt, chance)
        if isinstance(plan, Stop):
            return plan
        now = clock.monotonic()
        if now + plan.wait >= until:
            return Stop(StopReason.DEADLINE)
        if not self._budget.spend(now):
            return Stop(StopReason.BUDGET)
        return plan

    # --- hedges --------------------------------------------------------------------------------

    def _hedged(self, inner: Handler) -> Handler:
        """The first attempt, with a second one beside it where the first is late."""
        times, hedge, monotonic = self._times, self._settings.hedge, self._runtime.clock.monotonic
        statuses = self._policy.statuses
        assert times is not None
        assert hedge is not None

        async def ask(request: Request) -> Response:
            if request.method != "GET" or request.body != b"" or request.upgrade is not None:
                return await inner(request)
            begun = monotonic()
            after = max(times.value, hedge.at_least)
            if after == math.inf:
                response = await inner(request)
            else:
                response = await self._race(inner, request, after)
            # Not how fast it fails, nor somebody in its place.
            if request.served_by and response.status not in statuses:
                times.observe(monotonic() - begun)
            return response

        return ask

    async def _race(self, inner: Handler, request: Request, after: float) -> Response:
        """The answer of the first attempt, or that of a second one begun `after` seconds, whichever is good first."""
        first = self._begin(inner, request)
        racers: dict[Race, Request] = {first: request}
        try:
            await asyncio.wait((first,), timeout=after)
            if not first.done() and self._may_hedge():
                self._figures.again(request.trail, RetryReason.HEDGE)
                other = _second(request)
                racers[self._begin(inner, other)] = other
            while not (good := [racer for racer in racers if racer.done() and self._is_good(racer.result())]):
                running = [racer for racer in racers if not racer.done()]
                if not running:
                    good = [first]
                    break
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            winner = good[0]
            asked = racers.pop(winner)
        finally:
            for loser in racers:
                loser.add_done_callback(_drop)
                loser.cancel()
        if asked is not request:
            self._figures.won.inc()
            request.served_by, request.upstream_wait = asked.served_by, asked.upstream_wait
        outcome = winner.result()
        if isinstance(outcome, GatewayError):
            raise outcome
        return outcome

    def _begin(self, inner: Handler, request: Request) -> Race:
        async def attempt() -> Outcome:
            try:
                return await inner(request)
            except GatewayError as error:
                return error

        return self._runtime.tasks.spawn(attempt(), name="retry.race")

    def _may_hedge(self) -> bool:
        hedge = self._settings.hedge
        return hedge is not None and self._budget.spend_on_hedge(hedge.most, self._runtime.clock.monotonic())

    def _is_good(self, outcome: Outcome) -> bool:
        return isinstance(outcome, Response) and outcome.status not in self._policy.statuses

    def explain(self, request: Request) -> dict[str, Any] | None:
        """Whether `request` would be tried again, and what is left of the budget."""
        left = math.floor(self._budget.left(self._runtime.clock.monotonic()))
        if not self._policy.is_repeatable(request):
            why = "Only if there was no connection: the method is not idempotent, and there is no Idempotency-Key."
            return {"decision": "connect only", "reason": "not_repeatable", "why": why, "budget_left": left}
        return {"decision": "retry", "reason": "repeatable", "attempts": self._policy.attempts, "budget_left": left}


def sooner(deadline: Monotonic | None, own: float) -> Monotonic:
    """The sooner of the deadline that a request came with, and one of our own."""
    return Monotonic(own) if deadline is None or own < deadline else deadline


class Came:
    """A request as it came, to be sent again, whatever those behind do to it."""

    __slots__ = ("_body", "_entries", "_method", "_target", "deadline")

    def __init__(self, method: str, target: bytes, entries: list[Any], body: Body, deadline: Monotonic | None) -> None:
        self._method = method
        self._target = target
        self._entries = entries  # a change of the fields makes a new list
        self._body = body
        self.deadline = deadline

    def restore(self, request: Request) -> None:
        """Make `request` what it was, but for the server that has just failed: that one is to be avoided."""
        request.method, request.target, request.body = self._method, self._target, self._body
        request.fields = Fields.received(self._entries, None)
        request.deadline = self.deadline
        if request.served_by:
            request.avoid = request.avoid | {request.served_by}
            request.served_by = ""


def _second(request: Request) -> Request:
    """The same request for another server."""
    other = copy.copy(request)
    other.fields = request.fields.copy()
    other.interim = None
    if request.served_by:
        other.avoid = request.avoid | {request.served_by}
        other.served_by = ""
    return other


def _drop(racer: Race) -> None:
    """Give up what came too late."""
    if not racer.cancelled() and racer.exception() is None and isinstance(outcome := racer.result(), Response):
        outcome.discard()
