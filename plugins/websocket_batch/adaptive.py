"""How many messages a batch should aim for, from how many usually follow a first one in time."""

SAMPLE = 0.1
"""Seconds between two looks at the rate of arrivals, at least: each begins with a message, for as long as messages may
wait for each other."""
_LONGEST_SAMPLE = 1.0
_REMEMBERED = 1.0
"""Seconds of silence between two looks that say nothing about what comes after the next message."""
_SHARE = 0.2
"""Weight of the latest look."""
_UP, _DOWN = 0.15, 0.25
"""Part of the target by which it must be too small, or too large, to be changed."""


class Adaptive:
    """Follows the rate of arrivals. Times are given to it."""

    __slots__ = ("_arrived", "_at", "_has_looked", "_least", "_most", "_pressed", "_sample", "_wait", "rate", "target")

    def __init__(self, least: int, most: int, wait: float) -> None:
        self._least = least
        self._most = most
        self._wait = wait
        self._sample = min(max(wait, SAMPLE), _LONGEST_SAMPLE)
        self._arrived = 0
        self._at: float | None = None
        self._pressed = False
        self._has_looked = False
        self.rate = 0.0
        """Messages a second while some come, smoothed."""
        self.target = least

    def arrived(self, number: int, now: float) -> None:
        """So many messages came just now."""
        if self._at is None:
            self._at = now
        elapsed = now - self._at
        if elapsed < self._sample:
            self._arrived += number
            return
        rate = (self._arrived - 1) / self._sample  # that followed the first
        self.rate += _SHARE * (rate - self.rate) if self._has_looked else rate
        self._has_looked = True
        silent = elapsed - self._sample - _REMEMBERED
        if silent > 0.0:
            self.rate *= (1.0 - _SHARE) ** (silent / self._sample)
        self._arrived, self._at = number, now
        self._aim()

    def _aim(self) -> None:
        if self._pressed:  # sending falls behind: fewer, larger batches
            self.target = min(self._most, self.target + max(1, self.target // 2))
            self._pressed = False
            return
        wanted = min(self._most, max(self._least, 1 + round(self.rate * self._wait)))
        change = (wanted - self.target) / self.target
        if change > _UP or change < -_DOWN or wanted in (self._least, self._most):
            self.target = wanted

    def press(self) -> None:
        """Sending falls behind."""
        self._pressed = True

    @property
    def is_quiet(self) -> bool:
        """Whether nothing would fill a batch in time: then waiting gains nothing."""
        return self.rate * self._wait < self._least
