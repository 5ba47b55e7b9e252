"""What the cache counts. Children are looked up once for each reason."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api import Counter, Decision, Figures
from gateway.http.message import OWN
from plugins.cache.filling import Filling
from plugins.cache.reasons import CacheReason, HitReason, NotStoredReason
from plugins.cache.store import MemoryStore

NAME = "cache"
"""Who decides, on the trail."""


class CacheFigures:
    """Figures of the cache on one route, and the trail's entries for its reasons."""

    def __init__(self, figures: Figures, route: str) -> None:
        self._figures = figures
        self._route = route
        self._outcomes: dict[CacheReason, tuple[Counter, Decision]] = {}
        self._not_stored: dict[NotStoredReason, tuple[Counter, Counter, Decision]] = {}
        text = "Octets that stored responses take"
        self._octets = figures.gauge("cache_bytes", text)
        self._entries = figures.gauge("cache_entries", "Stored responses")
        self._filling = figures.gauge("cache_filling_bytes", "Octets of answers on their way into the store")
        text = "Times that so much was invalidated at once that other workers had to let go of everything"
        self.overflows = figures.counter("cache_invalidation_overflows_total", text)
        self.refreshes = figures.counter("cache_refreshes_total", "Stored responses refreshed behind", route=route)

    def outcome(self, reason: CacheReason) -> tuple[Counter, Decision]:
        """The counter of requests that ended so, and the decision for their trail."""
        found = self._outcomes.get(reason)
        if found is None:
            counter = self._figures.counter(
                "cache_requests_total",
                "Requests by what the cache did with them",
                route=self._route,
                outcome=reason.value,
            )
            found = self._outcomes[reason] = (counter, Decision(NAME, reason))
        return found

    def count(self, trail: Sequence[Decision]) -> None:
        """Count a request by the last thing that the cache decided about it, unless it is the gateway's own. Fresh hits
        are counted where they are answered, the short ways included."""
        if trail and trail[0].by == OWN:
            return
        for decision in reversed(trail):
            reason = decision.reason
            if decision.by == NAME and isinstance(reason, CacheReason) and not isinstance(reason, NotStoredReason):
                if reason is not HitReason.FRESH:
                    self.outcome(reason)[0].inc()
                return

    def ahead(self, result: str) -> Counter:
        """The counter of stored responses that were due to be refreshed ahead of their end, with what became of it:
        begun, or why not (`shared`: another worker had done it)."""
        text = "Stored responses that were due to be refreshed ahead, by what became of it"
        return self._figures.counter("cache_refreshes_ahead_total", text, route=self._route, result=result)

    def not_stored(self, reason: NotStoredReason, seconds: float) -> None:
        """Count an answer that was not stored, and the origin's time that it would have saved next time."""
        answers, times, _ = self.of_not_stored(reason)
        answers.inc()
        times.inc(max(0.0, seconds))

    def of_not_stored(self, reason: NotStoredReason) -> tuple[Counter, Counter, Decision]:
        """The counters of answers that were not stored for that reason, and of the origin's time; the decision for the
        trail."""
        found = self._not_stored.get(reason)
        if found is None:
            labels = {"route": self._route, "reason": reason.value}
            answers = self._figures.counter("cache_not_stored_total", "Answers that were not stored", **labels)
            text = "Origin time of answers that were not stored"
            times = self._figures.counter("cache_not_stored_seconds_total", text, **labels)
            found = self._not_stored[reason] = (answers, times, Decision(NAME, reason))
        return found

    def show(self, store: MemoryStore, filling: Filling) -> None:
        """Set the gauges."""
        self._octets.set(store.used)
        self._entries.set(len(store))
        self._filling.set(filling.octets)

    def show_nothing(self) -> None:
        """Set the gauges to nothing: there is no store any more."""
        for gauge in (self._octets, self._entries, self._filling):
            gauge.set(0)
