"""What the last exchanges came to: by number or by time. No clock: whoever adds says when it is."""

from __future__ import annotations

import math
from typing import Protocol

SLOTS = 10
"""Parts of a window by time. What is older leaves it a tenth at a time."""

_FAILED = 1
_SLOW = 2


class Window(Protocol):
    """Counts of the exchanges that are judged."""

    calls: int
    failures: int
    slow: int

    def add(self, failed: bool, slow: bool, now: float) -> None:
        """One exchange has ended."""

    def add_well(self, count: int, since: float, now: float) -> None:
        """So many exchanges have ended well since then, nobody knows when exactly."""

    def spoil(self, now: float) -> None:
        """An exchange that was added as a success has failed after all; without any it is one more."""

    def look(self, now: float) -> None:
        """Let go of what is too old."""

    def clear(self) -> None:
        """Forget everything."""


class CountWindow:
    """The last `size` exchanges."""

    __slots__ = ("_at", "_ring", "_size", "calls", "failures", "slow")

    def __init__(self, size: int) -> None:
        self._size = size
        self._ring = bytearray(size)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._at = 0
        self.calls = self.failures = self.slow = 0

    def add(self, failed: bool, slow: bool, now: float) -> None:
        """One exchange has ended."""
        ring, at = self._ring, self._at
        if self.calls == self._size:
            oldest = ring[at]
            if oldest:
                self.failures -= oldest & _FAILED
                self.slow -= oldest >> 1
        else:
            self.calls += 1
        if failed or slow:
            ring[at] = failed + _SLOW * slow
            self.failures += failed
            self.slow += slow
        else:
            ring[at] = 0
        at += 1
        self._at = at if at < self._size else 0

    def add_well(self, count: int, since: float, now: float) -> None:
        """So many exchanges have ended well."""
        for _ in range(min(count, self._size)):
            self.add(False, False, now)

    def spoil(self, now: float) -> None:
        """The latest success was none; without any it is one more exchange."""
        for back in range(1, self.calls + 1):
            at = (self._at - back) % self._size
            if not self._ring[at] & _FAILED:
                self._ring[at] |= _FAILED
                self.failures += 1
                return
        self.add(True, False, now)

    def look(self, now: float) -> None:
        """Nothing gets too old by time alone."""


class TimeWindow:
    """The exchanges of the last `seconds`, give or take a tenth."""

    __slots__ = ("_next", "_seconds", "_slot", "_slots", "_turn", "calls", "failures", "slow")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds / SLOTS
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._slots = [[0, 0, 0] for _ in range(SLOTS)]
        self._turn = 0
        self._slot = self._slots[0]
        self._next = -math.inf  # when the current slot ends
        self.calls = self.failures = self.slow = 0

    def add(self, failed: bool, slow: bool, now: float) -> None:
        """One exchange has ended."""
        if now >= self._next:
            self.look(now)
        slot = self._slot
        slot[0] += 1
        self.calls += 1
        if failed:
            slot[1] += 1
            self.failures += 1
        if slow:
            slot[2] += 1
            self.slow += 1

    def add_well(self, count: int, since: float, now: float) -> None:
        """So many exchanges have ended well since then: evenly, as far as anybody knows."""
        self.look(now)
        slots, seconds = self._slots, self._seconds
        oldest = now - SLOTS * seconds
        if since < oldest:
            if since > -math.inf:
                count = round(count * (now - oldest) / (now - since))
            since = oldest
        end, left = self._next, count
        for back in range(SLOTS):
            begin = end - seconds
            if since >= begin or back == SLOTS - 1:
                share = left
            else:
                share = min(left, round(count * (min(now, end) - begin) / (now - since)))
            slots[(self._turn - back) % SLOTS][0] += share
            self.calls += share
            left -= share
            if left <= 0:
                return
            end = begin

    def spoil(self, now: float) -> None:
        """The latest success was none; without any it is one more exchange."""
        self.look(now)
        for back in range(SLOTS):
            slot = self._slots[(self._turn - back) % SLOTS]
            if slot[1] < slot[0]:
                slot[1] += 1
                self.failures += 1
                return
        self.add(True, False, now)

    def look(self, now: float) -> None:
        """Let go of what is too old."""
        if now < self._next:
            return
        behind = (now - self._next) / self._seconds
        if behind >= SLOTS:
            self.clear()
            self._next = now + self._seconds
            return
        for _ in range(int(behind) + 1):
            self._turn = (self._turn + 1) % SLOTS
            slot = self._slot = self._slots[self._turn]
            self.calls -= slot[0]
            self.failures -= slot[1]
            self.slow -= slot[2]
            slot[:] = (0, 0, 0)
            self._next += self._seconds
