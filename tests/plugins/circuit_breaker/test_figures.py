import math

import structlog

from gateway.api import Decision, Figures
from plugins.circuit_breaker.breaker import Breaker, Epochs
from plugins.circuit_breaker.figures import RequestFigures, Watch
from plugins.circuit_breaker.reasons import CircuitReason
from plugins.circuit_breaker.rules import Rules
from tests.support.plugins import ManualClock

NAME = "upstream:app"


def watched(figures: Figures, clock: ManualClock) -> Breaker:
    breaker = Breaker(NAME, Rules(open_for=5.0, jitter=0.0, ramp=0.0, minimum_calls=2, probes=1), Epochs(), lambda: 0.0)
    breaker.circuit.add_listener(Watch(figures, clock, structlog.get_logger()))
    return breaker


def test_state_cause_and_time_of_the_next_try_are_figures() -> None:
    figures, clock = Figures.in_memory(), ManualClock(monotonic=1_000.0, wall=5_000.0)
    breaker = watched(figures, clock)
    for _ in range(2):
        breaker.record(True, 0.0, 0, clock.monotonic())
    assert figures.value("circuit_breaker_state", circuit=NAME) == 2
    assert figures.value("circuit_breaker_next_try_timestamp_seconds", circuit=NAME) == 5_005.0
    assert figures.value("circuit_breaker_changes_total", circuit=NAME, to="open", cause="failure_rate") == 1
    clock.advance(5.0)
    breaker.admit(clock.monotonic())
    assert figures.value("circuit_breaker_state", circuit=NAME) == 1
    breaker.record(False, 0.0, breaker.epoch, clock.monotonic(), probe=True)
    assert figures.value("circuit_breaker_state", circuit=NAME) == 0
    assert figures.value("circuit_breaker_next_try_timestamp_seconds", circuit=NAME) == 0
    breaker.hold_open(clock.monotonic(), None)
    assert figures.value("circuit_breaker_next_try_timestamp_seconds", circuit=NAME) == math.inf


def test_every_change_is_a_line_of_the_log() -> None:
    with structlog.testing.capture_logs() as lines:
        clock = ManualClock()
        breaker = watched(Figures.in_memory(), clock)
        for _ in range(2):
            breaker.record(True, 0.0, 0, clock.monotonic())
        breaker.reset(clock.monotonic())
        breaker.hold_open(clock.monotonic(), None)
    assert [line["event"] for line in lines] == ["circuit open", "circuit closed", "circuit open"]
    assert lines[0]["log_level"] == "warning"
    assert lines[0]["evidence"] == "2 of 2 exchanges failed"
    assert (lines[0]["next_try_seconds"], lines[2]["next_try_seconds"]) == (5.0, None)


def test_what_became_of_a_request_is_on_its_trail_and_counted() -> None:
    figures, trail = Figures.in_memory(), list[Decision]()
    RequestFigures(figures, "shop").note(trail, CircuitReason.REFUSED)
    assert [(decision.by, decision.reason) for decision in trail] == [("circuit_breaker", CircuitReason.REFUSED)]
    assert figures.value("circuit_breaker_requests_total", route="shop", outcome="circuit_open") == 1
