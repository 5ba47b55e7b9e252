"""What is printed and kept."""

import json
from dataclasses import replace

from loadtests.bench import report
from loadtests.bench.peers import CHAIN, OURS, PEERS
from loadtests.bench.samples import Sample, Summary
from loadtests.bench.scenarios import SCENARIOS
from loadtests.support.wrk import Figures

OUR_ROW = Summary(
    scenario="get-1k",
    peer=OURS,
    cpu_microseconds=20.0,
    spread=0.05,
    ratio=1.0,
    requests_per_second=50_000,
    busy=0.99,
    p99_microseconds=2500,
    errors=0,
    is_valid=True,
)
NGINX_ROW = replace(OUR_ROW, peer="nginx", cpu_microseconds=14.0, ratio=0.70)


def test_a_row_names_scenario_connections_and_peer_before_its_figures() -> None:
    row = report.table([NGINX_ROW], SCENARIOS).splitlines()[-1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["GET 1 KB", "64", "nginx", "14.0", "5%", "0.70", "50,000", "99%", "2.5", "0"]


def test_an_invalid_row_has_no_ratio() -> None:
    row = report.table([replace(NGINX_ROW, is_valid=False, errors=3)], SCENARIOS).splitlines()[-1]
    assert "invalid" in row
    assert "0.70" not in row


def test_the_cost_of_the_chain_is_given_for_each_plugin() -> None:
    chain = replace(OUR_ROW, peer=CHAIN, cpu_microseconds=23.0)
    assert report.chain_cost([OUR_ROW, chain]) == (
        "chain: empty 20.0 µs/request, 5 do-nothing plugins 23.0 µs/request, so +0.60 µs for each plugin"
    )
    assert report.chain_cost([OUR_ROW]) is None
    assert report.chain_cost([OUR_ROW, replace(chain, is_valid=False)]) is None


def test_a_ratio_below_the_wanted_one_is_missed() -> None:
    assert report.targets([OUR_ROW, NGINX_ROW], SCENARIOS) == [
        ("get-1k: nginx/ours 0.70, wanted at least 0.67: reached", True)
    ]
    (slow,) = report.targets([OUR_ROW, replace(NGINX_ROW, ratio=0.5)], SCENARIOS)
    assert slow == ("get-1k: nginx/ours 0.50, wanted at least 0.67: MISSED", False)


def test_a_ratio_from_a_run_with_errors_is_not_reached() -> None:
    for rows in ([replace(OUR_ROW, is_valid=False), NGINX_ROW], [OUR_ROW, replace(NGINX_ROW, is_valid=False)]):
        assert [reached for _, reached in report.targets(rows, SCENARIOS)] == [False]


def test_a_peer_that_should_have_been_measured_and_was_not_is_named() -> None:
    scenarios = [scenario for scenario in SCENARIOS if scenario.name == "get-1k"]
    peers = [peer for peer in PEERS if peer.name in {OURS, "nginx"}]
    assert report.unmeasured([OUR_ROW], scenarios, peers) == [("get-1k", "nginx")]
    assert report.unmeasured([OUR_ROW, NGINX_ROW], scenarios, peers) == []


def test_a_sample_without_answers_can_be_kept_as_json() -> None:
    figures = Figures(0, 1.0, 0, {"connect": 1}, p50=0, p95=0, p99=0)
    kept = report.as_json([Sample("get-1k", OURS, 0, 0.1, figures)], [OUR_ROW], {"cpu": "x"})
    again = json.loads(json.dumps(kept, allow_nan=False))
    assert again["samples"][0]["cpu_microseconds"] is None
    assert again["about"] == {"cpu": "x"}
