"""What the circuits show: to metrics and to the log. Nothing here is done for each request but one addition."""

from __future__ import annotations

import math
from typing import Any

from gateway.api import Clock, Counter, Decision, Figures, Join
from plugins.circuit_breaker.circuit import Circuit, Listener, State
from plugins.circuit_breaker.reasons import CircuitReason

NAME = "circuit_breaker"
"""Who decides, on the trail."""
_SHOWN = {State.CLOSED: 0.0, State.HALF_OPEN: 1.0, State.OPEN: 2.0}


class RequestFigures:
    """What becomes of the requests of one route."""

    def __init__(self, figures: Figures, route: str) -> None:
        self._kinds: dict[CircuitReason, tuple[Counter, Decision]] = {}
        for reason in CircuitReason:
            counter = figures.counter(
                "circuit_breaker_requests_total",
                "Requests that met a circuit which was not simply closed",
                route=route,
                outcome=reason.value,
            )
            self._kinds[reason] = counter, Decision(NAME, reason)

    def of(self, reason: CircuitReason) -> tuple[Counter, Decision]:
        """What counts it, and its entry for the trail."""
        return self._kinds[reason]

    def note(self, trail: list[Decision], reason: CircuitReason) -> None:
        """Count it, and put it on the request's trail."""
        counter, decision = self._kinds[reason]
        counter.inc()
        trail.append(decision)


class Watch(Listener):
    """Shows every change of a circuit, in metrics and in the log."""

    def __init__(self, figures: Figures, clock: Clock, log: Any) -> None:
        self._figures = figures
        self._clock = clock
        self._log = log

    def show(self, circuit: Circuit) -> None:
        """Set the gauges of a circuit."""
        name, change = circuit.title, circuit.change
        text = "State of a circuit: 0 closed, 1 half-open, 2 open"
        self._figures.gauge("circuit_breaker_state", text, Join.MAX, circuit=name).set(_SHOWN[change.state])
        at = 0.0
        if change.until is not None:
            at = self._clock.wall() + change.until - self._clock.monotonic()
        text = "When an open circuit is tried again; 0 when it is not open, infinite when it is held open"
        self._figures.gauge("circuit_breaker_next_try_timestamp_seconds", text, Join.MAX, circuit=name).set(at)

    def changed(self, circuit: Circuit, before: State) -> None:
        """A circuit has changed."""
        change = circuit.change
        self.show(circuit)
        self._figures.counter(
            "circuit_breaker_changes_total",
            "Changes of a circuit's state by their cause",
            circuit=circuit.title,
            to=change.state.value,
            cause=change.cause.value,
        ).inc()
        say = self._log.warning if change.state is State.OPEN else self._log.info
        words: dict[str, Any] = {"circuit": circuit.title, "before": before.value, "cause": change.cause.value}
        if change.evidence:
            words["evidence"] = change.evidence
        if change.until is not None:
            words["next_try_seconds"] = None if change.until == math.inf else round(change.until - change.at, 3)
            words["times_in_a_row"] = change.in_a_row
        if change.is_news:
            words["heard"] = True
        say(f"circuit {change.state.value}", **words)
