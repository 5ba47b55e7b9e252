"""The exchanges of a route: what happens to them and to those who wait. Decided at once; `plugin.py` waits."""

from __future__ import annotations

from typing import Any

from gateway.api import BodyStream, Clock, Monotonic, Request, Response, Runtime
from plugins.coalesce.answer import SharedAnswer, is_about_the_request, of_leader, without_leader
from plugins.coalesce.asked import Asked
from plugins.coalesce.budget import Budget
from plugins.coalesce.course import Course
from plugins.coalesce.figures import CoalesceFigures
from plugins.coalesce.flight import Flight, Given, Member, State, Turned
from plugins.coalesce.key import Keyer, Parts
from plugins.coalesce.known import Known
from plugins.coalesce.landing import Ask, Landings
from plugins.coalesce.reasons import ApartReason, SharedReason
from plugins.coalesce.settings import CoalesceSettings, OnFailure
from plugins.coalesce.table import Table
from plugins.coalesce.writes import Writes


class Exchanges:
    """What is under way, and what was learnt from it."""

    def __init__(self, settings: CoalesceSettings, runtime: Runtime) -> None:
        self._clock: Clock = runtime.clock
        self._followers = settings.followers
        self._join_for: float | None = settings.join_for
        self._may_elect = settings.on_failure is OnFailure.ELECT
        self._joinable: dict[Course, Monotonic] = {}
        """Until when streams may be joined, the first to be too old first."""
        self.keyer = Keyer(settings)
        self.writes = Writes()
        self.table = Table(self.keyer, Known())
        self.budget = runtime.lasting.share("coalesce", Budget)
        self.figures = CoalesceFigures(runtime.figures, runtime.route)
        self._landings = Landings(settings, self.keyer, self.table, self.budget, self.figures.readers_lost.inc)

    # --- before the head -------------------------------------------------------------------------

    def bar(self, flight: Flight, asked: Asked, outdated: Any = None) -> ApartReason | None:
        """Why a request cannot share an exchange that asks for the same; `None` if it can. `outdated` is when an answer
        was asked for that has been of no use to it."""
        if outdated is not None and flight.request.epoch == outdated:
            return ApartReason.PURGED
        if flight.members is not None and len(flight.members) >= self._followers:
            return ApartReason.FULL
        writes = self.writes
        if writes.count > flight.begun and writes.since(self.keyer.identity(asked), flight.begun):
            return ApartReason.WRITE
        return None

    def left(self, flight: Flight, member: Member) -> None:
        """A request that waited was cancelled. Nobody wants the exchange if it was the last one."""
        outcome = member.outcome
        if outcome is None:
            flight.leave(member)
            if flight.state is State.OVER:
                self.table.remove(flight)
        elif isinstance(outcome, Given) and isinstance(outcome.body, BodyStream):
            outcome.body.abort()

    def overdue(self, flight: Flight) -> list[Member]:
        """Those whose time is up. If they may elect a new leader the exchange is too late for newcomers as well."""
        now = self._clock.monotonic()
        late = flight.overdue(now)
        if self._may_elect and any(is_patient(member.request, now) for member in late):
            self.table.remove(flight)
        for member in late:
            member.outcome = Turned(ApartReason.LATE)
        if flight.is_deserted:
            self.table.remove(flight)
            flight.give_up()
        return late

    # --- the head is there -----------------------------------------------------------------------

    def landed(self, flight: Flight, response: Response, ask: Ask) -> tuple[Response | None, list[Member]]:
        """An exchange has been answered: the response for the request it was made for, `None` when that has left, and
        those to be woken. Without either the answer has been given up."""
        now = self._clock.monotonic()
        has_leader = flight.has_leader
        streams = isinstance(response.body, BodyStream) and response.upgraded is None
        members = flight.land(State.UNDER_WAY if streams else State.OVER)
        if not members and (not streams or not has_leader or self._join_for is None):
            self.table.remove(flight)
            if not has_leader:
                response.discard()
                return None, []
            if flight.key is not None:  # others have asked for the same, and this answer may be for all of them
                self._landings.verdict(flight, SharedAnswer(flight, response), now)
            self.figures.alone.inc()
            return response, []
        answer = flight.answer = SharedAnswer(flight, response)
        self._landings.share(flight, answer, response, ask, self._closed)
        own = of_leader(response, answer) if has_leader else None
        if not has_leader:
            without_leader(response, answer)
        shared = self._landings.distribute(flight, answer, members, now) if members else 0
        self._count(flight, members, shared)
        if isinstance(answer.body, Course):
            self._begin(answer, answer.body, now)
        else:
            self.table.remove(flight)
        return own, members

    def join(self, flight: Flight, request: Request, asked: Asked, parts: Parts | None) -> Response | None:
        """The response for a request that comes while the content is under way, if it may have all of it."""
        answer: SharedAnswer = flight.answer
        course = answer.body
        now = self._clock.monotonic()
        assert isinstance(course, Course)
        if not course.may_join or now > answer.joinable_until:
            course.close()
            return None
        if course.readers >= self._followers:
            return None
        bar = self.bar(flight, asked, request.outdated)
        if bar is not None:
            self.figures.turned(request, bar)
            return None
        self._landings.verdict(flight, answer, now)
        if self._landings.refusal(flight, answer, asked, parts) is not None:
            return None
        self.figures.shared(request, SharedReason.JOINED)
        return answer.give(request, course.join(), 0.0)

    def crashed(self, flight: Flight, error: BaseException) -> list[Member]:
        """An exchange ended without an answer. Returns those to be woken, who decide for themselves."""
        members = flight.land(State.OVER)
        self.table.remove(flight)
        if not members:
            return members
        failed = error if isinstance(error, Exception) else None
        reason = ApartReason.LEFT
        if failed is not None:
            reason = ApartReason.REFUSED if is_about_the_request(failed) else ApartReason.FAILED
        said = SharedAnswer(flight, None)
        for member in members:
            member.outcome = Turned(reason, failed, said)
        self.figures.exchange("failed" if failed is not None else "given_up")
        return members

    def _begin(self, answer: SharedAnswer, course: Course, now: Monotonic) -> None:
        joinable = self._join_for is not None and (answer.verdict is None or answer.verdict.reason is None)
        if joinable:
            answer.joinable_until = Monotonic(now + (self._join_for or 0.0))
            self._joinable[course] = answer.joinable_until
        course.begin(for_newcomers=joinable)

    def _count(self, flight: Flight, members: list[Member], shared: int) -> None:
        figures = self.figures
        followers = flight.followers - flight.is_own
        if followers:
            figures.exchange("answered")
            figures.followers.observe(followers)
        figures.followed(shared)
        led = flight.request if flight.has_leader else next((each.request for each in members if each.leads), None)
        if led is not None and shared:
            figures.shared(led, SharedReason.LED)
        elif led is not None:
            figures.alone.inc()

    @property
    def waiting(self) -> int:
        """How many wait for an answer now."""
        return sum(len(flight.members or ()) for flight in self.table)

    def _closed(self, flight: Flight, course: Course) -> None:
        self.table.remove(flight)
        self._joinable.pop(course, None)

    # --- time ------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Keep nothing for newcomers that are too late."""
        now = self._clock.monotonic()
        for course, until in tuple(self._joinable.items()):
            if until >= now:
                break
            course.close()
        self.figures.buffered.set(self.budget.used)


def is_patient(request: Request, now: Monotonic) -> bool:
    """Whether a request has time left for another exchange."""
    return request.deadline is None or request.deadline > now
