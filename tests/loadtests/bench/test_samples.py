"""From samples to medians."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.bench.peers import OURS
from loadtests.bench.samples import Sample, Summary, rotated, summarise
from loadtests.support.wrk import Figures

NONE = {"connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0}


def sample(peer: str, number: int, microseconds: float, *, requests: int = 1_000_000, read_errors: int = 0) -> Sample:
    figures = Figures(requests, 2.0, 0, {**NONE, "read": read_errors}, p50=1, p95=2, p99=3)
    return Sample("get-1k", peer, number, microseconds * requests / 1e6, figures)


def summary_of(samples: list[Sample], peer: str) -> Summary:
    summary = summarise(samples, "get-1k", peer)
    assert summary is not None
    return summary


def test_cost_is_cpu_for_each_answered_request() -> None:
    assert sample("nginx", 0, 13.5).cpu_microseconds == pytest.approx(13.5)
    assert math.isnan(sample("nginx", 0, 13.5, requests=0).cpu_microseconds)


def test_the_median_and_the_spread_of_the_rounds_are_reported() -> None:
    summary = summary_of([sample("nginx", 0, 10), sample("nginx", 1, 12), sample("nginx", 2, 20)], "nginx")
    assert summary.cpu_microseconds == pytest.approx(12)
    assert summary.spread == pytest.approx(10 / 12)
    assert summary.requests_per_second == pytest.approx(500_000)


def test_a_ratio_compares_within_a_round_so_that_a_slow_round_does_not_matter() -> None:
    samples = [sample(OURS, 0, 20), sample("nginx", 0, 15), sample(OURS, 1, 200), sample("nginx", 1, 150)]
    assert summary_of(samples, "nginx").ratio == pytest.approx(0.75)
    assert summary_of(samples, OURS).ratio == pytest.approx(1)


def test_without_ours_there_is_no_ratio() -> None:
    assert summary_of([sample("nginx", 0, 15)], "nginx").ratio is None


def test_one_error_makes_the_whole_row_invalid() -> None:
    summary = summary_of([sample("nginx", 0, 15), sample("nginx", 1, 15, read_errors=1)], "nginx")
    assert (summary.errors, summary.is_valid) == (1, False)


def test_a_round_without_any_answer_makes_the_row_invalid() -> None:
    assert not summary_of([sample("nginx", 0, 15), sample("nginx", 1, 15, requests=0)], "nginx").is_valid


def test_a_call_at_the_origin_for_what_should_be_stored_makes_the_row_invalid() -> None:
    good, missed = sample("nginx", 0, 15), replace(sample("nginx", 1, 15), misses=1)
    summary = summary_of([good, missed], "nginx")
    assert (summary.errors, summary.is_valid) == (0, False)


def test_what_was_not_measured_has_no_summary() -> None:
    assert summarise([sample("nginx", 0, 15)], "get-1k", "haproxy") is None
    assert summarise([sample("nginx", 0, 15)], "get-10k", "nginx") is None


@given(st.lists(st.integers(), max_size=6), st.integers(min_value=0, max_value=20))
def test_a_rotation_keeps_everybody_and_lets_each_go_first_in_turn(items: list[int], by: int) -> None:
    turned = rotated(items, by)
    assert sorted(turned) == sorted(items)
    if items:
        assert turned[0] == items[by % len(items)]
