from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from gateway.figures import Figures
from gateway.figures.ledger import Ledger
from gateway.figures.render import render

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def counted() -> Ledger:
    ledger = Ledger()
    cells = memoryview(bytearray(4096)).cast("d")
    ledger.open(0, cells)
    learned: list[bool] = []
    figures = Figures(cells, lambda layout: learned.append(ledger.learn(0, layout)))
    figures.counter("calls_total", "Calls", route='say "hi"\n\\').inc(3)
    figures.gauge("in_flight", "Exchanges").set(2)
    histogram = figures.histogram("pause_seconds", "Pauses", buckets=(0.5, 1.0), route="a")
    for seconds in (0.25, 0.75, 5.0):
        histogram.observe(seconds)
    assert learned == [True] * 3
    return ledger


def samples(parse: Any, page: bytes) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in parse(page.decode())
        for sample in family.samples
    }


EXPECTED = {
    ("calls_total", ('say "hi"\n\\',)): 3,
    ("in_flight", ()): 2,
    ("pause_seconds_bucket", ("0.5", "a")): 1,
    ("pause_seconds_bucket", ("1.0", "a")): 2,
    ("pause_seconds_bucket", ("+Inf", "a")): 3,
    ("pause_seconds_count", ("a",)): 3,
    ("pause_seconds_sum", ("a",)): 6,
    ("slipstream_figures_spilled", ()): 0,
}


def test_the_text_page_can_be_read_back() -> None:
    page, content_type = render(counted().snapshot(), "text/plain")
    assert content_type.startswith("text/plain")
    assert samples(parse_text, page) == EXPECTED


def test_who_accepts_openmetrics_gets_it_with_its_end_mark() -> None:
    page, content_type = render(counted().snapshot(), OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text")
    assert page.endswith(b"# EOF\n")
    assert samples(parse_openmetrics, page) == EXPECTED


def test_nothing_counted_yet_is_a_valid_page() -> None:
    page, _ = render(Ledger().snapshot(), OPENMETRICS)
    assert samples(parse_openmetrics, page) == {("slipstream_figures_spilled", ()): 0}


def test_a_gauge_and_a_counter_of_the_same_thing_can_be_read_in_both_formats() -> None:
    ledger = Ledger()
    cells = memoryview(bytearray(4096)).cast("d")
    ledger.open(0, cells)
    learned: list[bool] = []
    figures = Figures(cells, lambda layout: learned.append(ledger.learn(0, layout)))
    figures.gauge("connections", "Open").set(2)
    figures.counter("connections_total", "Accepted").inc(5)
    for parse, accept in ((parse_text, "text/plain"), (parse_openmetrics, OPENMETRICS)):
        page, _ = render(ledger.snapshot(), accept)
        shown = samples(parse, page)
        assert (shown["connections", ()], shown["connections_total", ()]) == (2, 5)
    assert b"# TYPE connections_total counter" in render(ledger.snapshot(), "text/plain")[0]
