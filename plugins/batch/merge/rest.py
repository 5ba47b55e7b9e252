"""When bulk calls are not even tried: an upstream that cannot answer them shall not get one before each single call."""

from __future__ import annotations

IN_A_ROW = 3
"""Failures after which bulk calls rest."""


class Rest:
    """Failures of one rule's bulk calls. Times are monotonic seconds."""

    __slots__ = ("_failures", "_length", "_until")

    def __init__(self, length: float) -> None:
        self._length = length
        self._failures = 0
        self._until = 0.0

    def is_over(self, now: float) -> bool:
        """Whether a bulk call may be tried. The first that fails after a rest begins the next one."""
        return now >= self._until

    def settle(self, ok: bool, now: float) -> None:
        """Record how a bulk call ended."""
        if ok:
            self._failures = 0
        else:
            self._failures += 1
            if self._failures >= IN_A_ROW:
                self._until = now + self._length
