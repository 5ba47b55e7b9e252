"""How long an answer may take, in time in which somebody looked. No I/O, no clock.

A loop that is busy for 30 ms reads nothing for 30 ms, whatever Redis does meanwhile, and a machine that has more to do
than processors lets all its processes wait. So somebody looks at short intervals, and what a look comes too late counts
as time in which nobody looked: it is added to the time that Redis has."""

from __future__ import annotations

from typing import NamedTuple

LOOKS = 4
"""How often somebody looks in the time that an answer may take."""
SHORTEST, LONGEST = 0.001, 0.05
"""Seconds between two looks."""
TOLERANCE = 0.002
"""Seconds by which a look may be late on a machine that has nothing else to do: timers are that coarse."""
MOST_MISSED = 10
"""Time-outs that may be added to the first at most …"""
MOST_SECONDS = 1.0
"""… and seconds."""


class Until(NamedTuple):
    """When an answer is overdue."""

    counted: float
    """In time that counts."""
    at_last: float
    """Whatever counts."""


class Patience:
    """Counts. Times are monotonic seconds; `step` is the time to the next look."""

    __slots__ = ("_expected", "_missed", "step", "timeout")

    def __init__(self, timeout: float) -> None:
        self._expected = 0.0
        self._missed = 0.0
        self.change(timeout)

    def change(self, timeout: float) -> None:
        """Something else is enough from now on."""
        self.timeout = timeout
        self.step = min(max(timeout / LOOKS, SHORTEST), LONGEST)

    def begin(self, now: float, seconds: float) -> None:
        """Somebody will look in so many seconds."""
        self._expected = now + seconds

    def look(self, now: float) -> None:
        """Somebody looks, as was said."""
        late = now - self._expected
        if late > TOLERANCE:
            self._missed += late

    def until(self, now: float) -> Until:
        """For what is sent now."""
        more = min(MOST_MISSED * self.timeout, MOST_SECONDS)
        return Until(now - self._missed + self.timeout, now + self.timeout + more)

    def is_over(self, until: Until, now: float) -> bool:
        """Whether the time is over."""
        return now - self._missed >= until.counted or now >= until.at_last
