"""Traces to compare evictions with: lists of what is asked for, one after the other, the same for the same seed.

Popularity falls as Zipf's law has it, which is what web caches see; sizes are spread widely around a few KiB."""

import random
from collections.abc import Callable, Iterator
from itertools import accumulate, count

Trace = list[int]
"""Numbers of things, in the order they are asked for."""

SKEW = 0.9
"""Exponent of Zipf's law; web traces have 0.6 to 1."""
_MEDIAN_OCTETS = 4096
_SPREAD = 1.2
_SCAN_EVERY = 10
_DRIFT_EVERY = 40


def zipf(things: int, requests: int, seed: int = 1) -> Trace:
    """A fixed popularity: the n-th of the things is asked for in proportion to n to the power of -`SKEW`."""
    cumulated = list(accumulate(rank**-SKEW for rank in range(1, things + 1)))
    return random.Random(seed).choices(range(things), cum_weights=cumulated, k=requests)


def scan(things: int, requests: int, seed: int = 1) -> Trace:
    """The same, and now and then a crawler asks for a tenth as many things again that nobody else asks for."""
    popular = zipf(things, requests, seed)
    length = things // _SCAN_EVERY
    strangers = count(things)
    trace: Trace = []
    for start in range(0, requests, 4 * length):
        trace += popular[start : start + 4 * length]
        trace += [next(strangers) for _ in range(length)]
    return trace[:requests]


def drift(things: int, requests: int, seed: int = 1) -> Trace:
    """A popularity that moves: what is new is most popular, and is followed by something newer every few requests."""
    return [rank - at // _DRIFT_EVERY for at, rank in enumerate(zipf(things, requests, seed))]


TRACES: dict[str, Callable[[int, int], Trace]] = {"Zipf": zipf, "scan": scan, "drifting": drift}


def sizes(trace: Trace, seed: int = 1) -> dict[int, int]:
    """Octets of everything in the trace."""
    return dict(zip(dict.fromkeys(trace), _lengths(seed), strict=False))


def _lengths(seed: int) -> Iterator[int]:
    chance = random.Random(seed)
    while True:
        yield int(chance.lognormvariate(0.0, _SPREAD) * _MEDIAN_OCTETS) + 200
