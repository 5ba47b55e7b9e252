"""What the room counts. Children are looked up once for each reason."""

from __future__ import annotations

from gateway.api import Counter, Figures, Request
from plugins.coalesce.reasons import DECISIONS, ApartReason, SharedReason

SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)
"""Bounds of the histogram of followers."""


class CoalesceFigures:
    """Figures of one route."""

    def __init__(self, figures: Figures, route: str) -> None:
        self._figures = figures
        self._route = route
        self._reasons: dict[ApartReason, Counter] = {}
        self.alone = self._requests("alone")
        self._shared = {reason: self._requests(reason.value) for reason in SharedReason}
        self.alone_after_all = self._requests("apart")
        self.saved = figures.counter(
            "coalesce_upstream_calls_saved_total", "Requests answered by another one's exchange", route=route
        )
        self.followers = figures.histogram(
            "coalesce_followers", "Followers of an exchange that had any", SIZES, route=route
        )
        self.waiting = figures.gauge("coalesce_waiting", "Requests that wait for another one's answer", route=route)
        self.queued = figures.gauge(
            "coalesce_queued", "Requests that wait for their turn to go upstream on their own", route=route
        )
        self.buffered = figures.gauge("coalesce_buffer_bytes", "Octets that the buffers of shared answers hold")
        self.readers_lost = figures.counter(
            "coalesce_readers_lost_total", "Shared answers that broke off for one reader that was too slow", route=route
        )

        self._shown = (0, 0)

    def show(self, waiting: int, queued: int) -> None:
        """Set the gauges of who waits. The chain before a reload counts in them until its last request has ended."""
        before, self._shown = self._shown, (waiting, queued)
        self.waiting.inc(waiting - before[0])
        self.queued.inc(queued - before[1])

    def _requests(self, outcome: str) -> Counter:
        text = "Requests by whether they shared an exchange"
        return self._figures.counter("coalesce_requests_total", text, route=self._route, outcome=outcome)

    def shared(self, request: Request, reason: SharedReason) -> None:
        """A request shares an exchange with others."""
        request.trail.append(DECISIONS[reason])
        self._shared[reason].inc()
        if reason is not SharedReason.LED:
            self.saved.inc()

    def followed(self, number: int) -> None:
        """So many requests get the answer that they waited for."""
        if number:
            self._shared[SharedReason.FOLLOWED].inc(number)
            self.saved.inc(number)

    def apart(self, request: Request, reason: ApartReason) -> None:
        """A request goes upstream on its own although others ask for the same."""
        self.turned(request, reason)
        self.alone_after_all.inc()

    def turned(self, request: Request, reason: ApartReason) -> None:
        """An answer that a request waited for was not for it, or it could not wait for one."""
        request.trail.append(DECISIONS[reason])
        counter = self._reasons.get(reason)
        if counter is None:
            text = "Times that a request did not share an exchange that it might have shared, by reason"
            counter = self._reasons[reason] = self._figures.counter(
                "coalesce_not_shared_total", text, route=self._route, reason=reason.value
            )
        counter.inc()

    def exchange(self, end: str) -> None:
        """An exchange that had company ended so."""
        text = "Exchanges that others followed, by how they ended"
        self._figures.counter("coalesce_exchanges_total", text, route=self._route, end=end).inc()

    def continuation(self, outcome: str) -> None:
        """A further exchange for slow readers."""
        text = "Further exchanges for slow readers of an answer, by what they brought"
        self._figures.counter("coalesce_continuations_total", text, route=self._route, outcome=outcome).inc()
