import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import Monotonic
from plugins.rate_limit.gcra import Gcra

times = st.floats(min_value=0, max_value=30, allow_nan=False)


def used_up(rule: Gcra, now: float = 100.0) -> float:
    paid = 0.0
    for _ in range(rule.burst):
        paid = rule.charge(paid, 1, Monotonic(now))
        assert rule.fits(paid, Monotonic(now))
    return paid


def test_a_burst_fits_at_once_and_one_more_does_not() -> None:
    rule = Gcra(quota=10, window=1.0, burst=5)
    paid = used_up(rule)
    assert not rule.fits(rule.charge(paid, 1, Monotonic(100)), Monotonic(100))


def test_then_they_come_back_one_by_one() -> None:
    rule = Gcra(quota=10, window=1.0, burst=5)
    paid = used_up(rule)
    after = rule.charge(paid, 1, Monotonic(100.1))
    assert rule.fits(after, Monotonic(100.1))
    assert not rule.fits(rule.charge(after, 1, Monotonic(100.1)), Monotonic(100.1))


def test_who_is_refused_is_told_when_it_will_fit() -> None:
    rule = Gcra(quota=10, window=60.0, burst=10)
    paid = used_up(rule)
    now = Monotonic(101)
    standing = rule.standing(paid, rule.charge(paid, 2, now), now)
    assert (standing.fits, standing.remaining) == (False, 0)
    assert standing.wait == pytest.approx(11)
    later = Monotonic(now + standing.wait)
    assert rule.fits(rule.charge(paid, 2, later), later)


def test_what_is_left_and_when_all_of_it_is_back() -> None:
    rule = Gcra(quota=100, window=60.0, burst=100)
    now = Monotonic(7)
    standing = rule.standing(0.0, rule.charge(0.0, 1, now), now)
    assert (standing.fits, standing.remaining, standing.wait) == (True, 99, 0.0)
    assert standing.reset == pytest.approx(0.6)


def test_giving_back_never_saves_up() -> None:
    rule = Gcra(quota=10, window=1.0, burst=5)
    assert rule.charge(0.0, -100, Monotonic(50)) == 50
    assert rule.charge(50.4, -3, Monotonic(50)) == pytest.approx(50.1)


@given(
    st.integers(1, 50), st.integers(1, 50), st.sampled_from([1.0, 10.0, 60.0]), st.lists(times, min_size=1, max_size=80)
)
def test_no_stretch_of_time_lets_more_through_than_burst_and_rate(
    quota: int, burst: int, window: float, moments: list[float]
) -> None:
    rule = Gcra(quota, window, burst)
    paid, let_through = 0.0, []
    for moment in sorted(moments):
        now = Monotonic(1000 + moment)
        after = rule.charge(paid, 1, now)
        standing = rule.standing(paid, after, now)
        assert standing.fits == rule.fits(after, now)
        assert 0 <= standing.remaining < burst or not standing.fits
        if standing.fits:
            paid = after
            let_through.append(now)
    for first in range(len(let_through)):
        for last in range(first, len(let_through)):
            span = let_through[last] - let_through[first]
            assert last - first + 1 <= burst + span / rule.interval + 1e-6


@given(st.integers(1, 50), st.integers(1, 20), st.lists(times, max_size=40))
def test_who_keeps_to_the_rate_is_never_refused(quota: int, burst: int, jitter: list[float]) -> None:
    rule = Gcra(quota, 60.0, burst)
    paid, now = 0.0, 0.0
    for late in jitter:
        now += rule.interval + late
        paid = rule.charge(paid, 1, Monotonic(now))
        assert rule.fits(paid, Monotonic(now))
