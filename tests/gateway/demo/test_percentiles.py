import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.percentiles import Histogram, Percentiles, of_values

INF = math.inf


def test_percentiles_of_values_are_values_that_occurred() -> None:
    assert of_values(range(1, 101)) == Percentiles(50, 95, 99)
    assert of_values([7.0]) == Percentiles(7.0, 7.0, 7.0)


def test_the_order_of_values_does_not_matter() -> None:
    assert of_values([3.0, 1.0, 2.0]) == Percentiles(2.0, 3.0, 3.0)


def test_nothing_has_no_percentiles() -> None:
    assert of_values([]) is None
    assert Histogram().percentiles() is None
    assert Histogram((1.0, INF), (0.0, 0.0)).percentiles() is None


def test_a_histogram_is_read_by_straight_lines_through_its_buckets() -> None:
    histogram = Histogram((1.0, 2.0, INF), (50.0, 100.0, 100.0), 110.0)
    found = histogram.percentiles()
    assert found is not None
    assert (found.p50, found.p95, found.p99) == pytest.approx((1.0, 1.9, 1.98))
    assert histogram.mean == pytest.approx(1.1)


def test_what_lies_above_the_last_bound_is_at_least_that_bound() -> None:
    assert Histogram((1.0, INF), (0.0, 10.0), 50.0).percentiles() == Percentiles(1.0, 1.0, 1.0)


def test_the_difference_of_two_readings_is_what_happened_between() -> None:
    before = Histogram((1.0, INF), (5.0, 6.0), 9.0)
    after = Histogram((1.0, INF), (7.0, 9.0), 15.0)
    assert after.since(before) == Histogram((1.0, INF), (2.0, 3.0), 6.0)


def test_a_count_that_started_anew_is_taken_as_it_is() -> None:
    after = Histogram((1.0, INF), (1.0, 1.0), 0.5)
    assert after.since(Histogram((1.0, INF), (5.0, 6.0), 9.0)) == after
    assert after.since(Histogram()) == after


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=6).filter(any))
def test_estimates_never_fall_and_stay_within_the_bounds(counts: list[int]) -> None:
    bounds = (*(float(index + 1) for index in range(len(counts) - 1)), INF)
    cumulative = tuple(float(sum(counts[: index + 1])) for index in range(len(counts)))
    found = Histogram(bounds, cumulative).percentiles()
    assert found is not None
    assert 0.0 <= found.p50 <= found.p95 <= found.p99 <= bounds[-2]
