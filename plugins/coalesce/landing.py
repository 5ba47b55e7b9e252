"""An answer has come: who of those who waited gets it, and what it teaches for the next time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway.api import Monotonic, Response
from plugins.coalesce.answer import SharedAnswer
from plugins.coalesce.asked import Asked
from plugins.coalesce.budget import Budget
from plugins.coalesce.course import Course
from plugins.coalesce.flight import Cancellable, Flight, Given, Member, Turned
from plugins.coalesce.key import Keyer, Parts
from plugins.coalesce.known import Fact
from plugins.coalesce.reasons import FOR_ONE_CLIENT, ApartReason
from plugins.coalesce.settings import CoalesceSettings
from plugins.coalesce.sharing import Audience, Verdict, judge
from plugins.coalesce.table import Table

Ask = Callable[[Flight, Course], Cancellable]
"""Sees to it that a further exchange brings the rest of an answer to slow readers."""

Closed = Callable[[Flight, Course], None]
"""Nobody can join that answer any more."""


class Landings:
    """Distributes the answers of a route."""

    def __init__(
        self,
        settings: CoalesceSettings,
        keyer: Keyer,
        table: Table,
        budget: Budget,
        lost: Callable[[int], None],
    ) -> None:
        """`lost` is called with the number of readers whose shared body broke off."""
        self._keyer = keyer
        self._known = table.known
        self._table = table
        self._budget = budget
        self._lost = lost
        self._buffer: int = settings.buffer
        self._continuations = settings.continuations
        self._remember: float = settings.remember
        self._remember_shared: float = settings.remember_shared

    def share(self, flight: Flight, answer: SharedAnswer, response: Response, ask: Ask, closed: Closed) -> None:
        """Let `answer` have the body of `response`, for as many as there will be."""
        body = response.body
        if isinstance(body, bytes):
            answer.body = body
            return
        answer.body = Course(
            body,
            answer.head,
            buffer=self._buffer,
            budget=self._budget,
            most=self._continuations,
            ask=partial(ask, flight),
            closed=partial(closed, flight),
            lost=self._lost,
        )

    def distribute(self, flight: Flight, answer: SharedAnswer, members: list[Member], now: Monotonic) -> int:
        """Decide what each of those who waited gets; how many get the answer."""
        self.verdict(flight, answer, now)
        shared = 0
        for member in members:
            reason = None if member.leads else self.refusal(flight, answer, member.asked, member.parts)
            if reason is None:
                member.outcome = Given(answer, answer.branch(), now)
                shared += not member.leads
            else:
                member.outcome = Turned(reason)
        return shared

    def verdict(self, flight: Flight, answer: SharedAnswer, now: Monotonic) -> Verdict:
        """Who may get the answer; learnt from when it is first asked."""
        verdict = answer.verdict
        if verdict is None:
            parts = self._table.parts_of(flight)
            verdict = answer.verdict = judge(
                answer.head, has_identity=bool(parts.identity), has_credentials=parts.has_credentials
            )
            one_identity = verdict.audience is Audience.SAME_IDENTITY
            answer.names = self._keyer.open_names(verdict.vary, identity_counts=one_identity)
            self._learn(flight, verdict, now)
        return verdict

    def refusal(self, flight: Flight, answer: SharedAnswer, asked: Asked, parts: Parts | None) -> ApartReason | None:
        """Why a request for the same must not get the answer, whose verdict is known; `None` if it may. Without `parts`
        it is like the one that brought the answer, to the octet. Whoever follows may well be somebody else: what
        answers to others were like brought them together."""
        verdict = answer.verdict
        assert verdict is not None
        if verdict.audience is Audience.NOBODY:
            if verdict.reason is ApartReason.STATUS and asked == answer.asked:
                return None
            return verdict.reason
        one_identity = verdict.audience is Audience.SAME_IDENTITY
        if one_identity and parts is not None and parts.identity != self._table.parts_of(flight).identity:
            return ApartReason.IDENTITY
        if answer.names and not answer.fits(asked):
            return ApartReason.VARY
        return None

    def _learn(self, flight: Flight, verdict: Verdict, now: Monotonic) -> None:
        target, common = flight.asked.target, self._table.parts_of(flight).common
        everybody = verdict.audience is Audience.EVERYBODY
        names = self._keyer.open_names(verdict.vary, identity_counts=not everybody)
        if verdict.reason in FOR_ONE_CLIENT:
            if self._remember:
                self._known.learn(target, common, Fact(Monotonic(now + self._remember), apart=verdict.reason))
        elif verdict.reason is not None:
            return  # it says nothing about the next answer
        elif (everybody or names) and self._remember_shared:
            until = Monotonic(now + self._remember_shared)
            self._known.learn(target, common, Fact(until, for_everybody=everybody, vary=names))
        else:
            self._known.forget(target, common)
