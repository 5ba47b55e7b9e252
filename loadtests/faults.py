"""What clients notice while origins break, on a real gateway with one worker before three real origins.

Prints a table: requests, the share that succeeded during the outage and once it had been seen, p99, calls that bad
servers saw, and how long it took to see the outage and to be well again. Ends with 1 when a promise is not kept."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from loadtests.faulting.clients import percentile, success
from loadtests.faulting.runs import HEADER, RUNS, Outcome, Run, carry_out
from loadtests.support.cores import place_here
from loadtests.support.entry import exit_code_of
from loadtests.support.table import render

LEAST_SUCCESS = 0.999
"""Once it has been seen that one of three servers is bad."""
MOST_P99 = 2.0
"""Times the p99 before, once it has been seen that one of three servers hangs."""
MOST_RECOVERY_SECONDS = 5.0
"""From the end of an outage until no client is told of a failure any more."""
LEAST_P99_SECONDS = 0.010
"""Below this a p99 is the machine's noise and twice of it means nothing."""


def broken_promises(outcome: Outcome) -> list[str]:
    """What was promised of a run and did not come true, in words."""
    name, wrong = outcome.run.name, []
    if name.startswith("one of three") and "flaps" not in name and success(outcome.after_detection) < LEAST_SUCCESS:
        wrong.append(f"{name}: {success(outcome.after_detection):.3%} succeeded after detection")
    if name == "one of three hangs":
        bound = MOST_P99 * max(LEAST_P99_SECONDS, percentile(outcome.normal, 0.99))
        if percentile(outcome.after_detection, 0.99) >= bound:
            wrong.append(f"{name}: p99 {percentile(outcome.after_detection, 0.99) * 1000:.0f} ms after detection")
    if "warm cache" in name and success(outcome.during) < 1:
        wrong.append(f"{name}: {success(outcome.during):.3%} of what is stored was answered")
    if outcome.well > MOST_RECOVERY_SECONDS:
        wrong.append(f"{name}: clients were told of failures for {outcome.well:.1f} s after the outage")
    return wrong


async def carry_out_all(runs: Sequence[Run], rate: float, seconds: float) -> list[Outcome]:
    """Every run, one after the other."""
    outcomes = []
    for run in runs:
        print(f"{run.name} …", file=sys.stderr, flush=True)
        outcomes.append(await carry_out(run, place_here(), rate, seconds))
    return outcomes


def main() -> int:
    """Do the runs and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.faults", description=__doc__)
    parser.add_argument("--only", action="append", choices=[run.name for run in RUNS], help="repeatable")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each outage (5)")
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second (200)")
    options = parser.parse_args()
    runs = [run for run in RUNS if not options.only or run.name in options.only]
    outcomes = asyncio.run(carry_out_all(runs, options.rate, options.seconds))
    print(render(HEADER, [outcome.row for outcome in outcomes]), end="\n\n")
    wrong = [promise for outcome in outcomes for promise in broken_promises(outcome)]
    print("\n".join(wrong) or "every promise was kept")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
