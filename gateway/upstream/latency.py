"""How long a server lately took: an average that believes bad news at once and good news slowly. No clock, no I/O."""

from __future__ import annotations

import math

DECAY_SECONDS = 10.0
"""After so long a measurement counts 1/e: what was slow a minute ago is as good as forgotten."""
FORGET_SECONDS = 5.0
"""After so long without news nothing is known: a server that was 400 times slower than the others would not be asked
for a minute otherwise. It costs one request in five seconds at most to learn that it still is."""
FAILURE_SECONDS = 1.0
"""A failure counts as an answer that took at least so long, or a server that refuses quickly would look fast."""


class PeakAverage:
    """Exponentially weighted moving average over time, of seconds; a value above it replaces it."""

    __slots__ = ("_at", "_value")

    def __init__(self) -> None:
        self._value = 0.0
        self._at = 0.0

    def observe(self, seconds: float, now: float) -> None:
        """An answer took `seconds`."""
        value = self._value
        if seconds >= value:
            self._value = seconds
        else:
            kept = math.exp((self._at - now) / DECAY_SECONDS)
            self._value = value * kept + seconds * (1.0 - kept)
        self._at = now

    def failed(self, seconds: float, now: float) -> None:
        """There was no answer after `seconds`."""
        self.observe(max(seconds, 2.0 * self._value, FAILURE_SECONDS), now)

    def at(self, now: float) -> float:
        """The average now, in seconds. Without news it fades, so that a server that was slow is tried again."""
        if now - self._at > FORGET_SECONDS:
            return 0.0
        return self._value * math.exp((self._at - now) / DECAY_SECONDS)
