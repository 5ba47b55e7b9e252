import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.figures.layout import SPILL, SPILLED, Join, Layout
from gateway.figures.registry import MAX_CHILDREN, Figures


def test_the_same_name_and_labels_give_the_same_child() -> None:
    figures = Figures.in_memory()
    first = figures.counter("calls_total", "Calls", route="a", method="GET")
    assert figures.counter("calls_total", "Calls", method="GET", route="a") is first
    assert figures.counter("calls_total", "Calls", method="GET", route="b") is not first


def test_each_child_counts_in_a_cell_of_its_own() -> None:
    figures = Figures.in_memory()
    figures.counter("calls_total", "Calls", route="a").inc()
    figures.counter("calls_total", "Calls", route="b").inc(4)
    assert figures.value("calls_total", route="a") == 1
    assert figures.value("calls_total", route="b") == 4
    assert figures.value("calls_total", route="c") == 0


def test_the_road_may_add_to_the_cell_itself() -> None:
    figures = Figures.in_memory()
    child = figures.counter("calls_total", "Calls")
    child.row[child.cell] += 2
    assert figures.value("calls_total") == 2


def test_a_gauge_goes_up_down_and_anywhere() -> None:
    figures = Figures.in_memory()
    gauge = figures.gauge("in_flight", "Exchanges")
    gauge.set(5)
    gauge.inc(2)
    gauge.dec()
    assert figures.value("in_flight") == 6


def test_an_observation_falls_into_the_first_bucket_that_holds_it() -> None:
    figures = Figures.in_memory()
    histogram = figures.histogram("pause_seconds", "Pauses", buckets=(1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 9.0):
        histogram.observe(seconds)
    cells = histogram.row[histogram.cell : histogram.cell + 4]
    assert list(cells) == [2, 1, 1, 12.0]
    assert figures.value("pause_seconds") == 4


@given(st.lists(st.floats(0.0, 5.0) | st.sampled_from([1.0, 2.0, 3.0]), max_size=30))
def test_many_observations_count_as_each_of_them_would(values: list[float]) -> None:
    one, all_at_once = (Figures.in_memory().histogram("x", "", buckets=(1.0, 2.0, 3.0)) for _ in range(2))
    for value in values:
        one.observe(value)
    all_at_once.observe_all(list(values))
    assert list(all_at_once.row) == pytest.approx(list(one.row))


def test_every_child_is_announced_once() -> None:
    announced: list[Layout] = []
    figures = Figures(memoryview(bytearray(1024)).cast("d"), announced.append)
    figures.gauge("age_seconds", "Age", join=Join.MAX, tier="memory")
    figures.gauge("age_seconds", "Age", join=Join.MAX, tier="memory")
    assert [(layout.family, layout.labels, layout.join) for layout in announced] == [
        ("age_seconds", (("tier", "memory"),), Join.MAX)
    ]


def test_label_sets_beyond_the_cap_count_together_under_other() -> None:
    figures = Figures.in_memory()
    for number in range(MAX_CHILDREN + 50):
        figures.counter("calls_total", "Calls", path=str(number)).inc()
    assert figures.value("calls_total", path="0") == 1
    assert figures.value("calls_total", path=str(MAX_CHILDREN)) == 0
    assert figures.value("calls_total", path="other") == 50


def test_children_that_find_the_row_full_are_counted_and_harm_nobody() -> None:
    figures = Figures.in_memory(columns=10)
    kept = [figures.counter("calls_total", "Calls", n=str(n)) for n in range(2)]
    lost = figures.counter("calls_total", "Calls", n="2")
    wide = figures.histogram("pause_seconds", "Pauses")
    lost.inc()
    wide.observe(3.0)
    assert [child.row[child.cell] for child in kept] == [0, 0]
    assert (lost.cell, wide.cell) == (SPILL, SPILL)
    assert figures.row[SPILLED] == 2


def test_a_scope_adds_its_prefix_and_labels_and_shares_the_row() -> None:
    figures = Figures.in_memory()
    scope = figures.scope("cache", route="shop").scope(tier="memory")
    scope.counter("hits_total", "Hits").inc()
    assert figures.value("cache_hits_total", route="shop", tier="memory") == 1
    assert scope.value("hits_total") == 1


def test_a_name_keeps_its_kind_and_its_labels() -> None:
    figures = Figures.in_memory()
    figures.counter("calls_total", "Calls", route="a")
    with pytest.raises(ValueError, match="already a counter"):
        figures.gauge("calls_total", "Calls", route="a")
    with pytest.raises(ValueError, match="already a counter"):
        figures.counter("calls_total", "Calls", method="GET")


@pytest.mark.parametrize("bounds", [(), (2.0, 1.0), (1.0, 1.0)])
def test_bounds_that_do_not_grow_are_refused(bounds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="must grow"):
        Figures.in_memory().histogram("pause_seconds", "Pauses", buckets=bounds)


def test_bounds_given_first_hold_for_the_family() -> None:
    figures = Figures.in_memory()
    figures.histogram("pause_seconds", "Pauses", buckets=(1.0,), route="a")
    assert figures.histogram("pause_seconds", "Pauses", buckets=(2.0, 3.0), route="b").bounds == (1.0,)


def test_a_label_value_that_utf8_cannot_carry_is_announced_readable() -> None:
    announced: list[Layout] = []
    figures = Figures(memoryview(bytearray(1024)).cast("d"), announced.append)
    figures.counter("calls_total", "Calls", host="a\udcffb").inc()
    assert announced[0].labels == (("host", "a?b"),)
