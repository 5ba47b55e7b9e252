"""Percentiles of plain values and of Prometheus histograms. No I/O, no clock."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Half, nineteen of twenty, and ninety-nine of a hundred took at most so many seconds."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Observations in buckets, as a scrape shows them."""

    bounds: tuple[float, ...] = ()
    """Upper bounds in ascending order, the last one infinite."""
    cumulative: tuple[float, ...] = ()
    """How many observations were at most as large as each bound."""
    sum: float = 0.0

    @property
    def count(self) -> float:
        """How many observations there are."""
        return self.cumulative[-1] if self.cumulative else 0.0

    @property
    def mean(self) -> float | None:
        """Their exact mean, `None` without observations."""
        return self.sum / self.count if self.count > 0 else None

    def since(self, before: "Histogram") -> "Histogram":
        """What was observed after `before`; all of it where the buckets differ or the count started anew."""
        if before.bounds != self.bounds or before.count > self.count:
            return self
        counts = tuple(now - then for now, then in zip(self.cumulative, before.cumulative, strict=True))
        return Histogram(self.bounds, counts, self.sum - before.sum)

    def percentiles(self) -> Percentiles | None:
        """Estimates, each by a straight line through its bucket; `None` without observations."""
        if self.count <= 0:
            return None
        return Percentiles(self._at(0.50), self._at(0.95), self._at(0.99))

    def _at(self, share: float) -> float:
        rank = share * self.count
        index = bisect_left(self.cumulative, rank)
        below, lower = (self.cumulative[index - 1], self.bounds[index - 1]) if index else (0.0, 0.0)
        upper = self.bounds[index]
        if math.isinf(upper):
            return lower  # all that is known: not less
        return lower + (upper - lower) * (rank - below) / (self.cumulative[index] - below)


def of_values(values: Iterable[float]) -> Percentiles | None:
    """Percentiles by nearest rank; `None` without values."""
    ordered = sorted(values)
    if not ordered:
        return None
    return Percentiles(_nearest(ordered, 0.50), _nearest(ordered, 0.95), _nearest(ordered, 0.99))


def _nearest(ordered: Sequence[float], share: float) -> float:
    return ordered[math.ceil(share * len(ordered)) - 1]
