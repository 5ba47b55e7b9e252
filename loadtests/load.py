"""Behaviour under many users: locust without its web page, against a gateway and an origin started here.

Runs one stage for each number of users, prints a table, leaves CSV and HTML in `loadtests/results/`, and ends with 1
when any request of any stage failed.
"""

import argparse
import csv
import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtests.support.cores import Placement, pinned, place_here
from loadtests.support.entry import COULD_NOT_MEASURE, exit_code_of
from loadtests.support.gateway import GatewayOptions
from loadtests.support.ports import LOOPBACK, MeasuringError
from loadtests.support.processes import ROOT
from loadtests.support.stage import stage
from loadtests.support.table import render

RESULTS = ROOT / "loadtests" / "results"
_RAMP_SECONDS = 5
_SPARE_SECONDS = 90
_HEADER = ("users", "requests", "failed", "requests/s", "p50 ms", "p95 ms", "p99 ms")


@dataclass(frozen=True, slots=True)
class Counted:
    """What locust counted with one number of users; latencies in milliseconds."""

    users: int
    requests: int
    failures: int
    requests_per_second: float
    p50: float
    p95: float
    p99: float


class LoadError(MeasuringError):
    """locust could not run, or left no figures."""


def read_counted(users: int, lines: Sequence[str]) -> Counted:
    """The line of locust's `_stats.csv` that sums up the stage. Raises `LoadError` when it is not there."""
    for row in csv.DictReader(lines):
        if row["Name"] == "Aggregated":
            return Counted(
                users=users,
                requests=int(row["Request Count"]),
                failures=int(row["Failure Count"]),
                requests_per_second=float(row["Requests/s"]),
                p50=_milliseconds(row["50%"]),
                p95=_milliseconds(row["95%"]),
                p99=_milliseconds(row["99%"]),
            )
    raise LoadError("locust left no figures")


def arguments_of_locust(users: int, seconds: int, port: int, prefix: Path) -> list[str]:
    """The command line of one stage; all users are there after a ramp of a few seconds."""
    return [
        *(sys.executable, "-m", "locust", "--headless", "--only-summary", "--loglevel", "WARNING"),
        *("--locustfile", str(ROOT / "loadtests" / "locustfile.py"), "--host", f"http://{LOOPBACK}:{port}"),
        *("--users", str(users), "--spawn-rate", str(max(1, users // _RAMP_SECONDS))),
        *("--run-time", f"{seconds}s", "--stop-timeout", "10", "--exit-code-on-error", "0"),
        *("--csv", str(prefix), "--html", f"{prefix}.html"),
    ]


def table(stages: Sequence[Counted]) -> str:
    """All stages, one a row."""
    return render(
        _HEADER,
        [
            (
                f"{counted.users:,}",
                f"{counted.requests:,}",
                str(counted.failures),
                f"{counted.requests_per_second:,.0f}",
                f"{counted.p50:.0f}",
                f"{counted.p95:.0f}",
                f"{counted.p99:.0f}",
            )
            for counted in stages
        ],
    )


def verdict(stages: Sequence[Counted]) -> list[str]:
    """What is wrong, in words; nothing when every request of every stage was answered well."""
    wrong = [f"{counted.users} users: {counted.failures} failed" for counted in stages if counted.failures]
    return wrong + [f"{counted.users} users: no requests at all" for counted in stages if not counted.requests]


def main() -> int:
    """Run the stages; 0 when nothing failed."""
    options = _arguments()
    if importlib.util.find_spec("locust") is None:
        print("locust is not installed here: `make load` installs it from requirements/load.txt", file=sys.stderr)
        return COULD_NOT_MEASURE
    RESULTS.mkdir(exist_ok=True)
    stages = []
    for users in options.users:
        print(f"{users} users for {options.seconds} s", file=sys.stderr, flush=True)
        stages.append(_run(users, options.seconds, options.workers))
    print(table(stages))
    wrong = verdict(stages)
    print("\n".join(wrong) or f"nothing failed; reports are in {RESULTS.relative_to(ROOT)}/")
    return 1 if wrong else 0


def _run(users: int, seconds: int, workers: int) -> Counted:
    """One stage with a gateway of its own, so that no stage inherits from the one before."""
    placement = place_here() if workers == 1 else Placement(frozenset(), frozenset(), frozenset())
    prefix = RESULTS / f"load-{users}"
    with stage("load", GatewayOptions(workers=workers), placement) as running:
        argv = arguments_of_locust(users, seconds, running.port, prefix)
        try:
            with pinned(placement.load):
                done = subprocess.run(
                    argv, cwd=ROOT, capture_output=True, text=True, timeout=seconds + _SPARE_SECONDS, check=False
                )
        except subprocess.TimeoutExpired as error:
            raise LoadError(f"locust did not end: {error}") from error
        if done.returncode != 0:
            raise LoadError(f"locust ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return read_counted(users, Path(f"{prefix}_stats.csv").read_text().splitlines())


def _milliseconds(text: str) -> float:
    return float("nan") if text == "N/A" else float(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.load", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="length of each stage (60)")
    parser.add_argument("--users", type=int, nargs="+", default=[100, 500, 1000], help="users of each stage")
    parser.add_argument("--workers", type=int, default=1, help="workers of the gateway (1)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
