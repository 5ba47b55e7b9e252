"""Hours in minutes: half of capacity with 5 % faults mixed in, while memory and file descriptors are watched.

Ends with 1 when a worker's memory grows by more than 1 MiB a minute after warm-up, its file descriptors grow, a worker
dies, a probe or an ordinary request is not answered well, or a fault has the wrong outcome.
"""

import argparse
import sys

import uvloop

from loadtests.support.cores import pinned, place_here
from loadtests.support.entry import exit_code_of
from loadtests.support.gateway import GatewayOptions
from loadtests.support.stage import stage
from loadtests.support.table import render
from loadtests.traffic.growth import Growth, faults_of, growth
from loadtests.traffic.soaking import Soak

MOST_MIB_PER_MINUTE = 1.0
SPARE_DESCRIPTORS = 32.0
_WARM_UP_SHARE = 0.2
_WARM_UP_SECONDS = 15.0


def main() -> int:
    """Soak for the minutes asked for; 0 when nothing grew and nothing was answered wrongly."""
    options = _arguments()
    placement = place_here()
    seconds = options.minutes * 60
    chosen = GatewayOptions(plugins=options.plugin, workers=options.workers)
    with stage("soak", chosen, placement) as running:
        soak = Soak(running.port, running.gateway.pid, _say)
        with pinned(placement.load):
            uvloop.run(soak.run(seconds))
    return _report(soak, growth(soak.readings, warm_up_seconds(seconds)))


def warm_up_seconds(seconds: float) -> float:
    """How much of a run says nothing yet: a fifth, and in a short one more, but never more than half."""
    return min(max(seconds * _WARM_UP_SHARE, _WARM_UP_SECONDS), seconds / 2)


def _report(soak: Soak, workers: list[Growth]) -> int:
    print(table(workers))
    print(f"answered {soak.client.answered:,}, faults played {soak.faults_played:,}, probes {soak.probes:,}")
    wrong = [f"{count} × {what}" for what, count in (soak.client.wrong + soak.wrong).most_common()]
    for worker in workers:
        wrong += faults_of(worker, most_mib_per_minute=MOST_MIB_PER_MINUTE, spare_descriptors=SPARE_DESCRIPTORS)
    if not workers:
        wrong.append("no worker was seen after warm-up")
    print("\n".join(wrong) or "nothing grew, everything was answered as it must")
    return 1 if wrong else 0


def table(found: list[Growth]) -> str:
    """One row for each worker."""
    header = ("worker", "MiB/min", "RSS MiB first", "last", "fds first quarter", "last quarter")
    return render(
        header,
        [
            (
                str(worker.pid),
                f"{worker.mib_per_minute:+.3f}",
                f"{worker.first_rss_kib / 1024:.1f}",
                f"{worker.last_rss_kib / 1024:.1f}",
                f"{worker.first_descriptors:.0f}",
                f"{worker.last_descriptors:.0f}",
            )
            for worker in found
        ],
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (30)")
    parser.add_argument("--workers", type=int, default=1, help="workers of the gateway (1)")
    parser.add_argument(
        "--plugin", action="append", default=[], help="a plugin of the chain; repeatable, outermost first"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
