"""Peers that answer wrongly are left out; the others are measured in turns."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from loadtests.bench import measure
from loadtests.bench.measure import Bench, Standing
from loadtests.bench.peers import Peer
from loadtests.bench.samples import Sample
from loadtests.bench.scenarios import SCENARIOS, Need, Scenario
from loadtests.support import wrk
from loadtests.support.cores import place
from loadtests.support.processes import start

NO_ERRORS = {"connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0}


def standing(name: str, port: int, tmp_path: Path) -> Standing:
    peer = Peer(name, {need: lambda ground: [] for need in Need})
    running = start(name, ["true"], directory=tmp_path)
    running.process.wait()
    return Standing(peer, running, port)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """URLs and seconds of the runs; no load generator is started."""
    runs: list[tuple[str, float]] = []

    def run(load: wrk.Load, seconds: float, *, directory: Path, cores: frozenset[int]) -> wrk.Figures:
        runs.append((load.url, seconds))
        return wrk.Figures(10, seconds, 0, NO_ERRORS, 1, 2, 3)

    monkeypatch.setattr(wrk, "run", run)
    return runs


def measured(bench: Bench, rounds: int, scenario: Scenario = SCENARIOS[0]) -> list[Sample]:
    return list(bench.measure(scenario, rounds, 2.0, warm_up=True))


def bench_of(peers: Sequence[Standing], origin_port: int, said: list[str], tmp_path: Path) -> Bench:
    return Bench(tmp_path, place([]), origin_port, peers, said.append)


async def test_another_peer_goes_first_in_each_round(
    origin_port: int, asked: list[tuple[str, float]], tmp_path: Path
) -> None:
    peers = [standing("one", origin_port, tmp_path), standing("two", origin_port, tmp_path)]
    said: list[str] = []
    samples = await asyncio.to_thread(measured, bench_of(peers, origin_port, said, tmp_path), 2)
    assert [(sample.round, sample.peer) for sample in samples] == [(0, "one"), (0, "two"), (1, "two"), (1, "one")]
    assert [seconds for _, seconds in asked] == [1.0, 1.0, 2.0, 2.0, 2.0, 2.0]  # warm-up first, and not counted
    assert said == []


async def test_a_peer_that_answers_wrongly_is_named_and_not_measured(
    origin_port: int, unused_tcp_port: int, asked: list[tuple[str, float]], tmp_path: Path
) -> None:
    peers = [standing("right", origin_port, tmp_path), standing("silent", unused_tcp_port, tmp_path)]
    said: list[str] = []
    samples = await asyncio.to_thread(measured, bench_of(peers, origin_port, said, tmp_path), 1)
    assert [sample.peer for sample in samples] == ["right"]
    (line,) = said
    assert line.startswith("silent is left out of get-1k")


async def test_a_call_at_the_origin_during_a_run_of_hits_is_counted_and_said(
    origin_port: int, asked: list[tuple[str, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hit,) = [scenario for scenario in SCENARIOS if scenario.name == "hit-1k"]
    numbers = iter([5, 7])
    monkeypatch.setattr(measure, "verify", lambda scenario, port, origin_port: None)
    monkeypatch.setattr(measure, "origin_calls", lambda port: next(numbers))
    said: list[str] = []
    bench = bench_of([standing("forgetful", origin_port, tmp_path)], origin_port, said, tmp_path)
    (sample,) = measured(bench, 1, hit)
    assert (sample.misses, sample.is_valid) == (2, False)
    assert said == ["forgetful asked the origin 2 times during hit-1k"]


async def test_what_is_to_be_spread_over_many_targets_is_stored_before(
    origin_port: int, asked: list[tuple[str, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hit,) = [scenario for scenario in SCENARIOS if scenario.spread]
    numbers = iter([0, 9, 9, 10, 10, 10, 10, 10])
    monkeypatch.setattr(measure, "verify", lambda scenario, port, origin_port: None)
    monkeypatch.setattr(measure, "origin_calls", lambda port: next(numbers))
    said: list[str] = []
    (sample,) = measured(bench_of([standing("one", origin_port, tmp_path)], origin_port, said, tmp_path), 1, hit)
    assert [seconds for _, seconds in asked] == [1.0, 1.0, 1.0, 1.0, 2.0]  # filled by three runs, warmed up, measured
    assert (sample.misses, said) == (0, [])


async def test_a_content_to_send_is_written_for_the_load_generator(
    origin_port: int, asked: list[tuple[str, float]], tmp_path: Path
) -> None:
    (post,) = [scenario for scenario in SCENARIOS if scenario.name == "post-1k"]
    bench = bench_of([standing("one", origin_port, tmp_path)], origin_port, [], tmp_path)
    await asyncio.to_thread(measured, bench, 1, post)
    assert (tmp_path / "post-1k.content").read_bytes() == post.content
