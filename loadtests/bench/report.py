"""Samples as a table for people and as JSON for whoever compares runs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from loadtests.bench.peers import CHAIN, CHAIN_PLUGINS, OURS, Peer
from loadtests.bench.samples import Sample, Summary, summarise
from loadtests.bench.scenarios import Scenario
from loadtests.support.table import render

HEADER = (
    "scenario",
    "conn.",
    "peer",
    "CPU µs/request",
    "spread",
    "peer/ours",
    "requests/s",
    "core busy",
    "p99 ms",
    "errors",
)


def summaries(samples: Sequence[Sample], scenarios: Sequence[Scenario], peers: Sequence[Peer]) -> list[Summary]:
    """One for each scenario and peer that was measured, in the order of both lists."""
    found = (summarise(samples, scenario.name, peer.name) for scenario in scenarios for peer in peers)
    return [summary for summary in found if summary is not None]


def unmeasured(rows: Sequence[Summary], scenarios: Sequence[Scenario], peers: Sequence[Peer]) -> list[tuple[str, str]]:
    """Names of scenario and peer wherever a peer takes part and still has no figures."""
    measured = {(row.scenario, row.peer) for row in rows}
    wanted = [(scenario.name, peer.name) for scenario in scenarios for peer in peers if peer.takes_part(scenario)]
    return [key for key in wanted if key not in measured]


def table(rows: Sequence[Summary], scenarios: Sequence[Scenario]) -> str:
    """The whole comparison; invalid rows say so instead of giving a ratio."""
    by_name = {scenario.name: scenario for scenario in scenarios}
    return render(HEADER, [_row(row, by_name[row.scenario]) for row in rows], left=3)


def chain_cost(rows: Sequence[Summary]) -> str | None:
    """What the chain costs by itself, or None when it was not measured."""
    by_peer = {row.peer: row for row in rows if row.is_valid and row.scenario == "get-1k"}
    if OURS not in by_peer or CHAIN not in by_peer:
        return None
    empty, full = by_peer[OURS].cpu_microseconds, by_peer[CHAIN].cpu_microseconds
    links = len(CHAIN_PLUGINS)
    return (
        f"chain: empty {empty:.1f} µs/request, {links} do-nothing plugins {full:.1f} µs/request, "
        f"so {(full - empty) / links:+.2f} µs for each plugin"
    )


def targets(rows: Sequence[Summary], scenarios: Sequence[Scenario]) -> list[tuple[str, bool]]:
    """Each ratio we hold ourselves to, as a line and whether it was reached; only what was measured."""
    by_key = {(row.scenario, row.peer): row for row in rows}
    lines = []
    for scenario in scenarios:
        ours = by_key.get((scenario.name, OURS))
        for peer, least in scenario.targets.items():
            row = by_key.get((scenario.name, peer))
            if row is None or ours is None or row.ratio is None:
                continue
            reached = ours.is_valid and row.is_valid and row.ratio >= least
            word = "reached" if reached else "MISSED"
            lines.append(
                (f"{scenario.name}: {peer}/ours {row.ratio:.2f}, wanted at least {least:.2f}: {word}", reached)
            )
    return lines


def as_json(samples: Sequence[Sample], rows: Sequence[Summary], about: Mapping[str, object]) -> dict[str, object]:
    """Everything that was measured, with what it was measured on."""
    return {
        "about": dict(about),
        "summaries": [asdict(row) for row in rows],
        "samples": [
            asdict(sample)
            | {"cpu_microseconds": None if math.isnan(sample.cpu_microseconds) else sample.cpu_microseconds}
            for sample in samples
        ],
    }


def _row(row: Summary, scenario: Scenario) -> tuple[str, ...]:
    ratio = "invalid" if not row.is_valid else "-" if row.ratio is None else f"{row.ratio:.2f}"
    return (
        scenario.title,
        str(scenario.connections),
        row.peer,
        f"{row.cpu_microseconds:.1f}",
        f"{row.spread:.0%}",
        ratio,
        f"{row.requests_per_second:,.0f}",
        f"{row.busy:.0%}",
        f"{row.p99_microseconds / 1000:.1f}",
        str(row.errors),
    )
