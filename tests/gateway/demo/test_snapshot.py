import pytest

from gateway.demo.percentiles import Percentiles
from gateway.demo.reports import BROKEN, Prices, Report, Sample
from gateway.demo.scrape import Scrape
from gateway.demo.snapshot import EVENTS, Addresses, Recorder, latencies

ADDRESSES = Addresses("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")


def recorder() -> Recorder:
    return Recorder(ADDRESSES, window=10.0)


def visits(count: int, status: int = 200, direct: bool = False) -> Report:
    return Report((Sample("product", status, 0.001, 10, direct),) * count, messages=1, in_flight=count)


def counted(name: str, value: float, **labels: str) -> Scrape:
    return Scrape({name: ((labels, value),)})


def test_a_snapshot_of_nothing_is_empty() -> None:
    snapshot = recorder().snapshot(0.0)
    assert (snapshot.samples, snapshot.window, snapshot.history) == ((), 0.0, ())
    assert snapshot.per_second(5) == snapshot.rate("upstream_requests_total") == 0.0
    assert snapshot.rates_by("upstream_requests_total", "outcome") == {}


def test_prices_of_the_window_and_of_the_whole_run_are_kept_apart() -> None:
    made = recorder()
    made.report(Report(prices=Prices((0.1,), (0.2,))), at=1.0)
    made.report(Report(prices=Prices((0.3,), ())), at=12.0)
    assert made.snapshot(15.0).prices == Prices((0.3,), ())
    assert made.whole(15.0).prices == Prices((0.1, 0.3), (0.2,))


def test_the_window_leaves_out_what_is_older() -> None:
    made = recorder()
    made.report(visits(100), at=1.0)
    made.report(visits(30), at=12.0)
    snapshot = made.snapshot(15.0)
    assert len(snapshot.samples) == 30
    assert snapshot.per_second(len(snapshot.samples)) == 3.0
    assert snapshot.messages == 1
    assert snapshot.in_flight == 30


def test_at_the_beginning_the_window_is_as_long_as_the_run() -> None:
    made = recorder()
    made.report(visits(30), at=1.0)
    assert made.snapshot(2.0).window == 2.0


def test_totals_count_what_went_through_the_gateway_since_the_start() -> None:
    made = recorder()
    made.report(visits(5), at=1.0)
    made.report(visits(2, status=503), at=20.0)
    made.report(visits(3, status=BROKEN), at=20.0)
    made.report(visits(9, direct=True), at=20.0)
    snapshot = made.snapshot(40.0)
    assert snapshot.totals == {200: 5, 503: 2, BROKEN: 3}
    assert snapshot.answers() == {"2xx": 5, "5xx": 2, "broken off": 3}


def test_direct_visits_are_told_from_those_through_the_gateway() -> None:
    made = recorder()
    made.report(visits(4), at=1.0)
    made.report(visits(2, direct=True), at=1.0)
    snapshot = made.snapshot(2.0)
    assert (len(snapshot.through()), len(snapshot.direct())) == (4, 2)


def test_the_history_has_a_value_for_each_full_second() -> None:
    made = recorder()
    made.report(visits(4), at=0.5)
    made.report(visits(3), at=2.1)
    made.report(visits(2), at=2.9)
    made.report(visits(9), at=3.1)
    assert made.snapshot(3.2).history == (4, 0, 5)


def test_the_history_is_bounded() -> None:
    made = recorder()
    for second in range(500):
        made.report(visits(1), at=float(second))
    assert made.snapshot(500.0).history == (1,) * 60


def test_rates_come_from_the_readings_at_both_ends_of_the_window() -> None:
    made = recorder()
    for second in range(0, 31, 2):
        made.scrape(counted("upstream_requests_total", 100.0 * second, outcome="answered"), at=float(second))
    snapshot = made.snapshot(30.0)
    assert snapshot.scrape_window == 10.0
    assert snapshot.rate("upstream_requests_total") == pytest.approx(100.0)
    assert snapshot.rate("upstream_requests_total", outcome="refused") == 0.0
    assert snapshot.rates_by("upstream_requests_total", "outcome") == {"answered": pytest.approx(100.0)}


def test_a_counter_that_started_anew_never_gives_a_negative_rate() -> None:
    made = recorder()
    made.scrape(counted("upstream_requests_total", 100.0), at=0.0)
    made.scrape(counted("upstream_requests_total", 1.0), at=1.0)
    assert made.snapshot(1.0).rate("upstream_requests_total") == 0.0


def test_levels_are_those_of_the_latest_reading() -> None:
    made = recorder()
    made.scrape(counted("upstream_connections", 9.0, state="idle"), at=0.0)
    made.scrape(counted("upstream_connections", 4.0, state="idle"), at=1.0)
    assert made.snapshot(1.0).level("upstream_connections", state="idle") == 4.0


def test_the_spread_is_what_the_window_observed() -> None:
    made = recorder()
    for second, count in ((0, 10.0), (1, 14.0)):
        buckets = (({"le": "0.001"}, count), ({"le": "+Inf"}, count))
        made.scrape(Scrape({"x_bucket": buckets, "x_sum": (({}, count / 100),)}), at=float(second))
    spread = made.snapshot(1.0).spread("x")
    assert spread.count == 4
    assert spread.mean == pytest.approx(0.01)


def test_growing_counters_and_new_workers_become_events_with_their_time() -> None:
    made = recorder()
    made.scrape(counted("limits_hit_total", 0.0, limit="head"), at=1.0)
    made.scrape(counted("limits_hit_total", 1.0, limit="head"), at=2.0)
    made.status({"workers": [{"pid": 1}]}, at=2.5)
    made.status({"workers": [{"pid": 2}]}, at=3.0)
    assert [(event.at, event.text) for event in made.snapshot(3.0).events] == [
        (2.0, "limit reached: head"),
        (3.0, "worker 1 is gone"),
        (3.0, "worker 2 started"),
    ]


def test_only_the_latest_events_are_kept() -> None:
    made = recorder()
    for number in range(EVENTS + 5):
        made.event(str(number), at=float(number))
    assert [event.text for event in made.snapshot(99.0).events] == [str(number) for number in range(5, EVENTS + 5)]


def test_the_whole_run_has_every_visit_and_both_outermost_readings() -> None:
    made = recorder()
    for second in range(0, 31, 10):
        made.scrape(counted("upstream_requests_total", float(second)), at=float(second))
        made.report(visits(1), at=float(second))
    made.snapshot(30.0)
    whole = made.whole(30.0)
    assert (len(whole.samples), whole.window, whole.messages) == (4, 30.0, 4)
    assert whole.rate("upstream_requests_total") == 1.0


def test_latencies_leave_out_visits_without_an_answer() -> None:
    samples = [Sample("slow", 200, 0.3), Sample("slow", BROKEN, 30.0)]
    assert latencies(samples) == Percentiles(0.3, 0.3, 0.3)


def test_circuits_are_those_of_the_latest_list_and_their_changes_are_events() -> None:
    made = recorder()
    for at, state in ((1.0, "closed"), (2.0, "open")):
        made.circuits({"circuits": [{"circuit": "route:a", "state": state}]}, at=at)
    snapshot = made.snapshot(3.0)
    assert snapshot.circuits == {"route:a": "open"}
    assert [(event.at, event.text) for event in snapshot.events] == [(2.0, "circuit route:a is open")]
