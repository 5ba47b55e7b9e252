"""What a full store takes of the process's memory, as the kernel counts it.

A program of its own (`python -m loadtests.store.fill`), so that nothing else is counted; prints one line of JSON."""

import argparse
import json
import os
import random
from collections.abc import Callable

from loadtests.store.responses import response
from loadtests.support.footprint import read_peak_rss_kib, read_rss_kib
from plugins.cache.store import MemoryStore

_MIB = 1024 * 1024
_KINDS: dict[str, Callable[[random.Random], int]] = {
    "small": lambda chance: chance.choice((100, 300, 1000)),
    "mixed": lambda chance: min(int(chance.lognormvariate(8.5, 1.8)), 2 * _MIB),
    "large": lambda chance: chance.randrange(100_000, 2 * _MIB),
}
"""Octets of content: answers of an API, the wide spread of the web, pictures and downloads."""


def fill(mebibytes: int, kind: str, times: int) -> dict[str, float]:
    """Bring `times` as much as fits; the memory that the process took at most, in MiB and as parts of the setting."""
    chance = random.Random(1)
    octets = _KINDS[kind]
    limit = mebibytes * _MIB
    store = MemoryStore(limit)
    before = read_rss_kib(os.getpid())
    number = brought = 0
    while brought < times * limit:
        tags = frozenset([b"group %d" % (number // 7), b"product %d" % number][: number % 3])
        stored = response(number, chance.randbytes(octets(chance)), tags=tags)
        store.put(stored)
        brought += stored.size
        number += 1
    peak = read_peak_rss_kib(os.getpid())
    return {
        "brought": number,
        "kept": len(store),
        "used_mib": store.used / _MIB,
        "growth_mib": (peak - before) / 1024,
        "process_mib": peak / 1024,
        "growth": (peak - before) / 1024 / mebibytes,
        "process": peak / 1024 / mebibytes,
    }


def main() -> None:
    """Fill and print."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.store.fill", description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=256, help="the setting (256)")
    parser.add_argument("--kind", choices=_KINDS, default="mixed", help="what comes (mixed)")
    parser.add_argument("--times", type=int, default=6, help="how many times as much as fits (6)")
    options = parser.parse_args()
    print(json.dumps(fill(options.mebibytes, options.kind, options.times)))


if __name__ == "__main__":
    main()
