"""Which cores the proxy, the origin and the load generator run on.

The proxy has a core to itself, so that what it costs does not depend on who shares its caches and run queue. Every peer
gets the same one.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Placement:
    """Cores for each part; an empty set leaves the choice to the kernel."""

    proxy: frozenset[int]
    origin: frozenset[int]
    load: frozenset[int]

    def describe(self) -> str:
        """One line for a report."""
        if not self.proxy:
            return "not pinned: one core only"
        return f"proxy on core {_listed(self.proxy)}, origin on {_listed(self.origin)}, load on {_listed(self.load)}"


def place(available: Iterable[int]) -> Placement:
    """One core for the proxy; the rest for origin and load, which share when there are only two cores."""
    cores = sorted(available)
    if len(cores) < 2:
        return Placement(frozenset(), frozenset(), frozenset())
    return Placement(frozenset(cores[:1]), frozenset(cores[1:2]), frozenset(cores[2:3] or cores[1:2]))


def place_here() -> Placement:
    """The placement for the cores this process may use (reads the scheduler)."""
    return place(os.sched_getaffinity(0))


@contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """Run the block on `cores`. What is started inside inherits them, with no moment on the wrong core."""
    before = os.sched_getaffinity(0)
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _listed(cores: frozenset[int]) -> str:
    return ",".join(str(core) for core in sorted(cores))
