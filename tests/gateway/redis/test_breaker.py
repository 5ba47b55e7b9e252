import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.redis.breaker import CALM, LONGEST, SHORTEST, Breaker


def test_it_is_closed_until_something_goes_wrong() -> None:
    assert not Breaker().is_open


def test_an_open_one_lets_a_probe_through_soon() -> None:
    breaker = Breaker()
    breaker.open(100.0)
    assert breaker.is_open
    assert breaker.due == 100.0 + SHORTEST


def test_probes_that_fail_become_rare_but_never_rarer_than_the_longest_pause() -> None:
    breaker = Breaker()
    breaker.open(0.0)
    pauses = []
    for _ in range(10):
        now = breaker.due
        breaker.failed(now)
        pauses.append(breaker.due - now)
    assert pauses == sorted(pauses)
    assert pauses[0] == pytest.approx(2 * SHORTEST)
    assert pauses[-1] == LONGEST


def test_one_that_opens_again_soon_stays_open_longer() -> None:
    breaker = Breaker()
    breaker.open(0.0)
    breaker.close(1.0)
    breaker.open(1.5)
    assert breaker.due == 1.5 + 2 * SHORTEST


def test_after_a_calm_time_what_was_before_is_forgotten() -> None:
    breaker = Breaker()
    breaker.open(0.0)
    breaker.close(1.0)
    breaker.open(1.5 + CALM)
    assert breaker.due == 1.5 + CALM + SHORTEST


def test_opening_twice_counts_once() -> None:
    breaker = Breaker()
    breaker.open(0.0)
    breaker.open(0.01)
    assert breaker.openings == 1
    assert breaker.due == SHORTEST


@given(st.lists(st.tuples(st.sampled_from(["open", "failed", "close"]), st.floats(0, 5)), max_size=30))
def test_a_probe_is_never_further_away_than_the_longest_pause(steps: list[tuple[str, float]]) -> None:
    breaker, now = Breaker(), 0.0
    for what, later in steps:
        now += later
        getattr(breaker, what)(now)
        assert breaker.due <= now + LONGEST
