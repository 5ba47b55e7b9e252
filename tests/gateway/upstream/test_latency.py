import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.latency import DECAY_SECONDS, FAILURE_SECONDS, FORGET_SECONDS, PeakAverage

NOW = 1000.0


def test_a_server_that_was_never_measured_took_no_time() -> None:
    assert PeakAverage().at(NOW) == 0.0


def test_bad_news_is_believed_at_once() -> None:
    average = PeakAverage()
    average.observe(0.01, NOW)
    average.observe(0.5, NOW)
    assert average.at(NOW) == 0.5


def test_good_news_is_believed_slowly() -> None:
    average = PeakAverage()
    average.observe(0.5, NOW)
    average.observe(0.01, NOW + 0.1)
    assert 0.45 < average.at(NOW + 0.1) < 0.5
    average.observe(0.01, NOW + 0.1 + 10 * DECAY_SECONDS)
    assert average.at(NOW + 0.1 + 10 * DECAY_SECONDS) == pytest.approx(0.01, rel=0.01)


def test_a_server_nobody_asks_any_more_is_forgiven() -> None:
    average = PeakAverage()
    average.observe(5.0, NOW)
    assert 2.5 < average.at(NOW + FORGET_SECONDS) < 5.0
    assert average.at(NOW + FORGET_SECONDS + 0.1) == 0.0


def test_a_failure_that_came_quickly_is_no_quick_answer() -> None:
    average = PeakAverage()
    average.failed(0.0001, NOW)
    assert average.at(NOW) == FAILURE_SECONDS
    average.failed(0.0001, NOW)
    assert average.at(NOW) == 2 * FAILURE_SECONDS


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 60)), min_size=1))
def test_the_average_lies_between_nothing_and_the_worst_seen(events: list[tuple[float, float]]) -> None:
    average, now = PeakAverage(), NOW
    for seconds, pause in events:
        now += pause
        average.observe(seconds, now)
        assert 0.0 <= average.at(now) <= max(seen for seen, _ in events)
        assert average.at(now + 1) <= average.at(now)
