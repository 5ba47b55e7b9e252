"""What users notice of a reload and of a killed worker: 1,000 connections while things happen to the gateway.

Three runs: nothing happens; SIGHUP every 2 s; `kill -9` of a worker every 5 s. Ends with 1 when a request fails that
need not have failed (only those in flight in a killed worker may), or when the 95th percentile is over 200 ms.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from loadtests.support import wrk
from loadtests.support.cores import pinned, place_here
from loadtests.support.entry import COULD_NOT_MEASURE, exit_code_of
from loadtests.support.footprint import read_sockets
from loadtests.support.gateway import GatewayOptions
from loadtests.support.ports import LOOPBACK
from loadtests.support.stage import Stage, stage
from loadtests.support.table import render

MOST_P95_MILLISECONDS = 200.0
_FIELDS = {"User-Agent": "slipstream-loadtests/1", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run: what wrk counted, and how much of it may be the fault of what we did."""

    what: str
    disturbances: int
    figures: wrk.Figures
    excused: int
    """Sockets the killed workers had when they were killed: at most so many requests were in flight in them."""

    def faults(self) -> list[str]:
        """What is wrong, in words."""
        wrong = []
        lost = self.figures.errors["read"] + self.figures.errors["write"]
        others = self.figures.failed - lost
        if others:
            wrong.append(f"{self.what}: {dict(self.figures.errors)}")
        if lost > self.excused:
            wrong.append(f"{self.what}: {lost} connections lost, at most {self.excused} may be")
        if self.figures.p95 / 1000 > MOST_P95_MILLISECONDS:
            wrong.append(f"{self.what}: p95 {self.figures.p95 / 1000:.0f} ms")
        if not self.figures.requests:
            wrong.append(f"{self.what}: nothing was answered")
        return wrong


class Disturber:
    """Does something to the gateway every few seconds, in a thread, until it is told to stop."""

    def __init__(self, every: float, disturb: Callable[[], int]) -> None:
        self.count = 0
        self.excused = 0
        self._every = every
        self._disturb = disturb
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Disturber":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self.excused += self._disturb()
            self.count += 1


def table(outcomes: list[Outcome]) -> str:
    """One row for each run."""
    header = ("while", "times", "requests", "requests/s", "failed", "excused", "error rate", "p95 ms", "p99 ms")
    return render(
        header,
        [
            (
                outcome.what,
                str(outcome.disturbances),
                f"{outcome.figures.requests:,}",
                f"{outcome.figures.requests / outcome.figures.seconds:,.0f}",
                str(outcome.figures.failed),
                str(min(outcome.excused, outcome.figures.failed)),
                f"{outcome.figures.failed / max(1, outcome.figures.requests + outcome.figures.failed):.4%}",
                f"{outcome.figures.p95 / 1000:.1f}",
                f"{outcome.figures.p99 / 1000:.1f}",
            )
            for outcome in outcomes
        ],
    )


def nothing(running: Stage) -> int:
    """Leave the gateway alone."""
    return 0


def reload(running: Stage) -> int:
    """SIGHUP to the supervisor; no request may notice."""
    os.kill(running.gateway.pid, signal.SIGHUP)
    return 0


def kill_a_worker(running: Stage) -> int:
    """SIGKILL to one worker; returns how many sockets it had."""
    workers = running.workers()
    if not workers:
        return 0
    victim = random.choice(workers)
    try:
        sockets = read_sockets(victim)
        os.kill(victim, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it was on its way out by itself
    return sockets


RUNS: tuple[tuple[str, float, Callable[[Stage], int]], ...] = (
    ("nothing happens", 3600.0, nothing),
    ("SIGHUP every 2 s", 2.0, reload),
    ("kill -9 every 5 s", 5.0, kill_a_worker),
)


def main() -> int:
    """Do all three runs; 0 when nobody noticed more than must be."""
    options = _arguments()
    if shutil.which("wrk") is None:
        print("wrk is not installed, and without it there is no load: apt-get install wrk", file=sys.stderr)
        return COULD_NOT_MEASURE
    outcomes = [_run(what, every, act, options) for what, every, act in RUNS]
    print(table(outcomes))
    wrong = [fault for outcome in outcomes for fault in outcome.faults()]
    print("\n".join(wrong) or "nothing failed that need not have")
    return 1 if wrong else 0


def _run(what: str, every: float, act: Callable[[Stage], int], options: argparse.Namespace) -> Outcome:
    print(f"{options.connections} connections for {options.seconds} s, {what}", file=sys.stderr, flush=True)
    placement = place_here()
    with stage("chaos", GatewayOptions(workers=options.workers), placement) as running:
        load = wrk.Load(f"http://{LOOPBACK}:{running.port}/json/1k", options.connections, _FIELDS)
        with Disturber(every, lambda: act(running)) as disturber, pinned(placement.load):
            figures = wrk.run(load, options.seconds, directory=running.directory)
        return Outcome(what, disturber.count, figures, disturber.excused)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="length of each run (60)")
    parser.add_argument("--connections", type=int, default=1000, help="concurrent connections (1000)")
    parser.add_argument("--workers", type=int, default=2, help="workers of the gateway (2)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
