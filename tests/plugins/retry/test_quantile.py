import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.retry.quantile import EVERY, GROWTH, Quantile


def watched(times: list[float], share: float = 0.95, learn: int = 20) -> Quantile:
    quantile = Quantile(share, learn)
    for seconds in times:
        quantile.observe(seconds)
    return quantile


def test_nothing_is_known_before_enough_was_seen() -> None:
    assert watched([0.01] * 95, learn=100).value == math.inf
    assert watched([0.01] * 112, learn=100).value < 0.011


@given(st.lists(st.floats(2e-4, 50), min_size=32, max_size=400), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_it_is_exact_to_a_bin_and_never_too_low(times: list[float], share: float) -> None:
    times = times[: len(times) // EVERY * EVERY]  # it looks every so often
    exact = sorted(times)[math.ceil(share * len(times)) - 1]
    found = watched(times, share).value
    assert exact <= found * (1 + 1e-9)
    assert found <= exact * math.exp(GROWTH) * (1 + 1e-9)


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e-4, 60.0, 1e6, math.inf])
def test_times_beyond_all_bins_are_in_the_first_or_the_last_one(seconds: float) -> None:
    if seconds == math.inf:
        seconds = 1e300
    assert 0 < watched([seconds] * 32).value < 80


def test_what_was_long_ago_is_forgotten() -> None:
    quantile = watched([1.0] * 5000)
    assert quantile.value > 0.9
    for _ in range(5000):
        quantile.observe(0.01)
    assert quantile.value < 0.011


def test_two_slow_answers_of_a_hundred_do_not_move_the_95th_percentile() -> None:
    chance = random.Random(7)
    times = [1.0 if chance.random() < 0.02 else 0.01 for _ in range(4000)]
    assert watched(times).value < 0.011
