from dataclasses import replace

from gateway.demo import panels
from gateway.demo.panels import PANELS, Panel, invitations
from gateway.demo.reports import BROKEN, Prices, Sample
from gateway.demo.scrape import Scrape
from gateway.demo.snapshot import Addresses, Event, Snapshot
from gateway.demo.status import Worker

ADDRESSES = Addresses("127.0.0.1:8080", "127.0.0.1:9900", "127.0.0.1:4000")

EMPTY = Snapshot(elapsed=0.0, addresses=ADDRESSES)

BUSY = Snapshot(
    elapsed=65.0,
    addresses=ADDRESSES,
    window=10.0,
    samples=(
        *(Sample("product", 200, 0.002, 1000) for _ in range(100)),
        *(Sample("cart", 404, 0.004, 50) for _ in range(20)),
        Sample("fail", BROKEN, 5.0),
        *(Sample("product", 200, 0.001, 1000, direct=True) for _ in range(10)),
    ),
    messages=40,
    in_flight=3,
    prices=Prices((0.001,) * 100, (0.021,) * 100),
    totals={200: 1000, 404: 20, BROKEN: 1},
    scrape_window=10.0,
    after=Scrape(
        {
            "http_gateway_seconds_bucket": (({"le": "0.0001"}, 100.0), ({"le": "+Inf"}, 100.0)),
            "http_gateway_seconds_sum": (({}, 0.005),),
            "upstream_requests_total": (({"outcome": "answered"}, 118.0), ({"outcome": "closed"}, 2.0)),
            "upstream_connections": (({"state": "busy"}, 2.0), ({"state": "idle"}, 5.0)),
            "upstream_connections_opened_total": (({}, 7.0),),
            "cache_requests_total": (
                ({"route": "a", "outcome": "fresh"}, 600.0),
                ({"route": "b", "outcome": "fresh"}, 100.0),
                ({"route": "a", "outcome": "stale_while_revalidate"}, 40.0),
                ({"route": "a", "outcome": "stale_if_error"}, 10.0),
                ({"route": "a", "outcome": "revalidated"}, 50.0),
                ({"route": "b", "outcome": "uri_miss"}, 200.0),
            ),
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
            "cache_refreshes_total": (({"route": "a"}, 20.0),),
            "cache_not_stored_total": (({"reason": "private"}, 30.0),),
            "cache_entries": (({}, 1234.0),),
            "cache_bytes": (({}, 5_000_000.0),),
            "replays_total": (({}, 450.0),),
        }
    ),
    workers=(Worker(7, "ready", 4, 1, 42_000_000, 1), Worker(8, "starting")),
    circuits={"route:a": "open", "server:b": "closed"},
    events=(Event(61.0, "limit reached: head"),),
    history=(10, 20),
)


def row(panel: Panel | None, first: str) -> tuple[str, ...]:
    assert panel is not None
    (found,) = [row[1:] for row in panel.rows if row[0] == first]
    return found


def test_every_panel_bears_a_moment_without_any_figure() -> None:
    for make in PANELS:
        panel = make(EMPTY)
        assert panel is None or panel.rows


def test_every_row_has_a_cell_under_each_heading() -> None:
    for make in PANELS:
        panel = make(BUSY)
        assert panel is not None
        assert {len(row) for row in panel.rows} == {len(panel.headings) or 2}


def test_traffic_counts_what_goes_through_the_gateway() -> None:
    panel = panels.traffic(BUSY)
    assert row(panel, "requests") == ("12/s",)
    assert row(panel, "under way") == ("3",)
    assert row(panel, "content") == ("10.1 kB/s",)
    assert row(panel, "events and messages") == ("4.0/s",)
    assert row(panel, "the last minute") == ("▅█",)


def test_latency_is_shown_with_and_without_the_gateway_and_its_own() -> None:
    panel = panels.latency(BUSY)
    assert row(panel, "through the gateway") == ("2.00 ms", "4.00 ms", "4.00 ms")
    assert row(panel, "straight to the origin") == ("1.00 ms", "1.00 ms", "1.00 ms")
    assert row(panel, "the gateway's own time") == ("0.050 ms", "0.095 ms", "0.099 ms")
    assert "0.050 ms" in panel.note


def test_answers_are_counted_lately_and_since_the_start() -> None:
    panel = panels.status_classes(BUSY)
    assert row(panel, "2xx") == ("10", "1,000")
    assert row(panel, "4xx") == ("2.0", "20")
    assert row(panel, "5xx") == ("0", "0")
    assert row(panel, "broken off") == ("0.1", "1")


def test_endpoints_are_shown_busiest_first() -> None:
    panel = panels.endpoints(BUSY)
    assert panel is not None
    assert [line[0] for line in panel.rows] == ["product", "cart", "fail"]
    assert row(panel, "cart") == ("2.0", "4.00 ms", "4.00 ms")
    assert row(panel, "fail") == ("0.1", "–", "–")


def test_upstream_calls_are_shown_by_outcome() -> None:
    panel = panels.upstream(BUSY)
    assert row(panel, "calls") == ("12/s",)
    assert row(panel, "closed") == ("0.2/s",)
    assert row(panel, "connections") == ("2 busy, 5 idle",)
    assert row(panel, "new connections") == ("0.7/s",)


def test_the_cache_shows_what_it_spares_the_origin() -> None:
    panel = panels.stored(BUSY)
    assert row(panel, "answered from the store") == ("75 %",)
    assert row(panel, "origin calls saved") == ("72/s",)  # 740 answers less 20 refreshes, in ten seconds
    assert row(panel, "answered stale") == ("5.0/s",)
    assert row(panel, "confirmed by the origin") == ("5.0/s",)
    assert row(panel, "from the replay lane") == ("45/s",)
    assert row(panel, "not stored") == ("3.0/s",)
    assert row(panel, "stored") == ("1,234 responses, 5 MB",)


def test_without_a_cache_there_is_no_panel_for_it() -> None:
    assert panels.stored(EMPTY) is None


def test_savings_are_calls_that_were_shared_and_content_that_became_smaller() -> None:
    panel = panels.savings(BUSY)
    assert row(panel, "calls saved by coalescing") == ("4.0/s, 40 since the start",)
    assert row(panel, "compressed") == ("1 MB/s became 200 kB/s (20 %)",)
    assert panels.savings(EMPTY) is None


def test_circuits_are_shown_by_state_and_one_by_one() -> None:
    panel = panels.circuits(BUSY)
    assert row(panel, "in all") == ("1 open, 0 half-open, 1 closed",)
    assert row(panel, "route:a") == ("open",)
    assert row(panel, "requests refused") == ("7 since the start",)
    assert panels.circuits(EMPTY) is None


def test_the_ticker_is_shown_with_and_without_batches() -> None:
    panel = panels.ticker(BUSY)
    assert row(panel, "messages") == ("10/s", "10/s")
    assert panel is not None
    assert "20.0 ms" in panel.note
    assert panels.ticker(EMPTY) is None


def test_outcomes_are_left_out_where_there_is_only_one() -> None:
    one = replace(BUSY, after=Scrape({"upstream_requests_total": (({"outcome": "answered"}, 10.0),)}))
    assert "answered" not in [line[0] for line in panels.upstream(one).rows]


def test_workers_are_shown_with_what_is_known_of_them() -> None:
    panel = panels.workers(BUSY)
    assert row(panel, "7") == ("ready", "4", "1", "42 MB", "1")
    assert row(panel, "8") == ("starting", "–", "–", "–", "0")
    assert panels.workers(EMPTY) is None


def test_events_have_their_time() -> None:
    assert panels.notable(BUSY).rows == (("1:01", "limit reached: head"),)


def test_invitations_name_every_address() -> None:
    commands = " ".join(command for _, command in invitations(ADDRESSES))
    for address in ("127.0.0.1:8080", "127.0.0.1:9900", "127.0.0.1:4000"):
        assert f"http://{address}/" in commands
    assert all(command.startswith("curl ") for _, command in invitations(ADDRESSES))
