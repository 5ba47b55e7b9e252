"""Requests are spread evenly."""

from hypothesis import given
from hypothesis import strategies as st

from loadtests.traffic.pacer import Pacer


def test_as_many_are_due_as_time_has_passed() -> None:
    pacer = Pacer(rate=64, now=4.0, most=1000)
    assert [pacer.due(now) for now in (4.0, 4.03125, 4.0390625, 4.046875)] == [0, 2, 0, 1]


def test_what_was_missed_is_not_made_up_for_in_a_burst() -> None:
    pacer = Pacer(rate=1000, now=0.0, most=10)
    assert pacer.due(60.0) == 10
    assert pacer.due(60.0) <= 1


@given(st.lists(st.floats(min_value=0.001, max_value=0.05), min_size=1, max_size=200))
def test_irregular_ticks_give_the_same_rate(ticks: list[float]) -> None:
    pacer, now, sent = Pacer(rate=1000, now=0.0, most=100), 0.0, 0
    for tick in ticks:
        now += tick
        sent += pacer.due(now)
    assert abs(sent - now * 1000) <= 1.001
