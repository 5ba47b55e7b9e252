"""Fresh stored responses as answers: the long way, by plan, and the short way for heads that came before."""

from __future__ import annotations

from collections.abc import Callable

from gateway.api import Request, Response, WallTime
from gateway.http.message import OWN
from plugins.cache.ahead import Ahead, alone_until
from plugins.cache.answer import answer, whole
from plugins.cache.figures import CacheFigures
from plugins.cache.freshness import SteadyTime, remaining_seconds
from plugins.cache.policy import Policy
from plugins.cache.ready import Ready, may_be_known, octets_of_ready
from plugins.cache.reasons import HitReason
from plugins.cache.replaying import Replays
from plugins.cache.status import CacheStatus
from plugins.cache.stored import StoredResponse


class Serving:
    """Answers from fresh stored responses on one route."""

    __slots__ = ("_ahead", "_counter", "_decision", "_policy", "_ready", "_replays", "_status", "_steady", "refresh")

    def __init__(
        self,
        route: str,
        policy: Policy,
        status: CacheStatus | None,
        steady: SteadyTime,
        figures: CacheFigures,
        replayed: frozenset[bytes] | None,
        ahead: Ahead | None = None,
    ) -> None:
        """`replayed` are request fields that are part of the key, `None` where answers are not to be replayed."""
        self._ahead = ahead
        self.refresh: Callable[[Request, StoredResponse, WallTime], None] = _nobody
        """Called for the use of a stored response that is to refresh it ahead of its end."""
        self._policy = policy
        self._status = status
        self._steady = steady
        self._ready = f"ready {route}"
        self._counter, self._decision = figures.outcome(HitReason.FRESH)
        self._replays: Replays | None = None
        if replayed is not None:
            self._replays = Replays(f"replay {route}", steady, status, replayed, self._counter.inc)

    def let_nothing_replay(self) -> None:
        """Somebody in front wants to see every request."""
        self._replays = None

    def fresh(self, request: Request, stored: StoredResponse, age: float, now: WallTime) -> Response:
        """The answer to `request` from `stored`, which is fresh and `age` seconds old."""
        stored.uses += 1
        stored.last_used = now
        ahead = self._ahead
        if ahead is not None and ahead.is_due(stored, now):
            self.refresh(request, stored, now)
        trail = request.trail
        if not trail or trail[0].by != OWN:
            self._counter.inc()
        trail.append(self._decision)
        status = None if self._status is None else self._status.fresh(remaining_seconds(stored, age))
        response = answer(request, stored, age, now, self._policy, status)
        if request.offers_replay:
            if self._replays is not None and (response.body is stored.body or response.status == 304):
                self._replays.let(request, response, stored, age)
        elif response.body is stored.body and may_be_known(request):
            self._remember(request, stored)
        return response

    def _remember(self, request: Request, stored: StoredResponse) -> None:
        """Leave word for `at_once` that `stored`, whole, answers this head."""
        ready: Ready | None = stored.derived(self._ready)
        if ready is None or not ready.alive or ready.made_by is not self:
            ready = Ready(stored, whole(stored, self._policy), self._status, self)
            if not stored.keep(self._ready, ready, octets_of_ready(stored)):
                return  # what cannot be kept would be made, and told of the end, with every hit
            stored.on_end(ready.end)
        ready.until = alone_until(stored)
        notes = request.fields.notes
        if ready.alive and notes is not None:
            notes[self] = (ready, request.target, request.authority, request.scheme)

    def at_once(self, request: Request) -> Response | None:
        """The same answer as `fresh` gave to this head, while nothing has changed."""
        notes = request.fields.notes
        if notes is None or (known := notes.get(self)) is None:
            return None
        ready, target, authority, scheme = known
        now = self._steady.at(request.started)
        if (
            not ready.alive
            or now >= ready.until
            or request.offers_replay
            or request.target is not target
            or request.authority is not authority
            or request.scheme is not scheme
            or request.method != "GET"
        ):
            return None
        self._counter.inc()
        request.trail.append(self._decision)
        response: Response = ready.use(now)
        return response


def _nobody(request: Request, stored: StoredResponse, now: WallTime) -> None:
    """Nobody refreshes: there is no chain yet."""
