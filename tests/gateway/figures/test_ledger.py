from gateway.figures import Figures
from gateway.figures.layout import HEARTBEAT, Join, Kind, Layout
from gateway.figures.ledger import Ledger

Values = dict[tuple[str, ...], tuple[float, ...]]


def worker(ledger: Ledger, row: int) -> Figures:
    cells = memoryview(bytearray(1024)).cast("d")
    ledger.open(row, cells)
    return Figures(cells, lambda layout: None if ledger.learn(row, layout) else rejected(layout))


def rejected(layout: Layout) -> None:
    raise AssertionError(layout)


def values(ledger: Ledger, family: str) -> Values:
    for found in ledger.snapshot():
        if found.name == family:
            return {tuple(value for _, value in sample.labels): sample.values for sample in found.samples}
    return {}


def test_counters_and_gauges_of_all_workers_are_added_up() -> None:
    ledger = Ledger()
    for row in (1, 2):
        figures = worker(ledger, row)
        figures.counter("calls_total", "Calls", route="a").inc(row)
        figures.gauge("in_flight", "Exchanges").set(10)
    assert values(ledger, "calls_total") == {("a",): (3,)}
    assert values(ledger, "in_flight") == {(): (20,)}


def test_a_gauge_may_be_the_greatest_of_all_workers() -> None:
    ledger = Ledger()
    for row, age in ((1, 7.0), (2, 3.0)):
        worker(ledger, row).gauge("age_seconds", "Age", join=Join.MAX).set(age)
    assert values(ledger, "age_seconds") == {(): (7.0,)}


def test_a_counter_never_goes_back_when_a_worker_ends() -> None:
    ledger = Ledger()
    first = worker(ledger, 1)
    first.counter("calls_total", "Calls").inc(5)
    first.histogram("pause_seconds", "Pauses", buckets=(1.0,)).observe(0.5)
    first.gauge("in_flight", "Exchanges").set(3)
    ledger.close(1)
    assert values(ledger, "calls_total") == {(): (5,)}
    second = worker(ledger, 1)
    second.counter("calls_total", "Calls").inc(2)
    second.histogram("pause_seconds", "Pauses", buckets=(1.0,)).observe(4)
    assert values(ledger, "calls_total") == {(): (7,)}
    assert values(ledger, "pause_seconds") == {(): (1, 1, 4.5)}
    assert values(ledger, "in_flight") == {}


def test_closing_the_same_row_twice_counts_it_once() -> None:
    ledger = Ledger()
    worker(ledger, 1).counter("calls_total", "Calls").inc(5)
    ledger.close(1)
    ledger.close(1)
    assert values(ledger, "calls_total") == {(): (5,)}


def test_a_layout_that_fits_neither_row_nor_family_is_not_noted() -> None:
    ledger = Ledger()
    worker(ledger, 1).counter("calls_total", "Calls")
    assert not ledger.learn(2, Layout("other_total", Kind.COUNTER, "", (), 9))
    assert not ledger.learn(1, Layout("other_total", Kind.COUNTER, "", (), 128))
    assert not ledger.learn(1, Layout("other_total", Kind.COUNTER, "", (), -1))
    assert not ledger.learn(1, Layout("calls_total", Kind.GAUGE, "", (), 9))
    assert not ledger.learn(1, Layout("calls_total", Kind.COUNTER, "", (("route", "a"),), 9))
    assert values(ledger, "calls_total") == {(): (0,)}


def test_a_snapshot_does_not_change_when_the_worker_counts_on() -> None:
    ledger = Ledger()
    counter = worker(ledger, 1).counter("calls_total", "Calls")
    before = ledger.snapshot()
    counter.inc()
    assert before[0].samples[0].values == (0,)


def test_the_value_of_one_worker_is_the_sum_over_its_labels() -> None:
    ledger = Ledger()
    for row in (1, 2):
        figures = worker(ledger, row)
        figures.gauge("connections", "Open", side="a").set(row)
        figures.gauge("connections", "Open", side="b").set(row)
    assert ledger.value(1, "connections") == 2
    assert ledger.value(2, "connections") == 4
    assert ledger.value(3, "connections") == 0


def test_the_heartbeat_is_read_from_the_row() -> None:
    ledger = Ledger()
    worker(ledger, 1).row[HEARTBEAT] = 12.5
    assert ledger.heartbeat(1) == 12.5


def test_children_without_room_show_up() -> None:
    ledger = Ledger()
    figures = worker(ledger, 1)
    for number in range(130):
        figures.counter("calls_total", "Calls", n=str(number))
    assert values(ledger, "slipstream_figures_spilled") == {(): (10,)}
