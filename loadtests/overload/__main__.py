"""Overload: an upstream that can do 200 requests a second is asked for up to five times as many.

Each protection is run at 1, 2 and 5 times of what the upstream can do; goodput counts answers with 200 that came before
their client lost patience (1 s). Then two clients share the gateway, one asks for a fifth of what the upstream can do,
the other floods with five times of it. Ends with 1 when goodput falls below 90 % of its peak, a health check fails, or
the small client gets less than 95 % of its answers.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from loadtests.overload.crowd import Crowd, Seen
from loadtests.overload.runs import Fairness, Outcome, Protection, Report, configuration, protections, with_peaks
from loadtests.support.cores import place_here
from loadtests.support.entry import exit_code_of
from loadtests.support.ports import free_port
from loadtests.support.processes import start

SLOTS = 8
SERVICE_MILLISECONDS = 40
CAPACITY = SLOTS * 1000 / SERVICE_MILLISECONDS
HEALTH_RATE = 5.0


@contextmanager
def gateway(protection: Protection) -> Iterator[int]:
    """The port of a gateway with that protection, in front of an origin of its own."""
    placement = place_here()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slipstream-overload-")))
        port, origin_port = free_port(), free_port()
        work = ("--slots", str(SLOTS), "--milliseconds", str(SERVICE_MILLISECONDS))
        argv = [sys.executable, "-m", "loadtests.overload.origin", "--port", str(origin_port), *work]
        stack.callback(start("origin", argv, directory=directory, cores=placement.origin).stop)
        path = directory / "gateway.yaml"
        path.write_text(json.dumps(configuration(port, origin_port, protection)))
        argv = [sys.executable, "-m", "gateway", "run", "-c", str(path)]
        running = start("slipstream", argv, directory=directory, cores=placement.proxy)
        stack.callback(running.stop)
        running.wait_until_answers(port, "/healthz")
        yield port


async def together(crowds: Sequence[Crowd], seconds: float) -> list[Seen]:
    """Let them all ask at once."""
    return await asyncio.gather(*(crowd.run(seconds) for crowd in crowds))


def overload(protection: Protection, seconds: float) -> list[Outcome]:
    """What one protection makes of more and more requests."""
    outcomes = []
    for times in (1.0, 2.0, 5.0):
        print(f"{protection.name}: {times:g} x for {seconds:g} s", file=sys.stderr, flush=True)
        with gateway(protection) as port:
            crowds = [Crowd(port, "/work", CAPACITY * times), Crowd(port, "/healthz", HEALTH_RATE, patience=2.0)]
            seen, health = asyncio.run(together(crowds, seconds))
        outcomes.append(Outcome(protection, times, seconds, seen, health))
    return with_peaks(outcomes)


def fairness(protection: Protection, seconds: float, *, fair: bool) -> Fairness:
    """One client that asks little beside one that floods."""
    name = f"{protection.name}, " + ("clients take turns" if fair else "one line for all")
    print(f"{name}: for {seconds:g} s", file=sys.stderr, flush=True)
    settings = {**(protection.concurrency or {}), "fair_by": "address" if fair else "off"}
    with gateway(Protection(protection.name, settings)) as port:
        crowds = [
            Crowd(port, "/work", CAPACITY / 5, source="127.0.0.2"),
            Crowd(port, "/work", CAPACITY * 5, source="127.0.0.3"),
        ]
        little, flood = asyncio.run(together(crowds, seconds))
    return Fairness(name, little, flood, is_judged=fair)


def main() -> int:
    """Run everything; 0 when all holds."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="length of each run (6)")
    parser.add_argument("--only", help="run protections with this in their name")
    options = parser.parse_args()
    report = Report()
    for protection in protections(SLOTS):
        if options.only is not None and options.only not in protection.name:
            continue
        report.outcomes += overload(protection, options.seconds)
        if protection.is_judged:
            report.fairness += [fairness(protection, options.seconds, fair=fair) for fair in (False, True)]
    print(report.tables())
    wrong = report.faults()
    print("\n".join(wrong) or "goodput held, health checks were answered, nobody starved")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
