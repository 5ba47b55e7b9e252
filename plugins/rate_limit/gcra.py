"""The generic cell rate algorithm: one number for each key, and no windows that begin and end.

The number is the time at which the key's debt is paid. A request of cost `c` puts it off by `c` times the interval; it
fits while the debt is not longer than the burst."""

from __future__ import annotations

import math
from typing import NamedTuple

from gateway.api import Monotonic

_ROUNDING = 1e-9
"""Share of the tolerance by which a sum of floats may be off."""


class Standing(NamedTuple):
    """How a key stands with a limit."""

    fits: bool
    remaining: int
    """What may still come at once."""
    reset: float
    """Seconds until the whole burst is there again."""
    wait: float
    """Seconds until what did not fit will; 0 when it fits."""


class Gcra:
    """One limit: so many requests in a window, so many at once."""

    __slots__ = ("burst", "interval", "quota", "tolerance", "window")

    def __init__(self, quota: int, window: float, burst: int) -> None:
        self.quota = quota
        self.window = window
        self.burst = burst
        self.interval = window / quota
        """Seconds after which one more may come."""
        self.tolerance = burst * self.interval * (1 + _ROUNDING)
        """The longest debt, in seconds."""

    def charge(self, paid: float, cost: float, now: Monotonic) -> float:
        """When the debt will be paid after a request of this cost, given when it would have been before. A negative
        cost gives back."""
        return max(max(paid, now) + cost * self.interval, now)

    def fits(self, paid: float, now: Monotonic) -> bool:
        """Whether a debt that is paid then is one the limit allows."""
        return paid - now <= self.tolerance

    def standing(self, before: float, after: float, now: Monotonic) -> Standing:
        """What to tell a client whose debt was to be paid at `before` and would be at `after` with the request."""
        if after - now <= self.tolerance:
            debt = max(after - now, 0.0)
            return Standing(True, math.floor((self.tolerance - debt) / self.interval), debt, 0.0)
        debt = max(before - now, 0.0)
        remaining = max(0, math.floor((self.tolerance - debt) / self.interval))
        return Standing(False, remaining, debt, after - now - self.tolerance)
