"""Token buckets: so many at once, so many a second after that. No clock of their own."""

from __future__ import annotations

PINGS_PER_SECOND = 10.0
"""Pings and pongs of a peer that are passed on."""
PINGS_AT_ONCE = 20.0
MOST_DROPPED_PINGS = 200
"""Pings above the limit, without a quiet second, after which a peer is an attacker."""


class Bucket:
    """Fills with time, up to `most`."""

    __slots__ = ("_at", "_has", "_most", "_rate")

    def __init__(self, rate: float, most: float) -> None:
        self._rate = rate
        self._most = most
        self._has = most
        self._at = 0.0

    def take(self, number: int, now: float) -> bool:
        """Take `number` out; False, and nothing taken, when there are not as many."""
        has = min(self._most, self._has + (now - self._at) * self._rate)
        self._at = now
        if has < number:
            self._has = has
            return False
        self._has = has - number
        return True


class PingLimit:
    """How many control frames of a peer are passed on, and when it is enough."""

    __slots__ = ("_bucket", "_dropped", "_last")

    def __init__(self) -> None:
        self._bucket = Bucket(PINGS_PER_SECOND, PINGS_AT_ONCE)
        self._dropped = 0
        self._last = 0.0

    def admit(self, now: float) -> bool:
        """Whether one may pass."""
        if self._bucket.take(1, now):
            return True
        self._dropped = self._dropped + 1 if now - self._last < 1.0 else 1
        self._last = now
        return False

    @property
    def is_exceeded(self) -> bool:
        """Whether the peer keeps on flooding."""
        return self._dropped > MOST_DROPPED_PINGS
