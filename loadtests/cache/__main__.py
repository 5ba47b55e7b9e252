"""Show what the cache promises under load on a real gateway with one worker; ends with 1 when a promise is not kept."""

import argparse
import resource
import sys
from collections.abc import AsyncIterator, Callable

import uvloop

from loadtests.cache import scenes
from loadtests.cache.front import Front, front
from loadtests.store.__main__ import table
from loadtests.store.speed import Speed
from loadtests.support.cores import Placement, pinned, place_here
from loadtests.support.entry import COULD_NOT_MEASURE, exit_code_of

_SPARE_DESCRIPTORS = 500

Scene = tuple[str, Callable[[Front], AsyncIterator[Speed]]]
"""The memory of the store, and what is shown with it."""


async def show(chosen: list[Scene], placement: Placement) -> list[Speed]:
    """Each scene with a gateway of its own."""
    figures: list[Speed] = []
    for memory, scene in chosen:
        async with front(placement, memory=memory) as running:
            figures += [figure async for figure in scene(running)]
    return figures


def main() -> int:
    """Run what the command line asks for."""
    options = _arguments()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the gateway inherits it
    if options.connections + _SPARE_DESCRIPTORS > most:
        print(f"only {most} file descriptors are allowed (ulimit -Hn)", file=sys.stderr)
        return COULD_NOT_MEASURE
    known: dict[str, Scene] = {
        "stampede": ("256MiB", lambda running: scenes.stampede(running, options.connections)),
        "purge": ("1GiB", lambda running: scenes.purge(running, options.entries, options.seconds)),
        "memory": ("256MiB", lambda running: scenes.memory(running, 256)),
        "reload": ("256MiB", lambda running: scenes.reload(running, 10_000)),
    }
    placement = place_here()
    with pinned(placement.load):
        figures = uvloop.run(show([known[name] for name in options.only], placement))
    print(table(figures))
    return 0 if all(figure.is_within for figure in figures) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.cache", description=__doc__)
    parser.add_argument("--connections", type=int, default=2000, help="clients of the stampede (2000)")
    parser.add_argument("--entries", type=int, default=100_000, help="stored responses to purge (100000)")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long others are measured without a purge (5)")
    names = ("stampede", "purge", "memory", "reload")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
