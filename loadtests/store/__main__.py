"""Measure the memory store alone; ends with 1 when a figure is over its bound."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from loadtests.store import hits, speed
from loadtests.store.plot import svg
from loadtests.store.speed import Speed
from loadtests.support.entry import exit_code_of
from loadtests.support.table import render

MOST_MEMORY = 1.35
"""Memory of the whole process, as a multiple of a setting of 256 MiB."""
_KINDS = ("small", "mixed", "large")


def main() -> int:
    """Run what the command line asks for."""
    options = _arguments()
    figures: list[Speed] = []
    if "speed" in options.only:
        entries = 20_000 if options.quick else 100_000
        figures += [speed.gets(entries, 10 * entries), speed.sets(2 * entries), *speed.purge(entries)]
    if "memory" in options.only:
        figures += [_memory(kind, 64 if options.quick else 256) for kind in _KINDS]
    if figures:
        print(table(figures), flush=True)
    if "hits" in options.only:
        ratios = list(hits.compare(*((5_000, 50_000) if options.quick else (20_000, 400_000))))
        print(hits.table(ratios))
        if options.plot is not None:
            options.plot.write_text(svg(ratios))
    return 0 if all(figure.is_within for figure in figures) else 1


def table(figures: list[Speed]) -> str:
    """One row for each figure with its bound."""
    return render(
        ("what", "figure", "bound", "unit", "verdict"),
        [
            (
                figure.what,
                f"{figure.figure:,.2f}" if figure.figure < 100 else f"{figure.figure:,.0f}",
                f"{figure.bound:,.2f}" if figure.bound < 100 else f"{figure.bound:,.0f}",
                figure.unit,
                "within" if figure.is_within else "OVER",
            )
            for figure in figures
        ],
    )


def _memory(kind: str, mebibytes: int) -> Speed:
    """In a process of its own, so that nothing else counts; with a small setting only its growth says something."""
    command = [sys.executable, "-m", "loadtests.store.fill", "--mebibytes", str(mebibytes), "--kind", kind]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    whole = mebibytes >= 256
    what = f"{'process' if whole else 'growth'} with {mebibytes} MiB full of {kind} answers"
    figure = found["process" if whole else "growth"]
    return Speed(what, figure, MOST_MEMORY, "of the setting", more_is_better=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.store", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds instead of half a minute")
    parser.add_argument("--only", nargs="+", choices=("speed", "memory", "hits"), default=("speed", "memory", "hits"))
    parser.add_argument("--plot", type=Path, help="write the hit ratios as SVG to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
