import math
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.circuit_breaker.window import SLOTS, CountWindow, TimeWindow, Window

OUTCOMES = st.tuples(st.booleans(), st.booleans())


def counts(window: Window) -> tuple[int, int, int]:
    return window.calls, window.failures, window.slow


@given(st.integers(1, 12), st.lists(OUTCOMES, max_size=60))
def test_a_window_by_number_holds_the_last_so_many(size: int, outcomes: list[tuple[bool, bool]]) -> None:
    window, model = CountWindow(size), deque[tuple[bool, bool]](maxlen=size)
    for failed, slow in outcomes:
        window.add(failed, slow, 0.0)
        model.append((failed, slow))
        assert counts(window) == (len(model), sum(each[0] for each in model), sum(each[1] for each in model))


@given(st.lists(st.tuples(st.integers(0, 400), OUTCOMES), max_size=80))
def test_a_window_by_time_holds_what_is_younger_than_it_and_at_most_a_tenth_less(
    steps: list[tuple[int, tuple[bool, bool]]],
) -> None:
    length = 10.0
    window, seen, now = TimeWindow(length), list[tuple[float, bool, bool]](), 1_000.0
    for hundredths, (failed, slow) in steps:
        now += hundredths / 100
        window.add(failed, slow, now)
        seen.append((now, failed, slow))
        surely = [each for each in seen if each[0] > now - length * (SLOTS - 1) / SLOTS]
        perhaps = [each for each in seen if each[0] > now - length]
        assert len(surely) <= window.calls <= len(perhaps)
        assert sum(each[1] for each in surely) <= window.failures <= sum(each[1] for each in perhaps)
        assert sum(each[2] for each in surely) <= window.slow <= sum(each[2] for each in perhaps)


def test_what_is_old_leaves_a_window_by_time_without_anything_new() -> None:
    window = TimeWindow(10.0)
    window.add(True, True, 100.0)
    window.look(108.9)
    assert counts(window) == (1, 1, 1)
    window.look(110.1)
    assert counts(window) == (0, 0, 0)


def test_a_clock_that_stands_still_for_long_leaves_nothing_behind() -> None:
    window = TimeWindow(10.0)
    for second in range(10):
        window.add(True, False, 100.0 + second)
    window.add(False, False, 1e6)
    assert counts(window) == (1, 0, 0)


@pytest.mark.parametrize("window", [CountWindow(5), TimeWindow(5.0)], ids=["count", "time"])
def test_a_success_that_broke_off_becomes_a_failure_and_is_not_counted_twice(window: Window) -> None:
    window.add(True, False, 0.0)
    window.add(False, False, 0.0)
    window.spoil(0.0)
    assert counts(window) == (2, 2, 0)
    window.spoil(0.0)
    assert counts(window) == (3, 3, 0)


@given(st.lists(st.sampled_from(["ok", "failed", "spoil"]), max_size=60), st.booleans())
def test_there_are_never_more_failures_than_exchanges(steps: list[str], by_time: bool) -> None:
    window: Window = TimeWindow(1.0) if by_time else CountWindow(7)
    now = 0.0
    for step in steps:
        now += 0.09
        if step == "spoil":
            window.spoil(now)
        else:
            window.add(step == "failed", False, now)
        assert 0 <= window.failures <= window.calls


@pytest.mark.parametrize("window", [CountWindow(3), TimeWindow(5.0)], ids=["count", "time"])
def test_a_window_forgets(window: Window) -> None:
    window.add(True, True, 0.0)
    window.clear()
    assert counts(window) == (0, 0, 0)
    window.add(False, False, 0.0)
    assert counts(window) == (1, 0, 0)


@given(st.integers(1, 500), st.floats(0, 30), st.floats(0.01, 50))
def test_what_ended_well_since_the_last_look_is_spread_over_the_time_since(
    count: int, before: float, seconds: float
) -> None:
    window = TimeWindow(10.0)
    window.add(True, False, 100.0)
    since = 100.0 + before
    now = since + seconds
    window.add_well(count, since, now)
    in_window = count if seconds <= 10 else round(count * 10 / seconds)
    assert window.calls - window.failures == in_window
    assert window.failures in (0, 1)
    window.look(now + 5)
    assert 0 <= window.calls <= in_window + 1
    window.look(now + 11)
    assert counts(window) == (0, 0, 0)


def test_what_ended_well_before_anybody_ever_looked_is_in_the_window() -> None:
    window = TimeWindow(10.0)
    window.add_well(50, -math.inf, 100.0)
    assert window.calls == 50


@given(st.integers(0, 50), st.integers(1, 10))
def test_a_window_by_number_takes_no_more_successes_than_it_holds(count: int, size: int) -> None:
    window = CountWindow(size)
    window.add(True, False, 0.0)
    window.add_well(count, 0.0, 0.0)
    assert window.calls == min(size, count + 1)
    assert window.failures == (count < size)
