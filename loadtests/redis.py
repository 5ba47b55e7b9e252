"""The Redis tier, measured: what a look-up costs, and what clients notice when Redis fails.

python -m loadtests.redis [cost|faults]"""

from __future__ import annotations

import argparse
from contextlib import ExitStack

import uvloop

from loadtests.redis_cost import table
from loadtests.redis_faults import FAULTS, HEADER, Front, run
from loadtests.support.entry import exit_code_of
from loadtests.support.table import render
from tests.support.redis import RedisServer, redis_server


async def faults(server: RedisServer) -> bool:
    """Every fault under load; whether the promises were kept."""
    with ExitStack() as stack:
        front = Front(stack, server.url)
        outcomes = []
        for fault in FAULTS:
            outcomes.append(await run(front, server, fault))
            print(f"{fault.name}: {'kept' if outcomes[-1].is_good else 'NOT KEPT'}", flush=True)
        print(render(HEADER, [outcome.cells() for outcome in outcomes]))
        said = [line for line in front.running.log.read_text().splitlines() if "redis" in line.lower()]
        print(f"\n{len(said)} lines in the log about all that")
        return all(outcome.is_good for outcome in outcomes)


def measure() -> int:
    """Measure and print; 1 when a promise was not kept."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.redis", description=__doc__)
    parser.add_argument("part", nargs="?", choices=("cost", "faults"))
    part = parser.parse_args().part
    kept = True
    with redis_server() as server:
        if part != "faults":
            header = ["look-up", "in one turn", "our CPU, us", "Redis's CPU, us", "commands"]
            print(render(header, uvloop.run(table(server))), flush=True)
    with redis_server() as server:
        if part != "cost":
            kept = uvloop.run(faults(server))
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(exit_code_of(measure))
