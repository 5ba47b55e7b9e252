"""What retries cost an origin that fails, and what hedges save clients of one that is slow now and then, on a real
gateway with one worker. Ends with 1 when a promise is not kept."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

import uvloop

from loadtests.resilience.crowd import Told, ask_at
from loadtests.resilience.front import front
from loadtests.resilience.origin import Mood
from loadtests.support.cores import Placement, pinned, place_here
from loadtests.support.entry import exit_code_of
from loadtests.support.table import render

MOST_CALLS = 1.2
"""Calls at the origin for each request of a client, at most, while everything fails."""
GOOD_SECONDS = 12.0
"""More than a window of the budget: as much credit as there can be."""
MOST_HEDGES = 1.05
"""The same with hedges, while all is well but for the slow answers."""
DOWN = Mood(status=b"503 Service Unavailable", seconds=0.002)
RESETS = Mood(resets=True)
SLOW_NOW_AND_THEN = Mood(seconds=0.003, slow_share=0.02, slow_seconds=0.3)
UNBOUNDED = {"budget": {"share": 1.0, "floor": 1000}}


async def storm(
    placement: Placement, chain: list[Mapping[str, Any]], mood: Mood, rate: float, seconds: float, well: float
) -> tuple[int, int]:
    """After so many seconds in which all is well everything fails: clients' requests and calls at the origin then."""
    async with front(placement, chain) as running:
        if well:
            await ask_at(running.port, "/", rate=rate, seconds=well)
        running.origin.mood, running.origin.calls = mood, 0
        told = await ask_at(running.port, "/", rate=rate, seconds=seconds)
        return told.requests, running.origin.calls


async def storms(placement: Placement, rate: float, seconds: float) -> bool:
    """Print the table of storms; whether the bounds hold."""
    rows, kept = [], True
    both: list[Mapping[str, Any]] = [{"retry": {}}, {"circuit_breaker": {}}]
    kinds: list[tuple[str, list[Mapping[str, Any]], Mood, float, float | None]] = [
        ("503", [{"retry": {}}], DOWN, 0.0, MOST_CALLS),
        ("reset", [{"retry": {}}], RESETS, 0.0, MOST_CALLS),
        ("503, after good times", [{"retry": {}}], DOWN, GOOD_SECONDS, MOST_CALLS),
        ("503, after good times, circuit", both, DOWN, GOOD_SECONDS, MOST_CALLS),
        ("reset, after good times, circuit", both, RESETS, GOOD_SECONDS, MOST_CALLS),
        ("503, retries without a budget", [{"retry": UNBOUNDED}], DOWN, 0.0, None),
        ("reset, no plugin", [], RESETS, 0.0, None),
    ]
    for name, chain, mood, well, bound in kinds:
        requests, calls = await storm(placement, chain, mood, rate, seconds, well)
        ratio = calls / requests
        within = bound is None or ratio <= bound
        kept = kept and within
        shown = ("none", "") if bound is None else (f"{bound:.2f}", "within" if within else "OVER")
        rows.append((name, f"{requests:,}", f"{calls:,}", f"{ratio:.3f}", *shown))
    print(render(("origin fails 100 %", "client requests", "origin calls", "ratio", "bound", ""), rows), flush=True)
    return kept


async def with_hedges(placement: Placement, retry: Mapping[str, Any], rate: float, seconds: float) -> tuple[Told, int]:
    """What clients hear and the origin sees when some answers are slow."""
    async with front(placement, [{"retry": retry}]) as running:
        running.origin.mood = SLOW_NOW_AND_THEN
        await ask_at(running.port, "/", rate=rate, seconds=4)  # it learns how long answers take
        running.origin.calls = 0
        told = await ask_at(running.port, "/", rate=rate, seconds=seconds)
        return told, running.origin.calls


async def hedges(placement: Placement, rate: float, seconds: float) -> bool:
    """Print the table of hedges; whether they halve the p99 for at most 5 % more calls."""
    rows, p99, more = [], [], 0.0
    kinds: dict[str, Mapping[str, Any]] = {"no hedges": {}, "hedges": {"hedge": {}}}
    for name, retry in kinds.items():
        told, calls = await with_hedges(placement, retry, rate, seconds)
        more = calls / told.requests
        p99.append(told.percentile(0.99))
        times = [f"{told.percentile(share) * 1000:.1f}" for share in (0.5, 0.95, 0.99, 0.999)]
        rows.append((name, f"{told.requests:,}", f"{calls:,}", f"{more:.3f}", *times, f"{told.share(200):.2%}"))
    header = ("2 % of answers take 300 ms", "requests", "calls", "ratio", "p50 ms", "p95", "p99", "p99.9", "200")
    print(render(header, rows), flush=True)
    kept = p99[1] <= p99[0] / 2 and more <= MOST_HEDGES
    print(f"p99 is {p99[0] / p99[1]:.1f} times lower for {more - 1:.1%} more calls: {'within' if kept else 'OVER'}")
    return kept


async def show(options: argparse.Namespace, placement: Placement) -> bool:
    """Measure and print; whether all promises were kept."""
    kept = True
    if "storm" in options.only:
        kept = await storms(placement, options.rate, options.seconds)
        print()
    if "hedge" in options.only:
        kept = await hedges(placement, options.rate, options.seconds) and kept
    return kept


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.retry", description=__doc__)
    parser.add_argument("--rate", type=float, default=300.0, help="requests a second (300)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement (10)")
    names = ("storm", "hedge")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    options = parser.parse_args()
    placement = place_here()
    with pinned(placement.load):
        return 0 if uvloop.run(show(options, placement)) else 1


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
