"""Samples as a table for people and as JSON for whoever compares runs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from loadtests.bench.peers import CHAIN, CHAIN_PLUGINS, OURS, OWN, Peer
from loadtests.bench.samples import Sample, Summary, summarise
from loadtests.bench.scenarios import BEST, Scenario, Target
from loadtests.support.table import render

MOST_FOR_CODED = 1.1
"""What a hit may cost in a coding, beside the same as it is."""
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
    "octets/request",
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


def coded_costs(rows: Sequence[Summary]) -> list[tuple[str, bool]]:
    """What a hit costs in each coding beside one as it is, of the same content, and whether that is little enough."""
    ours = {row.scenario: row for row in rows if row.peer == OURS}
    lines = []
    plain = ours.get("hit-10k-plain")
    for coding in ("gzip", "br", "zstd"):
        coded = ours.get(f"hit-10k-{coding}")
        if plain is None or coded is None or not plain.cpu_microseconds:
            continue
        ratio = coded.cpu_microseconds / plain.cpu_microseconds
        reached = plain.is_valid and coded.is_valid and ratio <= MOST_FOR_CODED
        word = "reached" if reached else "MISSED"
        lines.append((f"hit-10k-{coding}: {ratio:.2f} of a hit as it is, at most {MOST_FOR_CODED}: {word}", reached))
    return lines


def targets(rows: Sequence[Summary], scenarios: Sequence[Scenario]) -> list[tuple[str, bool]]:
    """Each ratio we hold ourselves to, as a line and whether it was reached; only what was measured."""
    lines = []
    for scenario in scenarios:
        by_peer = {row.peer: row for row in rows if row.scenario == scenario.name}
        found = (_judged(scenario.name, target, by_peer) for target in scenario.targets)
        lines += [line for line in found if line is not None]
    return lines


def _judged(scenario: str, target: Target, by_peer: Mapping[str, Summary]) -> tuple[str, bool] | None:
    """One ratio; of the best it counts only when every other one's figures are good, or the best may be missing."""
    own = by_peer.get(target.own)
    if target.peer == BEST:
        rivals = [row for row in by_peer.values() if row.peer not in OWN]
    else:
        rivals = [row for row in by_peer.values() if row.peer == target.peer]
    ratios = {row.peer: row.ratio / own.ratio for row in rivals if row.ratio and own is not None and own.ratio}
    if own is None or not ratios:
        return None
    peer = min(ratios, key=ratios.__getitem__)
    reached = own.is_valid and all(row.is_valid for row in rivals) and ratios[peer] >= target.least
    best = ", the best of the others" if target.peer == BEST else ""
    ratio = f"{'ours' if peer == OURS else peer}/{'ours' if own.peer == OURS else own.peer} {ratios[peer]:.2f}"
    word = "reached" if reached else "MISSED"
    return f"{scenario}: {ratio}{best}, wanted at least {target.least:.2f}: {word}", reached


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
        f"{row.octets_per_request:,.0f}",
        str(row.errors),
    )
