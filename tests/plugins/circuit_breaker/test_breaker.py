import math
from typing import Any

import pytest

from plugins.circuit_breaker.breaker import Breaker, Epochs
from plugins.circuit_breaker.circuit import State
from plugins.circuit_breaker.reasons import Cause
from plugins.circuit_breaker.rules import Rules

STEADY: dict[str, Any] = {"jitter": 0.0, "ramp": 0.0, "open_for": 5.0, "longest_open": 60.0}


def a_breaker(**rules: Any) -> Breaker:
    return Breaker("upstream:app", Rules(**{**STEADY, **rules}), Epochs(), lambda: 0.0)


def state_of(breaker: Breaker) -> State:
    return breaker.state


def exchange(breaker: Breaker, failed: bool, now: float, seconds: float = 0.01) -> bool:
    """One exchange that takes no time; whether it was let through."""
    probe = False
    if not breaker.is_plain:
        if not breaker.admit(now):
            return False
        probe = breaker.state is State.HALF_OPEN
    epoch = breaker.epoch
    breaker.record(failed, seconds, epoch, now, probe=probe)
    breaker.leave(epoch)
    return True


def opened(now: float = 0.0, **rules: Any) -> Breaker:
    breaker = a_breaker(**rules)
    for _ in range(10):
        exchange(breaker, True, now)
    assert state_of(breaker) is State.OPEN
    return breaker


def test_few_exchanges_prove_nothing_and_half_of_enough_open_the_circuit() -> None:
    breaker = a_breaker(minimum_calls=10, failure_rate=0.5)
    for _ in range(9):
        exchange(breaker, True, 0.0)
    assert state_of(breaker) is State.CLOSED
    exchange(breaker, True, 0.0)
    assert state_of(breaker) is State.OPEN
    assert breaker.circuit.change.cause is Cause.FAILURE_RATE
    assert breaker.circuit.change.evidence == "10 of 10 exchanges failed"


def test_a_rate_below_the_limit_never_opens_it() -> None:
    breaker = a_breaker(failure_rate=0.5)
    for number in range(1000):
        exchange(breaker, number % 5 in (3, 4), number / 100)
    assert state_of(breaker) is State.CLOSED


def test_failures_that_are_too_old_do_not_count() -> None:
    breaker = a_breaker(window=10.0)
    for _ in range(9):
        exchange(breaker, True, 0.0)
    exchange(breaker, True, 20.0)
    assert state_of(breaker) is State.CLOSED


def test_slow_exchanges_open_it_though_they_succeed() -> None:
    breaker = a_breaker(slow_call=1.0, slow_rate=0.8)
    for _ in range(9):
        exchange(breaker, False, 0.0, seconds=1.5)
    exchange(breaker, False, 0.0, seconds=0.1)
    assert state_of(breaker) is State.CLOSED
    exchange(breaker, False, 0.0, seconds=1.5)
    assert breaker.circuit.change.cause is Cause.SLOW_RATE


def test_failures_in_a_row_open_it_where_that_is_wanted_and_a_success_between_them_begins_anew() -> None:
    breaker = a_breaker(consecutive_failures=3, failure_rate=2.0)
    for failed in (True, True, False, True, True):
        exchange(breaker, failed, 0.0)
    assert state_of(breaker) is State.CLOSED
    exchange(breaker, True, 0.0)
    assert breaker.circuit.change.cause is Cause.CONSECUTIVE_FAILURES


def test_an_open_circuit_refuses_until_its_time_is_over_and_lets_so_many_probes_through() -> None:
    breaker = opened(now=0.0, open_for=5.0, probes=3)
    assert not breaker.admit(4.999)
    assert [breaker.admit(5.0) for _ in range(5)] == [True, True, True, False, False]
    assert state_of(breaker) is State.HALF_OPEN


def test_half_open_never_lets_more_than_its_permits_through_with_500_waiting() -> None:
    breaker = opened(now=0.0, probes=3)
    through = sum(breaker.admit(5.0 + number / 1000) for number in range(500))
    assert through == 3


def test_it_closes_when_all_probes_have_succeeded_and_not_before() -> None:
    breaker = opened(now=0.0, probes=2)
    assert breaker.admit(5.0)
    assert breaker.admit(5.0)
    epoch = breaker.epoch
    breaker.record(False, 0.0, epoch, 5.1, probe=True)
    breaker.leave(epoch)
    assert state_of(breaker) is State.HALF_OPEN
    assert not breaker.admit(5.1)  # one has succeeded and one is under way: that is enough
    breaker.record(False, 0.0, epoch, 5.2, probe=True)
    assert state_of(breaker) is State.CLOSED
    assert breaker.circuit.change.cause is Cause.RECOVERED


@pytest.mark.parametrize("slow", [False, True])
def test_one_probe_that_fails_or_is_slow_opens_it_for_longer(slow: bool) -> None:
    breaker = opened(now=0.0, open_for=5.0, open_growth=2.0, slow_call=1.0)
    exchange(breaker, not slow, 5.0, seconds=2.0 if slow else 0.0)
    assert state_of(breaker) is State.OPEN
    assert breaker.circuit.change.cause is Cause.PROBE_FAILED
    assert breaker.until == 5.0 + 10.0


def test_a_probe_whose_client_left_makes_room_for_another_and_proves_nothing() -> None:
    breaker = opened(now=0.0, probes=1)
    assert breaker.admit(5.0)
    assert not breaker.admit(5.0)
    breaker.leave(breaker.epoch)
    assert state_of(breaker) is State.HALF_OPEN
    assert breaker.admit(5.0)


def test_what_was_let_through_before_a_change_counts_for_nothing_after_it() -> None:
    breaker = a_breaker()
    before = breaker.epoch
    for _ in range(10):
        exchange(breaker, True, 0.0)
    assert breaker.admit(5.0)
    half_open = breaker.epoch
    breaker.record(True, 0.0, before, 5.1)
    breaker.record(False, 0.0, before, 5.1, probe=True)
    breaker.spoil(before, 5.1)
    breaker.leave(before)
    assert state_of(breaker) is State.HALF_OPEN
    assert breaker.epoch == half_open
    assert [breaker.admit(5.1) for _ in range(3)] == [True, True, False]


def test_half_open_only_probes_count() -> None:
    breaker = opened(now=0.0)
    assert breaker.admit(5.0)
    breaker.record(True, 0.0, breaker.epoch, 5.0)
    assert state_of(breaker) is State.HALF_OPEN


def test_a_body_that_breaks_off_turns_a_success_into_a_failure() -> None:
    breaker = a_breaker(minimum_calls=4)
    for failed in (True, False, False, False):
        exchange(breaker, failed, 0.0)
    assert state_of(breaker) is State.CLOSED
    breaker.spoil(breaker.epoch, 0.0)
    assert state_of(breaker) is State.OPEN
    assert breaker.circuit.change.evidence == "2 of 4 exchanges failed"


def test_a_probe_whose_body_breaks_off_opens_it_again() -> None:
    breaker = opened(now=0.0, probes=2)
    assert breaker.admit(5.0)
    breaker.record(False, 0.0, breaker.epoch, 5.0, probe=True)
    breaker.spoil(breaker.epoch, 5.1)
    assert breaker.circuit.change.cause is Cause.PROBE_FAILED


def test_closed_again_it_has_forgotten_the_failures_of_before() -> None:
    breaker = opened(now=0.0)
    for _ in range(3):
        exchange(breaker, False, 5.0)
    assert state_of(breaker) is State.CLOSED
    assert breaker.counts(5.0) == {"calls": 0, "failures": 0, "slow": 0}


def test_traffic_comes_back_step_by_step() -> None:
    breaker = opened(now=0.0, ramp=10.0, probes=3)
    for _ in range(3):
        exchange(breaker, False, 5.0)
    assert state_of(breaker) is State.CLOSED
    assert not breaker.is_plain
    busy = [breaker.admit(5.0) for _ in range(3)]  # as many as there are probes pass in any case
    assert all(busy)
    assert 5 <= sum(breaker.admit(5.0) for _ in range(100)) <= 15
    assert 45 <= sum(breaker.admit(10.0) for _ in range(100)) <= 65
    assert breaker.admit(15.0)
    assert breaker.is_plain


def test_little_traffic_notices_no_ramp() -> None:
    breaker = opened(now=0.0, ramp=10.0)
    for _ in range(3):
        exchange(breaker, False, 5.0)
    assert all(exchange(breaker, False, 5.0 + number / 10) for number in range(60))


def test_failures_within_the_ramp_open_it_for_longer() -> None:
    breaker = opened(now=0.0, ramp=10.0, open_for=5.0)
    for _ in range(3):
        exchange(breaker, False, 5.0)
    for _ in range(10):
        exchange(breaker, True, 6.0)
    assert state_of(breaker) is State.OPEN
    assert breaker.until == 16.0


def test_after_having_been_well_it_opens_for_a_short_time_again() -> None:
    breaker = opened(now=0.0, open_for=5.0)
    exchange(breaker, True, 5.0)
    for _ in range(3):
        exchange(breaker, False, 15.0)
    assert breaker.in_a_row == 2
    for _ in range(10):
        exchange(breaker, True, 40.0)
    assert breaker.in_a_row == 1
    assert breaker.until == 45.0


def test_other_rules_keep_the_state_and_what_was_seen_if_it_still_means_something() -> None:
    breaker = a_breaker()
    for _ in range(9):
        exchange(breaker, True, 0.0)
    breaker.adopt(Rules(failure_rate=0.9))
    assert breaker.counts(0.0)["failures"] == 9
    breaker.adopt(Rules(window=3.0))
    assert breaker.counts(0.0)["failures"] == 0
    held = opened(now=0.0)
    held.adopt(Rules(window_calls=100))
    assert state_of(held) is State.OPEN
    assert held.until < math.inf


def test_successes_that_are_only_added_up_count_like_all_others() -> None:
    breaker = a_breaker(minimum_calls=10, failure_rate=0.5, consecutive_failures=1000)
    breaker.look(0.0)
    breaker.well += 11
    for _ in range(10):
        breaker.record(True, 0.0, breaker.epoch, 1.0)
    assert state_of(breaker) is State.CLOSED
    breaker.record(True, 0.0, breaker.epoch, 1.0)
    assert breaker.circuit.change.evidence == "11 of 22 exchanges failed"
    assert breaker.well == 0


def test_successes_of_before_a_change_are_forgotten_with_the_rest() -> None:
    breaker = a_breaker()
    breaker.well += 5
    breaker.reset(1.0)
    assert breaker.counts(1.0)["calls"] == 0
