"""How many may be under way: a number, or one that follows what the upstream can do."""

from __future__ import annotations

import math
from typing import Protocol

from gateway.api import Monotonic

_SMOOTHING = 0.2
"""Share of the way to a new limit that one window goes."""
_BACK_OFF = 0.8
"""What is left of the limit after a window in which the upstream gave up on requests."""
_LEAST_GRADIENT = 0.5
_FEWEST = 10
"""Answers without which a window says nothing."""
_LONGEST_PROBE = 5
"""Windows after which a probe ends even without answers."""


class Limiter(Protocol):
    """Says how many may be under way."""

    limit: int

    def answered(self, began: Monotonic, now: Monotonic, under_way: int) -> None:
        """A request that began then has its head; `under_way` counts all, this one included."""

    def gave_up(self, now: Monotonic) -> None:
        """The upstream could not answer for having too much to do: a time-out, 503 or 504."""


class Fixed:
    """A limit that stays."""

    __slots__ = ("limit",)

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def answered(self, began: Monotonic, now: Monotonic, under_way: int) -> None:
        """Of no interest."""

    def gave_up(self, now: Monotonic) -> None:
        """Of no interest."""


class Gradient:
    """A limit that falls while answers take longer than `tolerance` times the best, and rises while they do not.

    The best latency is the least of any window since the last probe. A probe takes the limit down to `least` for a
    window: with so few under way nothing waits inside the upstream, so that what it takes then is what it has to. The
    limit always has room for `sqrt(limit)` more than the gradient says; that is how it finds out that more would go."""

    __slots__ = (
        "_before",
        "_best",
        "_count",
        "_ends",
        "_exact",
        "_gave_up",
        "_least",
        "_most",
        "_next_probe",
        "_peak",
        "_probe_every",
        "_probing",
        "_sum",
        "_tolerance",
        "_window",
        "limit",
    )

    def __init__(
        self,
        limit: int,
        least: int,
        most: int,
        *,
        tolerance: float,
        window: float,
        probe_every: float,
        now: Monotonic,
    ) -> None:
        self.limit = limit
        self._exact = float(limit)
        self._least = least
        self._most = most
        self._tolerance = tolerance
        self._window = window
        self._probe_every = probe_every
        self._best = math.inf
        self._probing: float | None = None
        self._before = self._exact
        self._next_probe = now + probe_every
        self._ends = 0.0
        self._sum = 0.0
        self._count = 0
        self._peak = 0
        self._gave_up = 0
        self._begin(now)

    @property
    def best(self) -> float | None:
        """The best latency known, in seconds; `None` before the first window."""
        return self._best if self._best < math.inf else None

    @property
    def is_probing(self) -> bool:
        """Whether the limit is low for finding the best latency anew."""
        return self._probing is not None

    def answered(self, began: Monotonic, now: Monotonic, under_way: int) -> None:
        """Take a latency into account. One that began before a probe tells nothing in it."""
        if self._probing is None or began >= self._probing:
            self._sum += now - began
            self._count += 1
            if under_way > self._peak:
                self._peak = under_way
        if now >= self._ends:
            self._end_window(now)

    def gave_up(self, now: Monotonic) -> None:
        """The upstream has too much to do."""
        self._gave_up += 1
        if now >= self._ends:
            self._end_window(now)

    def _begin(self, now: Monotonic) -> None:
        self._ends = now + self._window
        self._sum = 0.0
        self._count = 0
        self._peak = 0
        self._gave_up = 0

    def _end_window(self, now: Monotonic) -> None:
        if self._probing is not None:
            self._end_probe(now)
            return
        if self._gave_up:
            self._move(self._exact * _BACK_OFF)
        elif self._count >= _FEWEST:
            self._follow(self._sum / self._count)
        elif now < self._ends + 9 * self._window:
            return  # too few to judge by: wait for more, but not for ever
        if now >= self._next_probe:
            self._probing = now
            self._before = self._exact
            self.limit = self._least
        self._begin(now)

    def _follow(self, mean: float) -> None:
        self._best = min(self._best, mean)
        gradient = 1.0 if mean <= 0.0 else min(1.0, max(_LEAST_GRADIENT, self._tolerance * self._best / mean))
        wanted = self._exact * gradient + math.sqrt(self._exact)
        if wanted > self._exact and self._peak * 2 < self._exact:
            return  # it is not the limit that keeps more from being under way
        self._move(self._exact + _SMOOTHING * (wanted - self._exact))

    def _end_probe(self, now: Monotonic) -> None:
        assert self._probing is not None
        if self._count < min(_FEWEST, self._least) and now < self._probing + _LONGEST_PROBE * self._window:
            return
        if self._count:
            self._best = self._sum / self._count
        self._probing = None
        self._next_probe = Monotonic(now + self._probe_every)
        self._move(self._before)
        self._begin(now)

    def _move(self, exact: float) -> None:
        self._exact = min(max(exact, float(self._least)), float(self._most))
        self.limit = int(self._exact)
