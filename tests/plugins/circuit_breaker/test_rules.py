import math

from hypothesis import given
from hypothesis import strategies as st

from plugins.circuit_breaker.rules import RAMP_BEGINS, Rules
from plugins.circuit_breaker.settings import CircuitBreakerSettings
from plugins.circuit_breaker.window import CountWindow, TimeWindow


def test_the_defaults_of_the_settings_are_those_of_the_rules() -> None:
    assert Rules.of(CircuitBreakerSettings()) == Rules()


def test_what_is_off_is_never_reached() -> None:
    rules = Rules.of(CircuitBreakerSettings.model_validate({"failure_rate": "off", "consecutive_failures": 5}))
    assert rules.failure_rate > 1
    assert rules.consecutive_failures == 5
    assert rules.slow_call == math.inf


def test_the_window_is_by_time_or_by_number() -> None:
    assert isinstance(Rules().make_window(), TimeWindow)
    assert isinstance(Rules(window_calls=5).make_window(), CountWindow)


def test_what_was_seen_counts_under_other_rules_only_if_it_means_the_same() -> None:
    assert Rules(failure_rate=0.1).has_window_of(Rules())
    assert not Rules(window=3.0).has_window_of(Rules())
    assert not Rules(slow_call=3.0).has_window_of(Rules())


def test_each_time_in_a_row_it_stays_open_longer_up_to_a_bound() -> None:
    rules = Rules(open_for=5.0, open_growth=2.0, longest_open=30.0, jitter=0.2)
    assert [rules.open_seconds(times, 0.0) for times in (1, 2, 3, 4, 5, 10_000)] == [5, 10, 20, 30, 30, 30]
    assert rules.open_seconds(1, 1.0) == 6.0


@given(st.integers(1, 1000), st.floats(0, 1))
def test_chance_never_makes_it_shorter_nor_longer_than_its_share(times: int, chance: float) -> None:
    rules = Rules()
    assert rules.open_for <= rules.open_seconds(times, chance) <= rules.longest_open * (1 + rules.jitter)


def test_a_ramp_goes_from_a_tenth_to_all_evenly() -> None:
    rules = Rules(ramp=10.0)
    assert rules.ramp_share(-1.0) == rules.ramp_share(0.0) == RAMP_BEGINS
    assert rules.ramp_share(5.0) == 0.55
    assert rules.ramp_share(10.0) == rules.ramp_share(math.inf) == 1.0
    assert Rules(ramp=0.0).ramp_share(0.0) == 1.0
