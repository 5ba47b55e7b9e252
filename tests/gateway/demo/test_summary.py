from gateway.demo.reports import Prices, Sample
from gateway.demo.scrape import Scrape
from gateway.demo.snapshot import Addresses, Snapshot
from gateway.demo.summary import line, table

EMPTY = Snapshot(elapsed=0.0, addresses=Addresses("a:1", "b:2", "c:3"))

RUN = Snapshot(
    elapsed=10.0,
    addresses=EMPTY.addresses,
    window=10.0,
    samples=(
        *(Sample("product", 200, 0.002, 100) for _ in range(1500)),
        *(Sample("product", 200, 0.001, 100, True) for _ in range(9)),
    ),
    totals={200: 1490, 503: 10},
    messages=12,
    prices=Prices((0.001,) * 2000, (0.021,) * 2000),
    circuits={"route:a": "open", "server:b": "closed"},
    scrape_window=10.0,
    after=Scrape(
        {
            "upstream_requests_total": (({}, 1500.0),),
            "upstream_connections_opened_total": (({}, 8.0),),
            "coalesce_upstream_calls_saved_total": (({"route": "a"}, 30.0), ({"route": "b"}, 10.0)),
            "compress_bytes_total": (
                ({"side": "before", "coding": "br"}, 8_000_000.0),
                ({"side": "before", "coding": "gzip"}, 2_000_000.0),
                ({"side": "after", "coding": "br"}, 1_500_000.0),
                ({"side": "after", "coding": "gzip"}, 500_000.0),
            ),
            "circuit_breaker_requests_total": (
                ({"outcome": "circuit_open"}, 6.0),
                ({"outcome": "ramping"}, 1.0),
                ({"outcome": "probe"}, 3.0),
            ),
            "cache_requests_total": (({"outcome": "fresh"}, 900.0), ({"outcome": "uri_miss"}, 600.0)),
            "http_gateway_seconds_bucket": (({"le": "0.0001"}, 1500.0), ({"le": "+Inf"}, 1500.0)),
            "http_gateway_seconds_sum": (({}, 0.06),),
        }
    ),
)


def pairs(snapshot: Snapshot) -> list[tuple[str, str]]:
    return [(name, value) for name, value in table(snapshot).rows]


def test_a_line_tells_a_moment() -> None:
    text = line(RUN)
    assert "\n" not in text
    for words in (
        "0:10",
        "150 requests/s",
        "p50 2.00 ms",
        "own 0.040 ms",
        "upstream 150/s",
        "from the store 60 %",
        "2xx 1490 5xx 10",
    ):
        assert words in text


def test_a_line_of_nothing_is_still_a_line() -> None:
    assert "0 requests/s" in line(EMPTY)


def test_the_table_tells_the_whole_run() -> None:
    rows = dict(pairs(RUN))
    assert rows["ran for"] == "10 s"
    assert rows["requests through the gateway"] == "1,500 (150/s)"
    assert rows["answers"] == "2xx 1,490, 5xx 10"
    assert rows["through the gateway"] == "2.00 ms / 2.00 ms / 2.00 ms"
    assert rows["straight to the origin"] == "1.00 ms / 1.00 ms / 1.00 ms"
    assert rows["the gateway's own time"] == "0.050 ms / 0.095 ms / 0.099 ms"
    assert rows["the gateway's own time, mean"] == "0.040 ms"
    assert rows["answered from the store"] == "60 %"
    assert rows["upstream calls"] == "1,500"
    assert rows["upstream calls saved by coalescing"] == "40"
    assert rows["compressed"] == "10 MB became 2 MB (20 %)"
    assert rows["circuits"] == "1 open, 0 half-open, 1 closed; 7 requests refused"
    assert rows["upstream connections made"] == "8"
    assert rows["content"] == "150 kB"
    assert rows["events and messages"] == "12"
    assert rows["ticker, message by message"].startswith("200 messages/s in ")
    assert rows["ticker, batched"].endswith("under way 21.0 ms / 21.0 ms")
    assert rows["batches add"] == "20.0 ms, p99 20.0 ms"
    assert rows["worker restarts"] == "0"


def test_a_run_without_traffic_has_a_table_too() -> None:
    rows = dict(pairs(EMPTY))
    assert rows["answers"] == "none"
    assert rows["answered from the store"] == "–"
    assert rows["compressed"] == "–"
    assert "ticker, batched" not in rows
    assert rows["through the gateway"] == "–"
