"""What the plugin counts."""

from __future__ import annotations

from gateway.api import Counter, Figures, Gauge, Request
from plugins.batch.common.reasons import DECISIONS, BatchReason

SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
"""Bounds of the histogram of sizes."""


class BatchFigures:
    """Figures of one part (`client`, `merge`, `rpc`) on one route."""

    def __init__(self, figures: Figures, route: str, part: str) -> None:
        self._figures = figures
        self._labels = {"route": route, "part": part}
        self._outcomes: dict[BatchReason, Counter] = {}
        self.saved = figures.counter(
            "batch_upstream_calls_saved_total",
            "Calls to the upstream that were not made because another one brought the answer",
            **self._labels,
        )
        self.sizes = figures.histogram(
            "batch_size", "Items of a batch, ids of a bulk call, calls of an array", SIZES, **self._labels
        )

    def decide(self, request: Request, reason: BatchReason) -> None:
        """Put what became of a request on its trail, and count it."""
        request.trail.append(DECISIONS[reason])
        counter = self._outcomes.get(reason)
        if counter is None:
            counter = self._outcomes[reason] = self._figures.counter(
                "batch_requests_total", "Requests by what became of them", outcome=reason.value, **self._labels
            )
        counter.inc()

    def answered(self, status: int) -> None:
        """Count the answer to one item of a client's batch."""
        self._figures.counter(
            "batch_items_total", "Items of batches by class of status", status=f"{status // 100}xx", **self._labels
        ).inc()

    def window(self, rule: str) -> Gauge:
        """The window of one rule, in seconds."""
        return self._figures.gauge(
            "batch_window_seconds", "How long requests wait for company now", route=self._labels["route"], rule=rule
        )
