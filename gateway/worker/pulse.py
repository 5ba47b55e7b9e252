"""The worker's pulse: it proves to the supervisor that the loop turns, and measures how late it does."""

import asyncio
import time

from gateway.figures import Figures
from gateway.figures.layout import HEARTBEAT

INTERVAL_SECONDS = 0.1
"""Ten turns a second take some 0.02 % of a core, and show a stall of 0.1 s and more where it happened."""

LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Pulse:
    """Writes the time into the worker's row again and again. No message, no system call."""

    def __init__(self, figures: Figures) -> None:
        self._row = figures.row
        self._lag = figures.histogram(
            "event_loop_lag_seconds", "How late the loop of a worker came to a timer", buckets=LAG_BUCKETS
        )
        self._loop = asyncio.get_running_loop()
        self._due = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._beat()

    def _beat(self) -> None:
        now = time.monotonic()
        self._row[HEARTBEAT] = now
        self._lag.observe(max(0.0, now - self._due))
        self._due = now + INTERVAL_SECONDS
        self._timer = self._loop.call_later(INTERVAL_SECONDS, self._beat)

    def stop(self) -> None:
        """No more beats."""
        if self._timer is not None:
            self._timer.cancel()
