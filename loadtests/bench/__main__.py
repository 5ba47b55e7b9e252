"""Compare the gateway with other proxies: CPU microseconds of the whole process tree for each answered request."""

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from loadtests.bench import report, websockets
from loadtests.bench.machine import describe
from loadtests.bench.measure import bench
from loadtests.bench.peers import PEERS, Peer
from loadtests.bench.samples import Sample, Summary
from loadtests.bench.scenarios import SCENARIOS, Need, Scenario
from loadtests.support.cores import place_here
from loadtests.support.entry import COULD_NOT_MEASURE, exit_code_of


def main() -> int:
    """Run what the command line asks for; 1 when a run had errors (or, with `--check`, a target was missed)."""
    options = _arguments()
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in options.only]
    cases = [case for case in websockets.CASES if case.name in options.only]
    if scenarios and shutil.which("wrk") is None:
        _say("wrk is not installed, and without it there is no load: apt-get install wrk")
        return COULD_NOT_MEASURE
    about = {**describe(), "placement": place_here().describe(), "seconds": options.seconds, "rounds": options.rounds}
    print("\n".join(f"{name}: {value}" for name, value in about.items()), end="\n\n", flush=True)
    code = _requests(scenarios, options, about) if scenarios else 0
    return max(code, _websockets(cases, options)) if cases else code


def _requests(scenarios: Sequence[Scenario], options: argparse.Namespace, about: Mapping[str, object]) -> int:
    peers = _installed([peer for peer in PEERS if peer.name in options.peers])
    samples = _measure(scenarios, peers, options)
    rows = report.summaries(samples, scenarios, peers)
    reached = _print(rows, scenarios)
    if options.json is not None:
        options.json.write_text(json.dumps(report.as_json(samples, rows, about), indent=2) + "\n")
    unmeasured = report.unmeasured(rows, scenarios, peers)
    for scenario, peer in unmeasured:
        _say(f"{peer} could not be measured in {scenario}")
    if not all(row.is_valid for row in rows):
        _say("a run had errors: its figures mean nothing")
    if unmeasured or not all(row.is_valid for row in rows):
        return 1
    return 1 if options.check and not reached else 0


def _websockets(cases: Sequence[websockets.Case], options: argparse.Namespace) -> int:
    measured = websockets.measure(cases, options.peers, _say, quick=options.quick)
    print(f"\n{measured.table(cases)}\n")
    lines = measured.targets(cases)
    for line, _ in lines:
        print(line)
    return 1 if options.check and not all(reached for _, reached in lines) else 0


def _measure(scenarios: Sequence[Scenario], peers: Sequence[Peer], options: argparse.Namespace) -> list[Sample]:
    samples: list[Sample] = []
    by_need: dict[Need, list[Scenario]] = {}
    for scenario in scenarios:
        by_need.setdefault(scenario.need, []).append(scenario)
    for need, wanted in by_need.items():
        able = [peer for peer in peers if any(map(peer.takes_part, wanted))]
        with bench(need, able, place_here(), _say) as standing:
            for scenario in wanted:
                _say(f"measuring {scenario.name}")
                samples += standing.measure(scenario, options.rounds, options.seconds, warm_up=not options.quick)
    return samples


def _print(rows: Sequence[Summary], scenarios: Sequence[Scenario]) -> bool:
    print(report.table(rows, scenarios))
    if cost := report.chain_cost(rows):
        print(f"\n{cost}")
    lines = report.targets(rows, scenarios) + report.coded_costs(rows)
    if lines:
        print("\n" + "\n".join(line for line, _ in lines))
    return all(reached for _, reached in lines)


def _installed(peers: Sequence[Peer]) -> list[Peer]:
    for peer in peers:
        if not peer.is_installed():
            _say(f"{peer.name} is not installed and left out: apt-get install {peer.name}")
    return [peer for peer in peers if peer.is_installed()]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="length of each run (3)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of every peer in every scenario (3)")
    names = [*(each.name for each in SCENARIOS), *(each.name for each in websockets.CASES)]
    parser.add_argument("--only", action="append", choices=names, help="repeatable")
    parser.add_argument("--peers", action="append", choices=[peer.name for peer in PEERS], help="repeatable")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample as well")
    parser.add_argument("--quick", action="store_true", help="two rounds of one second, no warm-up: a first impression")
    parser.add_argument("--check", action="store_true", help="exit 1 when a ratio we hold ourselves to is missed")
    options = parser.parse_args()
    options.only = options.only or names
    options.peers = options.peers or [peer.name for peer in PEERS]
    if options.quick:
        options.seconds, options.rounds = 1, 2
    return options


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
