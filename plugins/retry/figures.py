"""What the retries of one route show."""

from __future__ import annotations

from gateway.api import Counter, Decision, Figures
from plugins.retry.reasons import RetryReason, StopReason

NAME = "retry"
"""Who decides, on the trail."""


class RetryFigures:
    """Counters of one route, and the decisions for the trail."""

    def __init__(self, figures: Figures, route: str) -> None:
        self._attempts: dict[RetryReason, tuple[Counter, Decision]] = {}
        self._stops: dict[StopReason, tuple[Counter, Decision]] = {}
        for reason in RetryReason:
            text = "Attempts beyond the first one, by what made them necessary"
            counter = figures.counter("retry_attempts_total", text, route=route, reason=reason.value)
            self._attempts[reason] = counter, Decision(NAME, reason)
        for stop in StopReason:
            text = "Requests that failed and were not tried again, by why not"
            counter = figures.counter("retry_stopped_total", text, route=route, reason=stop.value)
            self._stops[stop] = counter, Decision(NAME, stop)
        text = "Requests that succeeded after more than one attempt"
        self.rescued = figures.counter("retry_rescued_total", text, route=route)
        text = "Hedges whose answer came first"
        self.won = figures.counter("retry_hedges_won_total", text, route=route)
        text = "Seconds after which a second server is asked; infinite until enough is known"
        self.hedge_after = figures.gauge("retry_hedge_after_seconds", text, route=route)

    def again(self, trail: list[Decision], reason: RetryReason) -> None:
        """There is another attempt."""
        counter, decision = self._attempts[reason]
        counter.inc()
        trail.append(decision)

    def stopped(self, trail: list[Decision], reason: StopReason) -> None:
        """There is none."""
        counter, decision = self._stops[reason]
        counter.inc()
        trail.append(decision)
