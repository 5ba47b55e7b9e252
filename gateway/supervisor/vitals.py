"""Which workers no longer move. No clock, no I/O: times are monotonic seconds."""

LATE_SECONDS = 1.0
"""A look that comes this much too late says that the supervisor stood still itself."""


class Vitals:
    """Judges heartbeats at looks `interval` seconds apart.

    When the whole machine or container was frozen every heartbeat is old, and none of it is a worker's fault:
    after a look that came late the workers get the whole limit once more."""

    def __init__(self, limit: float, interval: float, now: float) -> None:
        self._limit = limit
        self._interval = interval
        self._last_look = now
        self._grace_from = now

    def look(self, now: float) -> None:
        """Begin a look at all workers."""
        if now - self._last_look > self._interval + LATE_SECONDS:
            self._grace_from = now
        self._last_look = now

    def is_blocked(self, heartbeat: float, now: float) -> bool:
        """Whether a worker whose last heartbeat was then has been silent for more than the limit."""
        return now - max(heartbeat, self._grace_from) > self._limit
