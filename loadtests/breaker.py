"""What circuits cost and what they let through, on a real gateway with one worker: CPU per request that is refused
beside one that is a hit, and how many of many waiting requests pass a half-open circuit. Ends with 1 when a promise is
not kept."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import uvloop

from loadtests.resilience.crowd import ask_at, ask_at_once
from loadtests.resilience.front import Front, front
from loadtests.resilience.origin import Mood
from loadtests.support import wrk
from loadtests.support.cores import Placement, pinned, place_here
from loadtests.support.entry import exit_code_of
from loadtests.support.ports import LOOPBACK, MeasuringError
from loadtests.support.proc import read_cpu_seconds
from loadtests.support.table import render

CONNECTIONS = 64
PROBES = 3
ROUNDS = 3
NOISE = 1.05
"""What two measurements of the same differ by on a shared machine."""
REFUSED, BEHIND_THE_CACHE = "refused", "refused behind the cache"
WELL = Mood()
DOWN = Mood(status=b"503 Service Unavailable")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of the gateway's whole family for one kind of request."""

    what: str
    microseconds: float
    a_second: float


async def cost(what: str, running: Front, placement: Placement, seconds: float, target: str = "/") -> Cost:
    """Ask with wrk, and see what it cost: the least of some rounds, for the machine has other things to do as well."""
    load = wrk.Load(f"http://{LOOPBACK}:{running.port}{target}", CONNECTIONS, {})

    def ask() -> Cost:
        wrk.run(load, 1.0, directory=running.directory, cores=placement.load)
        found = []
        for _ in range(ROUNDS):
            before = read_cpu_seconds(running.running.pid)
            figures = wrk.run(load, seconds / ROUNDS, directory=running.directory, cores=placement.load)
            used = read_cpu_seconds(running.running.pid) - before
            found.append(Cost(what, used / figures.requests * 1e6, figures.requests / figures.seconds))
        return min(found, key=lambda each: each.microseconds)

    return await asyncio.to_thread(ask)


async def costs(placement: Placement, seconds: float) -> list[Cost]:
    """Hits, refusals and passes, each with a gateway of its own."""
    found = []
    cache: Mapping[str, Any] = {"cache": {}}
    async with front(placement, [cache]) as running:
        found.append(await cost("hit, replay lane", running, placement, seconds, "/cacheable"))
    async with front(placement, [cache], replay={"memory": "off"}) as running:
        found.append(await cost("hit, chain", running, placement, seconds, "/cacheable"))
    whole = [cache, {"coalesce": {}}, {"retry": {}}, {"circuit_breaker": {}}]
    off = {"replay": {"memory": "off"}}
    refusals: list[tuple[str, list[Mapping[str, Any]], Mapping[str, Any]]] = [
        (f"{REFUSED}, replay lane", [{"circuit_breaker": {}}], {}),
        (f"{REFUSED}, chain", [{"circuit_breaker": {}}], off),
        (f"{BEHIND_THE_CACHE}, replay lane", whole, {}),
        (f"{BEHIND_THE_CACHE}, chain", whole, off),
    ]
    for what, chain, more in refusals:
        async with front(placement, chain, **more) as running:
            await running.ask("POST", "/api/breakers", {"all": True, "action": "open"})
            found.append(await cost(what, running, placement, seconds))
    async with front(placement, []) as running:
        found.append(await cost("pass, no chain", running, placement, seconds))
    async with front(placement, [{"circuit_breaker": {}}]) as running:
        found.append(await cost("pass, circuit closed", running, placement, seconds))
    async with front(placement, [{"retry": {}}, {"circuit_breaker": {}}]) as running:
        found.append(await cost("pass, retry and circuit", running, placement, seconds))
    return found


async def probes(placement: Placement, clients: int) -> tuple[int, int, int]:
    """Open a circuit, let its time pass with nobody asking, then let `clients` ask at once a slow origin: how many were
    refused, how many passed, how many calls the origin saw."""
    breaker = {"circuit_breaker": {"open_for": "1s", "jitter": 0, "probes": PROBES, "ramp": 0}}
    async with front(placement, [breaker]) as running:
        running.origin.mood = DOWN
        await ask_at(running.port, "/", rate=200, seconds=0.5)
        (circuit,) = (await running.ask("GET", "/api/breakers"))["circuits"]
        if circuit["state"] != "open":
            raise MeasuringError(f"the circuit is not open: {circuit}")
        await asyncio.sleep(circuit["next_try_seconds"] + 0.1)
        running.origin.mood = Mood(seconds=2.0)
        running.origin.calls = 0
        told = await ask_at_once(running.port, "/", clients)
        return told.statuses[503], told.statuses[200], running.origin.calls


async def recovery(placement: Placement, rate: float) -> list[tuple[str, str]]:
    """An outage of five seconds under steady traffic: what the origin sees of it, and how it comes back."""
    async with front(placement, [{"circuit_breaker": {"open_for": "1s"}}]) as running:
        origin = running.origin
        await ask_at(running.port, "/", rate=rate, seconds=2)
        origin.mood, origin.calls = DOWN, 0
        outage = await ask_at(running.port, "/", rate=rate, seconds=5)
        during = origin.calls
        origin.mood = WELL
        after = await ask_at(running.port, "/", rate=rate, seconds=15)
        last = await ask_at(running.port, "/", rate=rate, seconds=2)
    return [
        ("requests during the outage of 5 s", f"{outage.requests:,}"),
        ("of them the origin saw", f"{during:,} ({during / outage.requests:.1%})"),
        ("p99 of the answers during it", f"{outage.percentile(0.99) * 1000:.1f} ms"),
        ("answered well in the 15 s after it", f"{after.share(200):.1%}"),
        ("answered well after those", f"{last.share(200):.1%}"),
    ]


async def show(options: argparse.Namespace, placement: Placement) -> bool:
    """Measure and print; whether all promises were kept."""
    kept = True
    if "cost" in options.only:
        found = {each.what: each for each in await costs(placement, options.seconds)}
        rows = [(each.what, f"{each.microseconds:.1f}", f"{each.a_second:,.0f}") for each in found.values()]
        print(render(("request", "CPU µs", "a second"), rows), flush=True)
        for how in ("replay lane", "chain"):
            alone, behind, hit = (found[f"{what}, {how}"] for what in (REFUSED, BEHIND_THE_CACHE, "hit"))
            less = max(alone.microseconds, behind.microseconds) <= hit.microseconds * NOISE
            print(f"a refusal costs no more than a hit, both by the {how}: {'yes' if less else 'NO'}", flush=True)
            kept = kept and less
        print(flush=True)
    if "probes" in options.only:
        refused, passed, calls = await probes(placement, options.clients)
        print(f"half-open, {options.clients} clients at once: {calls} calls at the origin, {passed} answered, ", end="")
        print(f"{refused} refused; permits: {PROBES}\n", flush=True)
        kept = kept and calls == PROBES and passed + refused == options.clients
    if "recovery" in options.only:
        print(render(("an outage, 300 requests a second", "seen"), await recovery(placement, 300.0)), flush=True)
    return kept


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.breaker", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.5, help="of wrk for each cost (4.5)")
    parser.add_argument("--clients", type=int, default=500, help="that meet the half-open circuit (500)")
    names = ("cost", "probes", "recovery")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    options = parser.parse_args()
    placement = place_here()
    with pinned(placement.load):
        return 0 if uvloop.run(show(options, placement)) else 1


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
