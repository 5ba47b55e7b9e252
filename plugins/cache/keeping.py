"""What is done with an answer that came from the origin: stored, used to freshen, handed on with word of it.

Everything here happens at once; what has to be waited for is in `plugin.py`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.api import BodyStream, Lease, Request, Response
from plugins.cache.answer import answer, answer_fetched
from plugins.cache.etags import entity_tag_for_clients
from plugins.cache.figures import CacheFigures
from plugins.cache.fill import Fill
from plugins.cache.freshness import Times, current_age
from plugins.cache.key import Keyer
from plugins.cache.partial import combine
from plugins.cache.policy import Policy
from plugins.cache.reasons import ForwardReason, HitReason, NotStoredReason
from plugins.cache.revalidation import Confirmed, Update, detached, judge_head
from plugins.cache.shared import Shared
from plugins.cache.status import CacheStatus, append
from plugins.cache.store import Ending, Put
from plugins.cache.stored import StoredResponse
from plugins.cache.storing import StorePlan, may_store, plan_storing
from plugins.cache.tiered import Tiered
from plugins.cache.uncacheable import Uncacheable
from plugins.cache.vary import select_part

ABOUT_ONE_REQUEST = frozenset(
    {
        NotStoredReason.HEAD,
        NotStoredReason.METHOD,
        NotStoredReason.POST_LOCATION,
        NotStoredReason.REQUEST_NO_STORE,
        NotStoredReason.CONDITION,
        NotStoredReason.AUTHORIZATION,
        NotStoredReason.PARTIAL,
        NotStoredReason.INVALIDATED,
        NotStoredReason.OVERTAKEN,
        NotStoredReason.FILLING,
        NotStoredReason.CROWDED,
        NotStoredReason.INCOMPLETE,
        NotStoredReason.UPGRADED,
    }
)
"""Reasons that say nothing about the next request for the same key."""

_MAY_COME = frozenset(
    {
        NotStoredReason.INVALIDATED,
        NotStoredReason.OVERTAKEN,
        NotStoredReason.FILLING,
        NotStoredReason.CROWDED,
        NotStoredReason.INCOMPLETE,
    }
)
"""Reasons for which the next answer may be one for all: those who wait for this one elsewhere try themselves, one at a
time. For every other reason each fetches its own."""
APART_SECONDS = 5.0
"""How long at most other workers do not wait for each other where an answer could not be stored."""

_SUPERSEDING = frozenset(
    {
        NotStoredReason.NO_STORE,
        NotStoredReason.MUST_UNDERSTAND,
        NotStoredReason.VARY_STAR,
        NotStoredReason.VARY_TOO_WIDE,
        NotStoredReason.NO_FRESHNESS,
        NotStoredReason.NO_USE,
        NotStoredReason.TOO_LARGE,
    }
)
"""Reasons of an answer that is everybody's, though it cannot be stored: what was stored before it is out of date."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """How an answer came."""

    key: bytes
    since: int
    """The store's epoch when it was asked for."""
    times: Times
    reason: ForwardReason
    whole: bool
    """Whether the whole was asked for in place of a part."""
    marks: tuple[int, ...] = ()
    """The marks of the tiers when it was asked for."""
    lease: Lease | None = None
    """Under what it was asked for, if others wait for it."""

    @property
    def seconds(self) -> float:
        """How long the origin took."""
        return max(0.0, self.times.response_time - self.times.request_time)


class Keeper:
    """Puts answers of one route into the store."""

    def __init__(
        self,
        shared: Shared,
        keyer: Keyer,
        policy: Policy,
        status: CacheStatus | None,
        figures: CacheFigures,
        uncacheable: Uncacheable,
        route: str,
        tiered: Tiered | None = None,
    ) -> None:
        self._store = shared.store
        self._filling = shared.filling
        self._keyer = keyer
        self._policy = policy
        self._status = status
        self._figures = figures
        self._uncacheable = uncacheable
        self._route = route
        self._tiered = tiered

    def put(
        self, sent: Request, planned: StorePlan, key: bytes, body: bytes, fetched: Fetched
    ) -> StoredResponse | NotStoredReason:
        """Store a complete answer."""
        stored = planned.stored(key, self._route, body, fetched.seconds)
        if planned.part is not None:
            if planned.part.end - planned.part.start != len(body):
                return self.not_stored(fetched, NotStoredReason.INCOMPLETE)
            stored = self._joined(sent, stored, planned, fetched)
        if self._is_overtaken(stored):
            return self.not_stored(fetched, NotStoredReason.OVERTAKEN)
        put = self._store.put(stored, fetched.since)
        if put is Put.STORED:
            self._uncacheable.forget(fetched.key)
            if self._tiered is not None:
                self._tiered.keep(stored, fetched.marks, self._policy, fetched.lease)
            return stored
        if self._tiered is not None:
            self._tiered.drop(stored)
        return self.not_stored(
            fetched, NotStoredReason.TOO_LARGE if put is Put.TOO_LARGE else NotStoredReason.INVALIDATED
        )

    def is_purged(self, sent: Request, response: Response, fetched: Fetched) -> bool:
        """Whether an answer, as it or that to a GET would be stored, was purged since it was asked for."""
        if sent.method == "HEAD" and response.upgraded is None:
            times, policy = fetched.times, self._policy
            planned = plan_storing(sent, response.status, response.reason, response.fields, times, policy)
        else:
            planned = may_store(sent, response, fetched.times, self._policy)
        if not isinstance(planned, StorePlan):
            return False
        return self._store.was_purged(planned.stored(fetched.key, self._route, b"", 0.0), fetched.since)

    def _joined(self, sent: Request, stored: StoredResponse, planned: StorePlan, fetched: Fetched) -> StoredResponse:
        """A part joined with one that was there before, where they fit (RFC 9111 §3.4)."""
        old = select_part(self._store.get(stored.key) or (), sent.fields)
        joined = None if old is None else combine(old, planned.fields, stored.body, stored.etag, stored.last_modified)
        if joined is None:
            return stored
        whole = plan_storing(sent, joined.status, planned.reason, joined.fields, fetched.times, self._policy)
        if not isinstance(whole, StorePlan):
            return stored
        whole = replace(whole, initial_age=planned.initial_age)  # an Age that came is not among the stored fields
        if old is not None and joined.status == 200:
            self._remove(old, Ending.REPLACED)
        return whole.stored(stored.key, stored.route, joined.body, stored.origin_seconds)

    def _is_overtaken(self, stored: StoredResponse) -> bool:
        """Whether what is stored in its place came, or was confirmed, later: it was a long time on its way."""
        present = self._store.get(stored.key) or ()
        return any(each.variant == stored.variant and each.response_time > stored.response_time for each in present)

    def not_stored(self, fetched: Fetched, reason: NotStoredReason) -> NotStoredReason:
        """Count an answer that was not stored, and remember the key where the next one will not be either."""
        self._figures.not_stored(reason, fetched.seconds)
        lasts = 0.0
        if reason not in ABOUT_ONE_REQUEST:
            self._uncacheable.remember(fetched.key, reason, fetched.times.response_time)
            lasts = min(self._uncacheable.seconds, APART_SECONDS)
        if fetched.lease is not None and reason not in _MAY_COME:
            fetched.lease.set_apart(lasts)
        return reason

    def supersede(self, stored: StoredResponse | None, response: Response, reason: NotStoredReason) -> None:
        """Remove `stored`, in whose place `response` came and could not be stored for `reason`.

        Not for an error of the moment, nor for an answer to this client alone."""
        status = response.status
        is_lasting = (status < 400 and status not in (206, 304)) or status in (404, 410)
        if stored is not None and is_lasting and reason in _SUPERSEDING:
            self._remove(stored, Ending.REPLACED)

    def _remove(self, stored: StoredResponse, ending: Ending) -> None:
        """Let go of what is wrong or was replaced, in the tiers too."""
        self._store.remove(stored, ending)
        if self._tiered is not None:
            self._tiered.drop(stored)

    def is_for_get(self, request: Request, response: Response, times: Times) -> bool:
        """Whether an answer to POST may be stored for later GETs (RFC 9110 §9.3.3).

        Not if something of the request may have shaped it that no GET's key has."""
        policy, fields = self._policy, request.fields
        if request.method != "POST" or response.upgraded is not None:
            return False
        if any(name in fields for name in policy.unkeyed) or self._keyer.target(request.target) != request.target:
            return False
        if policy.bypass_cookies is not None and policy.bypass_cookies.matches(fields):
            return False
        planned = may_store(request, response, times, policy)
        return isinstance(planned, StorePlan) and planned.for_get

    def confirmed(self, request: Request, confirmed: Confirmed, fetched: Fetched) -> Response:
        """The answer after a 304: what it is about is freshened, and answers."""
        first, times = confirmed.updates[0], fetched.times
        good = first.stored
        for update in confirmed.updates:
            moved = self._update(fetched, update)
            good = moved if update is first and moved is not None else good
        if not isinstance(first.plan, StorePlan):
            good = detached(first.stored, confirmed.fields, times, confirmed.age)
        good.use(times.response_time)
        status = None
        if self._status is not None:
            status = self._status.forwarded(
                fetched.reason, status=304, stored=good.is_stored, detail=HitReason.REVALIDATED
            )
        age = current_age(good, times.response_time)
        response = answer(request, good, age, times.response_time, self._policy, status)
        for name, value in confirmed.personal:
            response.fields.add(name, value)
        return response

    def _update(self, fetched: Fetched, update: Update) -> StoredResponse | None:
        """Do what a validation says about one stored response; the one in its place when it had to be stored anew."""
        store, stored, planned = self._store, update.stored, update.plan
        if not isinstance(planned, StorePlan):
            if not update.may_stay:
                self._remove(stored, Ending.INVALIDATED)
            return None
        if planned.variant == stored.variant:
            if store.freshen(stored, planned.freshening(), fetched.since) and self._tiered is not None:
                self._tiered.keep(stored, fetched.marks, self._policy, fetched.lease)
            return None
        self._remove(stored, Ending.REPLACED)
        moved = planned.stored(fetched.key, self._route, stored.body, stored.origin_seconds)
        if store.put(moved, fetched.since) is Put.STORED and self._tiered is not None:
            self._tiered.keep(moved, fetched.marks, self._policy, fetched.lease)
        return moved

    def fill(
        self,
        request: Request,
        sent: Request,
        response: Response,
        body: BodyStream,
        planned: StorePlan,
        key: bytes,
        fetched: Fetched,
    ) -> Response:
        """Store a streamed answer while the client gets it, or gets a 304 or 412 in its place. Where there is no room
        for it on its way, or another one is coming, it only passes."""
        most, filling, mark, status = self._policy.max_entry, self._filling, (key, planned.variant), response.status
        length = body.length or 0
        refused = filling.begin(mark, fetched.since, length)
        if refused is not None:
            return self.hand_on(request, response, fetched, self.not_stored(fetched, refused))
        instead = None
        if fetched.reason.forward != "bypass":
            instead = answer_fetched(request, response, fetched.times.received)

        lease = fetched.lease
        if lease is not None:
            lease.join()

        def done(fill: Fill, result: bytes | NotStoredReason) -> None:
            filling.end(mark, fetched.since, fill.reserved)
            if isinstance(result, bytes):
                kept = self.put(sent, planned, key, result, fetched)
            else:
                kept = self.not_stored(fetched, result)
            if isinstance(kept, NotStoredReason):
                self._note(request, kept)
            if lease is not None:
                lease.leave()
            if instead is not None:
                response.sent(isinstance(result, bytes))

        for_store = body
        if instead is None:
            response.body, for_store = body.tee(most, keep_first=True)
        Fill(for_store, most, filling, length, done).begin()
        return self.tell(instead or response, fetched, status, stored=True)

    def hand_on(
        self,
        request: Request,
        response: Response,
        fetched: Fetched,
        result: StoredResponse | NotStoredReason,
        withheld: Iterable[tuple[bytes, bytes]] = (),
    ) -> Response:
        """The answer for the client. `result` tells whether it was stored, `withheld` which of its fields were not."""
        upstream_status = response.status
        stored = result if isinstance(result, StoredResponse) else None
        times = fetched.times
        if request.method == "HEAD":
            for update in judge_head(request, response, self._store.get(fetched.key) or (), times, self._policy):
                self._update(fetched, update)
        if stored is not None:
            tag = entity_tag_for_clients(stored, self._policy)
            if tag is not None and stored.etag is None:
                response.fields.add(b"ETag", tag.encode())
        other: Response | None = None
        if stored is not None and fetched.whole and response.status == 200:
            other = answer(request, stored, stored.corrected_initial_age, times.response_time, self._policy, None)
            if b"age" not in response.fields:
                other.fields.remove(b"age")
            for name, value in withheld:
                other.fields.add(name, value)
        elif fetched.reason.forward != "bypass":
            other = answer_fetched(request, response, times.received)
        if other is not None:
            response.discard()
            response = other
        elif stored is not None and response.body is stored.body:
            response.stored = stored
        detail = None if isinstance(result, StoredResponse) else result
        if detail is not None:
            self._note(request, detail)
        return self.tell(response, fetched, upstream_status, stored=stored is not None, detail=detail)

    def _note(self, request: Request, reason: NotStoredReason) -> None:
        """Put on the trail why an answer was not stored."""
        request.trail.append(self._figures.of_not_stored(reason)[2])

    def tell(
        self,
        response: Response,
        fetched: Fetched,
        upstream_status: int,
        *,
        stored: bool,
        detail: NotStoredReason | None = None,
    ) -> Response:
        """`response` with Cache-Status: why the origin was asked, and why its answer was not stored if it was not."""
        if self._status is not None:
            status = self._status.forwarded(fetched.reason, status=upstream_status, stored=stored, detail=detail)
            append(response.fields, status)
        return response
