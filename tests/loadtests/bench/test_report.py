"""What is printed and kept."""

import json
from dataclasses import replace

from loadtests.bench import report
from loadtests.bench.peers import CHAIN, DEFAULT_CHAIN, NO_REPLAY, OURS, PEERS
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
    octets_per_request=1300,
    errors=0,
    is_valid=True,
)
NGINX_ROW = replace(OUR_ROW, peer="nginx", cpu_microseconds=14.0, ratio=0.70)


def test_a_row_names_scenario_connections_and_peer_before_its_figures() -> None:
    row = report.table([NGINX_ROW], SCENARIOS).splitlines()[-1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["GET 1 KB", "64", "nginx", "14.0", "5%", "0.70", "50,000", "99%", "2.5", "1,300", "0"]


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


def best_of(nginx: float, haproxy: float, no_replay: float = 2.0) -> list[Summary]:
    """Rows of hits with their ratios."""
    ours = replace(OUR_ROW, scenario="hit-1k")
    others = [("nginx", nginx), ("haproxy", haproxy), (NO_REPLAY, no_replay)]
    return [ours, *(replace(ours, peer=peer, ratio=ratio) for peer, ratio in others)]


def test_the_best_is_the_cheapest_of_the_others_and_each_of_ours_is_held_to_it() -> None:
    assert report.targets(best_of(nginx=1.5, haproxy=1.3), SCENARIOS) == [
        ("hit-1k: haproxy/ours 1.30, the best of the others, wanted at least 1.20: reached", True),
        (f"hit-1k: haproxy/{NO_REPLAY} 0.65, the best of the others, wanted at least 0.85: MISSED", False),
    ]


def test_the_best_may_be_missing_where_the_figures_of_one_are_void() -> None:
    rows = best_of(nginx=1.5, haproxy=1.3, no_replay=1.1)
    assert [reached for _, reached in report.targets(rows, SCENARIOS)] == [True, True]
    void = [replace(row, is_valid=row.peer != "nginx") for row in rows]
    assert [reached for _, reached in report.targets(void, SCENARIOS)] == [False, False]


def test_without_others_there_is_no_best() -> None:
    ours = [row for row in best_of(nginx=1.5, haproxy=1.3) if row.peer in {OURS, NO_REPLAY}]
    assert report.targets(ours, SCENARIOS) == []


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


def test_a_hit_in_a_coding_is_held_against_the_same_as_it_is() -> None:
    plain = replace(OUR_ROW, scenario="hit-10k-plain", cpu_microseconds=10.0)
    cheap = replace(plain, scenario="hit-10k-gzip", cpu_microseconds=9.0)
    dear = replace(plain, scenario="hit-10k-br", cpu_microseconds=11.5)
    theirs = replace(dear, peer="nginx")
    assert report.coded_costs([plain, cheap, dear, theirs]) == [
        ("hit-10k-gzip: 0.90 of a hit as it is, at most 1.1: reached", True),
        ("hit-10k-br: 1.15 of a hit as it is, at most 1.1: MISSED", False),
    ]
    assert report.coded_costs([cheap]) == []
    assert [reached for _, reached in report.coded_costs([replace(plain, is_valid=False), cheap])] == [False]


def test_our_own_chain_is_held_to_what_ours_costs_without_it() -> None:
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == "get-1k")
    ours = replace(OUR_ROW, scenario="get-1k", ratio=1.0)
    for ratio, word in ((1.3, "reached"), (1.4, "MISSED")):
        chain = replace(ours, peer=DEFAULT_CHAIN, ratio=ratio)
        lines = [line for line, _ in report.targets([ours, chain], [scenario])]
        assert lines == [f"get-1k: ours/slipstream-chain {1 / ratio:.2f}, wanted at least 0.74: {word}"]
