"""Where nothing is stored and nobody may be asked: refusals that come from behind the cache, told again without a look.

While an upstream is not asked, everything that is not stored is refused, and should cost no more than a hit. The first
refusal takes the long way, through key and plan, and leaves word beside the fields of its head; the next one asks only
whether there is still nothing stored. The replay lane may give it again as long as that is so."""

from __future__ import annotations

import math

from gateway.api import (
    AtOnce,
    CircuitOpenError,
    Counter,
    Monotonic,
    Replayable,
    Request,
    Response,
)
from plugins.cache.figures import CacheFigures
from plugins.cache.reasons import BypassReason, MissReason
from plugins.cache.settings import CacheSettings
from plugins.cache.shared import Shared
from plugins.cache.store import Absence
from plugins.cache.tiered import Tiered
from plugins.cache.uncacheable import Uncacheable

_PLAIN = frozenset({"GET", "HEAD"})
LOOK_SECONDS = 1.0
"""How late, at most, the replay lane sees what another worker has put into a tier that both have."""


class MissReplay:
    """Lets a refusal be given again until something is stored for the key."""

    __slots__ = ("_absence", "_inner", "_latest", "_outcomes", "reads")

    def __init__(
        self, inner: Replayable, absence: Absence, outcomes: Counter, latest: float, key_fields: frozenset[bytes]
    ) -> None:
        """`inner` is who refuses; `outcomes` counts such requests; `latest` is when to look again at the latest, in
        monotonic seconds."""
        self._inner = inner
        self._absence = absence
        self._outcomes = outcomes
        self._latest = latest
        self.reads = inner.reads | key_fields

    @property
    def alive(self) -> bool:
        """Whether nothing is stored, and who refuses still does."""
        return self._absence.holds and self._inner.alive

    @property
    def until(self) -> Monotonic:
        """When somebody has to look whether that is still so."""
        return Monotonic(min(self._inner.until, self._latest))

    def lines(self, now: float) -> tuple[bytes, float]:
        """Those of who refuses."""
        return self._inner.lines(now)

    def used(self, times: int) -> None:
        """So many requests were refused by it lately."""
        self._outcomes.inc(times)
        self._inner.used(times)


class Missing:
    """Refusals on one route."""

    __slots__ = ("_figures", "_key_fields", "_may_replay", "_steady", "_store", "_tiered", "_uncacheable")

    def __init__(
        self,
        settings: CacheSettings,
        shared: Shared,
        figures: CacheFigures,
        uncacheable: Uncacheable,
        tiered: Tiered | None,
    ) -> None:
        self._store = shared.store
        self._steady = shared.steady
        self._figures = figures
        self._uncacheable = uncacheable
        self._tiered = tiered
        self._key_fields = frozenset(name.lower().encode() for name in settings.key.fields)
        self._may_replay = settings.replay and not settings.key.cookies

    def refused(self, request: Request, key: bytes | BypassReason, error: CircuitOpenError, now: Monotonic) -> None:
        """`request` was refused behind the cache, by an `error` that is on its way to the client."""
        inner, error.replay = error.replay, None
        tiered, notes = self._tiered, request.fields.notes
        if isinstance(key, BypassReason) or request.method not in _PLAIN or request.body != b"":
            return
        if self._store.get(key) is not None or (tiered is not None and tiered.tiers.has_far):
            return
        if notes is not None:
            notes[self] = (key, request.target, request.authority, request.scheme, request.method)
        if inner is None or not self._may_replay or (absence := self._store.absence(key)) is None:
            return
        is_known = self._uncacheable.recall(key, self._steady.at(now)) is not None
        counter, _ = self._figures.outcome(BypassReason.UNCACHEABLE if is_known else MissReason.URI_MISS)
        latest = math.inf if tiered is None else now + LOOK_SECONDS
        error.replay = MissReplay(inner, absence, counter, latest, self._key_fields)

    def behind(self, hit: AtOnce, ask: AtOnce) -> AtOnce:
        """The short way past the cache: `hit`, which answers only heads that came before, or, for one that was refused
        when nothing was stored, what `ask` says: the short way of whoever refuses."""
        find, tiered = self._store.get, self._tiered
        uncacheable, steady_at = self._uncacheable, self._steady.at
        looks = tiered is not None
        missed, decided = self._figures.outcome(MissReason.URI_MISS)
        row, cell = missed.row, missed.cell

        def at_once(request: Request) -> Response | None:
            notes = request.fields.notes
            if notes is None:
                return hit(request) if looks else None  # memory has no answer either
            known = notes.get(self)
            if known is None:
                return hit(request)
            key, target, authority, scheme, method = known
            if (
                request.offers_replay
                or request.target is not target
                or request.authority is not authority
                or request.scheme is not scheme
                or request.method is not method
                or request.body
            ):
                return None
            if find(key) is not None or (tiered is not None and tiered.look(key, None)):
                del notes[self]
                return hit(request)
            is_uncacheable = uncacheable and uncacheable.recall(key, steady_at(request.started)) is not None
            request.trail.append(self._figures.outcome(BypassReason.UNCACHEABLE)[1] if is_uncacheable else decided)
            response = ask(request)
            if response is None:
                request.trail.pop()
                del notes[self]  # the upstream may be asked again, and nobody else need look
            elif is_uncacheable:
                self._figures.outcome(BypassReason.UNCACHEABLE)[0].inc()
            else:
                row[cell] += 1.0
            return response

        return at_once
