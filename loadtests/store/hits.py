"""How often each policy hits on each trace, for caches from a hundredth to a third of all there is to ask for."""

from collections.abc import Iterator
from dataclasses import dataclass

from loadtests.store.policies import POLICIES, Policy
from loadtests.store.traces import TRACES, Trace, sizes
from loadtests.support.table import render

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
"""Sizes of the cache, as parts of the octets of all things together."""
_WARM_UP = 4
"""The first so-manyth part of a trace fills the cache and does not count."""


@dataclass(frozen=True, slots=True)
class HitRatio:
    """One policy on one trace with one size."""

    trace: str
    policy: str
    share: float
    ratio: float


def hit_ratio(policy: Policy, trace: Trace, octets: dict[int, int]) -> float:
    """Hits among the requests after the warm-up."""
    warm_up = len(trace) // _WARM_UP
    for thing in trace[:warm_up]:
        policy.ask(thing, octets[thing])
    counted = trace[warm_up:]
    return sum([policy.ask(thing, octets[thing]) for thing in counted]) / len(counted)


def compare(things: int, requests: int) -> Iterator[HitRatio]:
    """Every policy on every trace."""
    for name, make in TRACES.items():
        trace = make(things, requests)
        octets = sizes(trace)
        everything = sum(octets.values()) * things // len(octets)
        for share in SHARES:
            for policy, start in POLICIES.items():
                ratio = hit_ratio(start(int(everything * share)), trace, octets)
                yield HitRatio(name, policy, share, ratio)


def table(ratios: list[HitRatio]) -> str:
    """One row for each trace and policy, one column for each size."""
    found = {(row.trace, row.policy, row.share): row.ratio for row in ratios}
    rows = [
        (trace, policy, *(f"{100 * found[trace, policy, share]:.1f}" for share in SHARES))
        for trace in TRACES
        for policy in POLICIES
    ]
    return render(("trace", "hits in %", *(f"{share:.0%}" for share in SHARES)), rows, left=2)
