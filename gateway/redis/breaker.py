"""When to try a Redis again that did not answer: soon at first, less often while it goes on. No I/O, no clock.

Closed: everything is sent. Open: nothing is sent before `due`; then one probe, which closes it when it is answered in
time. One that opens again soon after it was closed stays open longer, so a Redis that answers now and then and is slow
in between makes a request wait once in `LONGEST` seconds at most."""

from __future__ import annotations

SHORTEST = 0.05
"""Seconds to the first probe."""
LONGEST = 1.0
"""Seconds between probes at most: so soon it is back."""
CALM = 10.0
"""Seconds closed after which what was before is forgotten."""


class Breaker:
    """Closed or open."""

    __slots__ = ("_closed_at", "_hold", "due", "is_open", "openings")

    def __init__(self) -> None:
        self.is_open = False
        self.openings = 0
        self.due = 0.0
        """While open: when a probe may be sent."""
        self._hold = SHORTEST
        self._closed_at: float | None = None

    def open(self, now: float) -> None:
        """It did not answer, or not in time."""
        if self.is_open:
            return
        if self._closed_at is None or now - self._closed_at > CALM:
            self._hold = SHORTEST
        self.is_open = True
        self.openings += 1
        self._wait(now)

    def failed(self, now: float) -> None:
        """A probe was not answered in time."""
        self._wait(now)

    def close(self, now: float) -> None:
        """A probe was answered."""
        self.is_open = False
        self._closed_at = now

    def _wait(self, now: float) -> None:
        self.due = now + self._hold
        self._hold = min(self._hold * 2, LONGEST)
