"""Coalescing on the road: asks the rules who shares what, and waits. The only file of the room that awaits."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from gateway.api import (
    SAFE_METHODS,
    AtOnce,
    BodyStream,
    EagerTask,
    GatewayError,
    Handler,
    Monotonic,
    Plugin,
    Request,
    Response,
    Runtime,
    UpstreamTimeoutError,
    Waiter,
)
from plugins.coalesce.answer import SharedAnswer, again
from plugins.coalesce.asked import Asked, asked_by, request_of
from plugins.coalesce.continuation import content_of
from plugins.coalesce.course import Course
from plugins.coalesce.exchanges import Exchanges, is_patient
from plugins.coalesce.explaining import explained
from plugins.coalesce.flight import Flight, Given, Member, State, Turned
from plugins.coalesce.reasons import DECISIONS, FOR_ONE_CLIENT, ApartReason, SharedReason
from plugins.coalesce.settings import CoalesceSettings, OnFailure
from plugins.coalesce.table import Place
from plugins.coalesce.turns import Turns

SHARED_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_WAITS = 3
"""Answers that a request waits for in vain before it goes upstream on its own."""
AT_A_TIME = 64
"""Followers that are woken in one turn of the loop: about a millisecond, and then others have their turn."""
GRAIN_SECONDS = 0.01
"""Waits end this much late at most, so that a thousand of them do not need a thousand timers."""
_NEVER = Monotonic(float("inf"))
_FOLLOWED = DECISIONS[SharedReason.FOLLOWED]
_NO_MORE_WAITS = FOR_ONE_CLIENT | {ApartReason.UPGRADED}


class CoalescePlugin(Plugin):
    """Let concurrent identical requests share one upstream exchange."""

    Settings = CoalesceSettings
    replay_safe = True  # whether others wait changes nothing about what a stored response says
    after = ("cache",)  # it joins what the cache could not answer

    def __init__(self, settings: CoalesceSettings, runtime: Runtime) -> None:
        self.settings = settings
        self._runtime = runtime
        self._clock = runtime.clock
        self._max_body: int = settings.max_body
        self._wait: float = settings.wait
        self._may_elect = settings.on_failure is OnFailure.ELECT
        self._turns = Turns(settings.apart_at_once)
        self._exchanges = Exchanges(settings, runtime)
        self._exchanges.budget.join(self, settings.memory)
        self._figures = self._exchanges.figures
        self._inner: Handler

    async def open(self) -> None:
        """Look after streams that nobody may join any more."""
        self._runtime.at_each_sweep.append(self._sweep)

    async def close(self) -> None:
        """What is under way goes on for those who wait."""
        self._exchanges.budget.leave(self)
        if self._sweep in self._runtime.at_each_sweep:
            self._runtime.at_each_sweep.remove(self._sweep)
            self._figures.show(0, 0)

    def explain(self, request: Request) -> dict[str, Any]:
        """Whether `request` would share an exchange now."""
        exchanges, now = self._exchanges, self._clock.monotonic()
        if request.method not in SHARED_METHODS | {"QUERY"} or request.upgrade is not None:
            return explained(None, None, now)
        asked = asked_by(request)
        place = exchanges.table.find(asked, now)
        bar = None if place.flight is None else exchanges.bar(place.flight, asked)
        return explained(place, bar, now)

    def reach(self, inner: Handler) -> Handler:
        """The handler by which an exchange that may be shared goes upstream. A subclass that knows of exchanges in
        other workers or on other machines asks there first; docs/coalescing.md has an example."""
        return inner

    def _sweep(self) -> None:
        self._exchanges.sweep()
        self._figures.show(self._exchanges.waiting, len(self._turns))

    # --- requests ------------------------------------------------------------------------------

    def wrap(self, inner: Handler) -> Handler:
        """The handler that lets requests share what `inner` answers."""
        self._inner = inner = self.reach(inner)
        flights, writes = self._exchanges.table.flights, self._exchanges.writes
        row, alone = self._figures.alone.row, self._figures.alone.cell
        current_task = asyncio.current_task

        async def handle(request: Request) -> Response:
            if request.method not in SHARED_METHODS or request.body != b"" or request.upgrade is not None:
                return await self._aside(request)
            task: Any = current_task()
            target = request.target
            if target in flights or request.avoid or not isinstance(task, EagerTask) or task.keeper is not None:
                return await self._company(request)
            flight = flights[target] = Flight(request, writes.count)  # nobody else is there: nearly every time
            flight.task = task
            task.keeper = flight
            try:
                response = await inner(request)
            except BaseException as error:
                task.keeper = None
                self._crashed(flight, error)
                raise
            task.keeper = None
            if flight.key is None and flight.members is None and response.body.__class__ is bytes:
                del flights[target]
                row[alone] += 1.0
                return response
            return self._landed(flight, response)

        return handle

    def wrap_at_once(self, inner: AtOnce | None) -> AtOnce | None:
        """What needs no wait needs no company, unless there is an exchange to wait for."""
        if inner is None:
            return None
        flights, ask = self._exchanges.table.flights, inner

        def at_once(request: Request) -> Response | None:
            return None if request.target in flights else ask(request)

        return at_once

    async def _aside(self, request: Request) -> Response:
        """Requests that share nothing. After those that may change something, nobody is shown what was before."""
        body = request.body
        if request.method == "QUERY" and request.upgrade is None:
            if isinstance(body, BodyStream) and body.length is not None and body.length <= self._max_body:
                request.body = body = await body.read(self._max_body)
            if isinstance(body, bytes) and len(body) <= self._max_body:
                return await self._company(request)
        if request.method in SAFE_METHODS:
            return await self._inner(request)
        asked, writes = asked_by(request), self._exchanges.writes
        try:
            return await self._inner(request)
        finally:
            if self._exchanges.table.flights:
                writes.note(self._exchanges.keyer.identity(asked))
            else:
                writes.clear()

    async def _company(self, request: Request) -> Response:
        """Others ask for the same target, or the request runs in no light task."""
        if request.avoid:  # it has just failed, perhaps by the very exchange that is under way
            return await self._inner(request)
        asked, exchanges = asked_by(request), self._exchanges
        failures = 0
        for _ in range(MOST_WAITS):
            now = self._clock.monotonic()
            place = exchanges.table.find(asked, now)
            flight = place.flight
            if place.fact.apart is not None:
                self._figures.apart(request, place.fact.apart)
                return await self._inner(request)
            if flight is None:
                return await self._lead(request, asked, place, now)
            if flight.state is State.UNDER_WAY:
                joined = exchanges.join(flight, request, asked, place.parts)
                return joined or await self._lead(request, asked, place, now)
            bar = exchanges.bar(flight, asked, request.outdated)
            if bar is not None:
                self._figures.turned(request, bar)
                return await self._lead(request, asked, place, now)
            due = Monotonic(now + self._wait)
            if request.deadline is not None:
                due = min(due, request.deadline)
            outcome = await self._follow(flight, Member(request, asked, place.parts, now, due, Waiter()))
            if isinstance(outcome, Response):
                return outcome
            self._figures.turned(request, outcome.reason)
            failures += outcome.reason is ApartReason.FAILED
            self._raise_if_over(request, outcome, failures)
            if outcome.reason in _NO_MORE_WAITS:
                break
        return await self._in_turn(request)

    def _raise_if_over(self, request: Request, outcome: Turned, failures: int) -> None:
        """Raise what ends a request whose wait was in vain, unless another exchange may help."""
        if outcome.reason is ApartReason.LATE:
            if not is_patient(request, self._clock.monotonic()):
                raise UpstreamTimeoutError("the upstream did not answer before the request's deadline")
            if not self._may_elect:
                raise UpstreamTimeoutError("the upstream did not answer another request for the same in time")
        elif outcome.reason is ApartReason.FAILED and (failures > 1 or not self._may_elect):
            outcome.say(request)
            assert outcome.error is not None
            raise again(outcome.error)

    # --- exchanges -----------------------------------------------------------------------------

    async def _lead(self, request: Request, asked: Asked, place: Place, now: Monotonic) -> Response:
        """Go upstream, for all who come to follow."""
        task: Any = asyncio.current_task()
        if not isinstance(task, EagerTask) or task.keeper is not None:
            return await self._lead_apart(request, asked, place, now)
        flight = Flight(request, self._exchanges.writes.count)
        self._exchanges.table.enter(flight, place, now)
        flight.task = task
        task.keeper = flight
        try:
            response = await self._inner(request)
        except BaseException as error:
            task.keeper = None
            self._crashed(flight, error)
            raise
        task.keeper = None
        return self._landed(flight, response)

    async def _lead_apart(self, request: Request, asked: Asked, place: Place, now: Monotonic) -> Response:
        """The same from an ordinary task, which anybody may cancel: the exchange gets a task of its own."""
        flight = Flight(request_of(asked, request), self._exchanges.writes.count)
        flight.lies_apart()
        self._exchanges.table.enter(flight, place, now)
        flight.task = self._runtime.tasks.spawn(self._fly(flight), name="coalesce.exchange")
        member = Member(request, asked, place.parts, now, _NEVER, Waiter(), leads=True)
        outcome = await self._follow(flight, member)  # begins before the other task does
        request.trail += flight.request.trail
        if isinstance(outcome, Response):
            return outcome
        outcome.say(request)
        raise outcome.error or UpstreamTimeoutError("the exchange was given up")

    async def _fly(self, flight: Flight) -> None:
        try:
            response = await self._inner(flight.request)
        except Exception as error:
            self._crashed(flight, error)
        except BaseException as error:
            self._crashed(flight, error)
            raise
        else:
            _, members = self._exchanges.landed(flight, response, self._ask)
            self._stop_timer(flight)
            self._wake(members)

    def _landed(self, flight: Flight, response: Response) -> Response:
        """The response for the request in whose task the exchange ran."""
        own, members = self._exchanges.landed(flight, response, self._ask)
        if flight.timer is not None:
            self._stop_timer(flight)
        self._wake(members)
        if own is None:  # its client left long ago, and the others have what they waited for
            raise asyncio.CancelledError
        return own

    def _crashed(self, flight: Flight, error: BaseException) -> None:
        members = self._exchanges.crashed(flight, error)
        self._stop_timer(flight)
        self._wake(members)

    # --- those who wait ------------------------------------------------------------------------

    async def _follow(self, flight: Flight, member: Member) -> Response | Turned:
        """Wait for the answer of a flight."""
        flight.follow(member)
        if member.due < _NEVER:
            self._arm(flight, member.due)
        try:
            await member.waiter
        except BaseException:
            self._exchanges.left(flight, member)
            raise
        outcome: Given | Turned = member.outcome
        if isinstance(outcome, Turned):
            return outcome
        if not member.leads:
            member.request.trail.append(_FOLLOWED)
        answer: SharedAnswer = outcome.answer
        return answer.give(member.request, outcome.body, outcome.at - member.joined)

    def _wake(self, members: list[Member]) -> None:
        """Let those who waited go on, a few in each turn of the loop."""
        if not members:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # the worker has ended, and coroutines are thrown away
            return
        loop.call_soon(self._wake_some, loop, deque(members))

    def _wake_some(self, loop: asyncio.AbstractEventLoop, members: deque[Member]) -> None:
        try:
            for _ in range(min(AT_A_TIME, len(members))):
                members.popleft().waiter.set_result(None)
        finally:
            if members:
                loop.call_soon(self._wake_some, loop, members)

    def _arm(self, flight: Flight, due: Monotonic) -> None:
        """See to it that somebody who waits is told when his time is up."""
        if flight.timer is not None:
            if flight.timer_at <= due:
                return
            flight.timer.cancel()
        delay = max(due - self._clock.monotonic(), GRAIN_SECONDS)
        flight.timer = asyncio.get_running_loop().call_later(delay, self._overdue, flight)
        flight.timer_at = due

    def _stop_timer(self, flight: Flight) -> None:
        timer, flight.timer = flight.timer, None
        if timer is not None:
            timer.cancel()

    def _overdue(self, flight: Flight) -> None:
        flight.timer = None
        late = self._exchanges.overdue(flight)
        due = flight.due_at
        if due is not None and due < _NEVER:
            self._arm(flight, due)
        self._wake(late)

    # --- on their own --------------------------------------------------------------------------

    async def _in_turn(self, request: Request) -> Response:
        """Go upstream alone, but not all at once with the others that must."""
        turns = self._turns
        has_turn = turns.take() or await self._wait_for_turn()
        self._figures.alone_after_all.inc()
        try:
            response = await self._inner(request)
        except BaseException:
            if has_turn:
                turns.give_back()
            raise
        if has_turn:
            response.on_sent(lambda complete: turns.give_back())
        return response

    async def _wait_for_turn(self) -> bool:
        """Whether a turn came within the time that a request waits; without one it goes all the same."""
        turns, waiter = self._turns, Waiter[bool]()
        turns.queue(waiter)
        timer = asyncio.get_running_loop().call_later(self._wait, waiter.set_result, False)
        try:
            has_turn = await waiter
        except BaseException:
            turns.leave(waiter)
            raise
        finally:
            timer.cancel()
        if not has_turn:
            turns.leave(waiter)
        return has_turn

    # --- slow readers --------------------------------------------------------------------------

    def _ask(self, flight: Flight, course: Course) -> asyncio.Task[Any]:
        return self._runtime.tasks.spawn(self._go_on(flight, course), name="coalesce.continuation")

    async def _go_on(self, flight: Flight, course: Course) -> None:
        """Fetch the rest of an answer for those who were too slow for the exchange that brought it. Cancelled when
        the last of them has left."""
        offset = course.wanted_from or 0
        own = request_of(flight.asked, flight.request)
        own.fields = course.head.fields(flight.asked, offset)
        own.deadline = None
        try:
            response = await self._inner(own)
        except Exception as error:
            course.give_up()
            self._figures.continuation("failed")
            if not isinstance(error, GatewayError):
                raise
            return
        begins = course.head.begins_at(response, offset)
        if begins is None:
            response.discard()
            course.give_up()
            self._figures.continuation("other")
            return
        self._figures.continuation("rest" if begins else "whole")
        spread = course.go_on(content_of(response), begins)
        asyncio.get_running_loop().call_later(self._wait, course.expire, spread)
