"""One rule of merging with all that belongs to it: who is gathered, what is asked, and what each is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from gateway.api import Fields, GatewayError, Monotonic, Request, Response
from plugins.batch.common.json_text import steps
from plugins.batch.common.reasons import MergeReason
from plugins.batch.merge.answer import Answers
from plugins.batch.merge.partition import Partitioner, differs, why_not
from plugins.batch.merge.rest import Rest
from plugins.batch.merge.split import split
from plugins.batch.merge.template import Asked, Template
from plugins.batch.merge.window import Gatherer, Gathering
from plugins.batch.settings import MOST_ID_OCTETS, MergeSettings, Missing


class Waiter:
    """A request that waits for company, or for the answer to a bulk call."""

    __slots__ = ("asked", "request", "told")

    def __init__(self, request: Request, asked: Asked, told: Any) -> None:
        self.request = request
        self.asked = asked
        self.told = told
        """A future of `Told`."""


class Told(NamedTuple):
    """What becomes of a request that has waited. With neither an answer nor an error it goes upstream by itself."""

    reason: MergeReason
    response: Response | None = None
    error: Exception | None = None


class Rule:
    """A rule, compiled."""

    def __init__(self, settings: MergeSettings) -> None:
        self.name = settings.match
        self.timeout = settings.timeout
        self.max_answer = settings.max_answer
        self.template = Template(settings.match, settings.bulk, settings.separator)
        self.partitioner = Partitioner(settings.ignore, client_address=settings.client_address)
        self.gatherer: Gatherer[Waiter] = Gatherer(settings.max, settings.window, MOST_ID_OCTETS)
        self.rest = Rest(settings.rest)
        self.single_calls = settings.fallback
        self.most_waiting = settings.fallback_waiting
        self._answers = Answers(steps(settings.wrap), settings.fields)
        self._items = steps(settings.items)
        self._by = steps(settings.by)
        self._asks_again = settings.missing is Missing.SINGLE

    def judge(self, request: Request, now: Monotonic) -> Asked | MergeReason:
        """What a request whose path matches asks for, or why it cannot be merged now."""
        reason = why_not(request, self.template)
        if reason is not None:
            return reason
        asked = self.template.read(request.path)
        if asked is None:
            return MergeReason.ID
        return asked if self.rest.is_over(now) else MergeReason.RESTING

    def bulk_request(self, gathering: Gathering[Waiter], now: Monotonic) -> Request:
        """The request for all that wait: the first one's, but for its target, and without a coding."""
        waiters = [waiter for slot in gathering.slots.values() for waiter in slot]
        first = waiters[0]
        single = first.request
        ids = [wanted for wanted, slot in gathering.slots.items() if slot]
        target = self.template.target(ids, first.asked.others, single.query)
        fields = single.fields.copy()
        fields.remove(b"accept-encoding")
        bulk = Request("GET", target, fields, b"", single.authority, single.downstream, now, single.minor)
        bulk.scheme, bulk.client, bulk.route = single.scheme, single.client, single.route
        deadlines = [waiter.request.deadline for waiter in waiters]
        known = [deadline for deadline in deadlines if deadline is not None]
        if len(known) == len(deadlines):
            bulk.deadline = max(known)
        return bulk

    def tell(
        self, gathering: Gathering[Waiter], asked_with: Fields, response: Response, body: bytes
    ) -> Iterator[tuple[Waiter, Told]]:
        """What each of those who wait is told after a bulk answer. Raises JsonError when it cannot be taken apart.

        `asked_with` are the fields of the bulk request."""
        said = split(body, self._items, self._by, gathering.slots.keys())
        shared = self._answers.shared(response.fields)
        vary = response.fields.get(b"vary")
        for wanted, slot in gathering.slots.items():
            octets = said.found.get(wanted)
            for waiter in slot:
                if differs(vary, asked_with, waiter.request.fields):
                    told = Told(MergeReason.VARY)
                elif octets is not None:
                    told = Told(MergeReason.MERGED, self._answers.element(shared, octets))
                elif wanted in said.unsure or said.has_strangers:
                    told = Told(MergeReason.UNSURE)
                elif self._asks_again:
                    told = Told(MergeReason.MISSING)
                else:
                    told = Told(MergeReason.MISSING, self._answers.missing(shared, waiter.request))
                yield waiter, told


def same_error(error: Exception) -> Exception:
    """An error to raise again in another request, with a traceback of its own."""
    if not isinstance(error, GatewayError):
        return error
    again = type(error).__new__(type(error), *error.args)
    again.args = error.args
    again.__dict__.update(error.__dict__)
    again.__cause__ = error
    return again
