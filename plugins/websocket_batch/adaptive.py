"""How many messages a batch should aim for, from how many arrive."""

SAMPLE = 0.1
"""Seconds between two looks at the rate of arrivals."""
_SHARE = 0.2
"""Weight of the latest look."""
_HYSTERESIS = 0.25


class Adaptive:
    """Follows the rate of arrivals. Times are given to it."""

    __slots__ = ("_arrived", "_at", "_least", "_most", "_pressed", "_wait", "rate", "target")

    def __init__(self, least: int, most: int, wait: float) -> None:
        self._least = least
        self._most = most
        self._wait = wait
        self._arrived = 0
        self._at: float | None = None
        self._pressed = False
        self.rate = 0.0
        """Messages a second, smoothed."""
        self.target = least

    def arrived(self, number: int, now: float) -> None:
        """So many messages came just now."""
        if self._at is None:
            self._at = now
        self._arrived += number
        elapsed = now - self._at
        if elapsed < SAMPLE:
            return
        looks = elapsed / SAMPLE
        self.rate += (1.0 - (1.0 - _SHARE) ** looks) * (self._arrived / elapsed - self.rate)
        self._arrived, self._at = 0, now
        self._aim()

    def _aim(self) -> None:
        if self._pressed:  # sending falls behind: fewer, larger batches
            self.target = min(self._most, self.target + max(1, self.target // 2))
            self._pressed = False
            return
        wanted = min(self._most, max(self._least, round(self.rate * self._wait)))
        if abs(wanted - self.target) > _HYSTERESIS * self.target or wanted in (self._least, self._most):
            self.target = wanted

    def press(self) -> None:
        """Sending falls behind."""
        self._pressed = True

    @property
    def is_quiet(self) -> bool:
        """Whether nothing would fill a batch in time: then waiting gains nothing."""
        return self.rate * self._wait < self._least
