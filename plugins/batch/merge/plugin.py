"""Merged requests on the road. The only file of this part that awaits."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Sequence

from gateway.api import (
    GatewayError,
    Handler,
    OverloadedError,
    RefusedError,
    Request,
    Response,
    Runtime,
    UpstreamConnectError,
    UpstreamTimeoutError,
)
from plugins.batch.common.figures import BatchFigures
from plugins.batch.common.json_text import JsonError
from plugins.batch.common.plugin import content_of
from plugins.batch.common.reasons import MergeReason
from plugins.batch.merge.answer import asks_for_calm, calm
from plugins.batch.merge.partition import Partition
from plugins.batch.merge.rule import Rule, Told, Waiter, same_error
from plugins.batch.merge.split import why_unusable
from plugins.batch.merge.window import Gathering
from plugins.batch.settings import MergeSettings

_EARLY = 0.0005
"""Seconds by which a timer may fire before its time: loops round to milliseconds."""
_SAME_ALONE = (UpstreamConnectError, UpstreamTimeoutError, OverloadedError, RefusedError)
"""Errors of a bulk call that single calls would meet as well."""
_CLEAR = (MergeReason.MERGED, MergeReason.MISSING)
"""What a bulk answer said clearly about an id."""


class _Standing:
    """A rule on the road, with the single calls that stand in for its failed bulk calls."""

    def __init__(self, rule: Rule, figures: BatchFigures) -> None:
        self.rule = rule
        self.permits = asyncio.Semaphore(rule.single_calls)
        self.waiting = 0
        self.window = figures.window(rule.name)


class MergePart:
    """Lets requests wait for company, and sends one bulk request for those that came together."""

    def __init__(self, settings: Sequence[MergeSettings], runtime: Runtime) -> None:
        self._runtime = runtime
        self._figures = BatchFigures(runtime.figures, runtime.route, "merge")
        self._rules = tuple(_Standing(Rule(each), self._figures) for each in settings)
        self._bulk_calls: dict[Gathering[Waiter], asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = math.inf
        self._inner: Handler

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, in the order in which they are tried."""
        return tuple(standing.rule for standing in self._rules)

    def wrap(self, inner: Handler) -> Handler:
        """`inner` behind the rules. A path that no rule could match costs a comparison for each rule."""
        self._inner = inner
        rules = tuple((standing.rule.template.beginning, standing) for standing in self._rules)

        def handle(request: Request) -> Awaitable[Response]:
            for beginning, standing in rules:
                if request.target.startswith(beginning) and standing.rule.template.matches(request.path):
                    return self._merged(standing, request)
            return inner(request)

        return handle

    async def _merged(self, standing: _Standing, request: Request) -> Response:
        rule, clock = standing.rule, self._runtime.clock
        now = clock.monotonic()
        asked = rule.judge(request, now)
        if isinstance(asked, MergeReason):
            self._figures.decide(request, asked)
            return await self._inner(request)
        partition = rule.partitioner.of(request, asked)
        if rule.gatherer.is_idle(partition):
            return await self._alone(rule, partition, request, MergeReason.LONE)
        waiter = Waiter(request, asked, asyncio.get_running_loop().create_future())
        room = rule.template.room(asked.id)
        gathering, leaving = rule.gatherer.add(partition, asked.id, waiter, room, now)
        for each in leaving:
            self._send(standing, each)
        self._set_timer()
        try:
            told: Told = await waiter.told
        except asyncio.CancelledError:
            if rule.gatherer.withdraw(gathering, asked.id, waiter) and gathering in self._bulk_calls:
                self._bulk_calls[gathering].cancel()  # nobody waits for it any more
            raise
        request.upstream_wait += clock.monotonic() - now
        if told.reason is MergeReason.NO_COMPANY:
            return await self._alone(rule, partition, request, told.reason)
        if told.error is not None:
            self._figures.decide(request, told.reason)
            raise same_error(told.error)
        if told.response is not None:
            self._figures.decide(request, told.reason)
            return told.response
        return await self._stand_in(standing, request, told.reason)

    async def _alone(self, rule: Rule, partition: Partition, request: Request, reason: MergeReason) -> Response:
        """Send a request as it is. Those that come meanwhile gather."""
        self._figures.decide(request, reason)
        rule.gatherer.begin(partition)
        try:
            return await self._inner(request)
        finally:
            rule.gatherer.ended(partition)

    async def _stand_in(self, standing: _Standing, request: Request, reason: MergeReason) -> Response:
        """Send a request as it is because a bulk call did not serve it: a few at a time, never a herd."""
        rule, permits = standing.rule, standing.permits
        if permits.locked():
            if standing.waiting >= rule.most_waiting:
                self._figures.decide(request, MergeReason.REFUSED)
                raise OverloadedError("too many requests wait for single calls", limit="batch.merge.fallback_waiting")
            standing.waiting += 1
            try:
                async with asyncio.timeout(rule.timeout):
                    await permits.acquire()
            except TimeoutError:
                self._figures.decide(request, MergeReason.REFUSED)
                raise OverloadedError("no single call was possible in time", limit="batch.merge.fallback") from None
            finally:
                standing.waiting -= 1
        else:
            await permits.acquire()
        self._figures.decide(request, reason)
        try:
            return await self._inner(request)
        finally:
            permits.release()

    # --- gatherings ----------------------------------------------------------------------------

    def _set_timer(self) -> None:
        """Let the one timer ring when the first window closes."""
        due = min(standing.rule.gatherer.due_at for standing in self._rules)
        if self._timer is not None:
            if self._rings_at <= due:
                return  # early is no harm: it looks and is set again
            self._timer.cancel()
        self._timer = None
        if due < math.inf:
            wait = max(0.0, due - self._runtime.clock.monotonic())
            self._rings_at = due
            self._timer = asyncio.get_running_loop().call_later(wait, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._runtime.clock.monotonic() + _EARLY
        for standing in self._rules:
            for gathering in standing.rule.gatherer.take(now):
                self._send(standing, gathering)
        self._set_timer()

    def _send(self, standing: _Standing, gathering: Gathering[Waiter]) -> None:
        """Send a bulk request for those that gathered, or the only one of them on its way."""
        standing.window.set(standing.rule.gatherer.window)
        if gathering.waiters == 1:
            standing.rule.gatherer.ended(gathering.partition)  # whoever was alone begins anew
            _tell_all(gathering, Told(MergeReason.NO_COMPANY))
            return
        self._figures.sizes.observe(len(gathering.slots))
        task = self._runtime.tasks.spawn(self._bulk(standing.rule, gathering), name="batch.bulk")
        self._bulk_calls[gathering] = task
        task.add_done_callback(lambda _: self._settle(standing.rule, gathering))

    def _settle(self, rule: Rule, gathering: Gathering[Waiter]) -> None:
        """The task of a bulk call has ended, whatever became of it, even if it never began."""
        del self._bulk_calls[gathering]
        rule.gatherer.ended(gathering.partition)
        error = OverloadedError("the gateway let go of a bulk call")
        _tell_all(gathering, Told(MergeReason.ERROR, error=error))

    async def _bulk(self, rule: Rule, gathering: Gathering[Waiter]) -> None:
        """Make a bulk call and tell everybody what came of it. It belongs to none of those who wait."""
        clock = self._runtime.clock
        request = rule.bulk_request(gathering, clock.monotonic())
        asked_with = request.fields.copy()  # those behind may change them
        try:
            async with asyncio.timeout(rule.timeout):
                response = await self._inner(request)
                unusable = why_unusable(response)
                if unusable is not None:
                    response.discard()
                    if asks_for_calm(response):
                        for slot in gathering.slots.values():
                            for waiter in slot:
                                _tell(waiter, Told(MergeReason.ERROR, calm(response)))
                        return
                    raise JsonError(unusable)
                body = await content_of(response, rule.max_answer)
            told = list(rule.tell(gathering, asked_with, response, body))
        except TimeoutError:
            error = UpstreamTimeoutError("the bulk call took too long")
            _tell_all(gathering, Told(MergeReason.ERROR, error=error))
        except _SAME_ALONE as error:
            _tell_all(gathering, Told(MergeReason.ERROR, error=error))
        except (GatewayError, JsonError) as error:
            self._runtime.log.warning("a bulk call failed", rule=rule.name, target=request.target, why=str(error))
            rule.rest.settle(False, clock.monotonic())
            _tell_all(gathering, Told(MergeReason.FAILED))
        except Exception as error:  # of a plugin behind
            _tell_all(gathering, Told(MergeReason.ERROR, error=error))
        else:
            if told:
                rule.rest.settle(any(each.reason in _CLEAR for _, each in told), clock.monotonic())
            self._figures.saved.inc(max(0, sum(each.response is not None for _, each in told) - 1))
            for waiter, each in told:
                waiter.request.served_by = request.served_by
                _tell(waiter, each)

    def close(self) -> None:
        """Let go of the timer and of calls that are still under way. Whoever waits for company waits no longer."""
        if self._timer is not None:
            self._timer.cancel()
        for standing in self._rules:
            for gathering in standing.rule.gatherer.take(math.inf):
                standing.rule.gatherer.ended(gathering.partition)
                _tell_all(gathering, Told(MergeReason.NO_COMPANY))
        for task in self._bulk_calls.values():
            task.cancel()


def _tell(waiter: Waiter, told: Told) -> None:
    if not waiter.told.done():
        waiter.told.set_result(told)


def _tell_all(gathering: Gathering[Waiter], told: Told) -> None:
    for slot in gathering.slots.values():
        for waiter in slot:
            _tell(waiter, told)
