import math

import pytest

from gateway.demo.percentiles import Histogram
from gateway.demo.scrape import Scrape, parse

PAGE = """\
# HELP slipstream_http_requests_total Requests.
# TYPE slipstream_http_requests_total counter
slipstream_http_requests_total{method="GET",route="api",status_class="2xx"} 7.0
slipstream_http_requests_total{method="GET",route="api",status_class="5xx"} 2.0
slipstream_http_requests_total{method="POST",route="api",status_class="2xx"} 1.0
# HELP slipstream_http_gateway_seconds Own time.
# TYPE slipstream_http_gateway_seconds histogram
slipstream_http_gateway_seconds_bucket{le="0.001",route="a"} 3.0
slipstream_http_gateway_seconds_bucket{le="+Inf",route="a"} 4.0
slipstream_http_gateway_seconds_count{route="a"} 4.0
slipstream_http_gateway_seconds_sum{route="a"} 0.5
slipstream_http_gateway_seconds_bucket{le="0.001",route="b"} 1.0
slipstream_http_gateway_seconds_bucket{le="+Inf",route="b"} 1.0
slipstream_http_gateway_seconds_count{route="b"} 1.0
slipstream_http_gateway_seconds_sum{route="b"} 0.25
"""


def test_a_total_is_the_sum_over_labels_not_asked_for() -> None:
    scrape = parse(PAGE)
    assert scrape.total("http_requests_total") == 10
    assert scrape.total("http_requests_total", method="GET") == 9
    assert scrape.total("http_requests_total", method="GET", status_class="5xx") == 2


def test_sums_can_be_had_for_each_value_of_a_label() -> None:
    assert parse(PAGE).by("http_requests_total", "status_class") == {"2xx": 8, "5xx": 2}
    assert parse(PAGE).by("http_requests_total", "colour") == {"": 10}


def test_a_histogram_is_joined_over_its_labels() -> None:
    scrape = parse(PAGE)
    assert scrape.histogram("http_gateway_seconds") == Histogram((0.001, math.inf), (4.0, 5.0), 0.75)
    assert scrape.histogram("http_gateway_seconds", route="b") == Histogram((0.001, math.inf), (1.0, 1.0), 0.25)


def test_a_figure_that_is_not_there_counts_as_nought() -> None:
    assert Scrape().total("nothing") == 0
    assert Scrape().by("nothing", "label") == {}
    assert Scrape().histogram("nothing") == Histogram()


def test_a_page_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError):
        parse('slipstream_x{a="b" 1')
