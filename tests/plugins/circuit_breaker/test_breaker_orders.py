"""What administrators and other workers make a circuit do. Beside `test_breaker.py`."""

import math
from typing import Any

from plugins.circuit_breaker.breaker import Breaker, Epochs
from plugins.circuit_breaker.circuit import Circuit, Listener, State
from plugins.circuit_breaker.reasons import Cause
from plugins.circuit_breaker.rules import Rules


def a_breaker(**rules: Any) -> Breaker:
    return Breaker(
        "upstream:app", Rules(**{"jitter": 0.0, "open_for": 5.0, "ramp": 5.0, **rules}), Epochs(), lambda: 0.0
    )


def hear(breaker: Breaker, state: State, cause: Cause, seconds: float | None, now: float, in_a_row: int = 1) -> None:
    breaker.hear(state, cause, seconds, in_a_row, "10 of 10 exchanges failed", now)


def test_held_open_by_hand_it_refuses_until_somebody_closes_it() -> None:
    breaker = a_breaker()
    breaker.hold_open(0.0, None)
    assert not breaker.admit(1e9)
    breaker.close(1e9)
    assert breaker.is_plain


def test_opened_by_hand_for_a_time_it_is_tried_again_after_it() -> None:
    breaker = a_breaker()
    breaker.hold_open(0.0, 30.0)
    assert not breaker.admit(29.9)
    assert breaker.admit(30.0)
    assert breaker.state is State.HALF_OPEN


def test_closed_by_hand_there_is_no_ramp_and_reset_forgets_how_often_it_was_open() -> None:
    breaker = a_breaker(ramp=60.0)
    hear(breaker, State.OPEN, Cause.FAILURE_RATE, 5.0, 0.0, in_a_row=4)
    breaker.close(1.0)
    assert breaker.is_plain
    assert breaker.in_a_row == 4
    breaker.reset(2.0)
    assert breaker.in_a_row == 0


def test_a_circuit_opened_in_another_worker_opens_here_and_leaves_the_other_the_first_try() -> None:
    breaker = a_breaker(open_for=8.0)
    hear(breaker, State.OPEN, Cause.FAILURE_RATE, 8.0, 100.0, in_a_row=2)
    assert breaker.state is State.OPEN
    assert breaker.in_a_row == 2
    assert breaker.until == 110.0
    hear(breaker, State.HALF_OPEN, Cause.TIME, None, 109.0)
    assert breaker.state is State.OPEN
    assert breaker.until == 111.0
    assert breaker.admit(111.0)  # nothing was heard: its own try


def test_a_circuit_that_recovered_in_another_worker_closes_here_with_a_ramp() -> None:
    breaker = a_breaker(ramp=5.0)
    hear(breaker, State.OPEN, Cause.FAILURE_RATE, 5.0, 0.0)
    hear(breaker, State.CLOSED, Cause.RECOVERED, None, 6.0)
    assert breaker.state is State.CLOSED
    assert not breaker.is_plain
    assert breaker.share(6.0) == 0.1


def test_what_two_workers_find_out_at_once_they_keep_for_themselves() -> None:
    breaker = a_breaker(open_for=5.0)
    for _ in range(10):
        breaker.record(True, 0.0, breaker.epoch, 0.0)
    until = breaker.until
    hear(breaker, State.OPEN, Cause.FAILURE_RATE, 5.0, 0.1)
    assert breaker.until == until


def test_news_of_recovery_does_not_close_what_is_held_open_by_hand() -> None:
    breaker = a_breaker()
    breaker.hold_open(0.0, None)
    hear(breaker, State.CLOSED, Cause.RECOVERED, None, 1.0)
    hear(breaker, State.HALF_OPEN, Cause.TIME, None, 1.0)
    hear(breaker, State.OPEN, Cause.FAILURE_RATE, 1.0, 1.0)
    assert breaker.until == math.inf


def test_a_new_worker_hears_that_a_circuit_is_held_open() -> None:
    breaker = a_breaker()
    hear(breaker, State.OPEN, Cause.MANUAL, None, 0.0)
    assert not breaker.admit(1e9)
    hear(breaker, State.CLOSED, Cause.MANUAL, None, 1e9)
    assert breaker.is_plain


def test_half_open_news_of_a_failed_probe_elsewhere_opens_it() -> None:
    breaker = a_breaker()
    hear(breaker, State.OPEN, Cause.FAILURE_RATE, 5.0, 0.0)
    assert breaker.admit(50.0)
    hear(breaker, State.OPEN, Cause.PROBE_FAILED, 10.0, 50.1, in_a_row=2)
    assert breaker.state is State.OPEN
    assert breaker.in_a_row == 2


def test_what_was_heard_is_marked_so_that_nobody_tells_it_again() -> None:
    class Recorder(Listener):
        heard: list[bool]

        def changed(self, circuit: Circuit, before: State) -> None:
            self.heard.append(circuit.change.is_news)

    breaker, recorder = a_breaker(), Recorder()
    recorder.heard = []
    breaker.circuit.add_listener(recorder)
    hear(breaker, State.OPEN, Cause.FAILURE_RATE, 5.0, 0.0)
    breaker.admit(50.0)
    hear(breaker, State.CLOSED, Cause.RECOVERED, None, 51.0)
    assert recorder.heard == [True, False, True]
