"""What the log hears about a disk that takes nothing: that it is so and why, that it is over; never a flood. No I/O."""

from __future__ import annotations

QUIET_SECONDS = 10.0
"""Without a failure for so long, it is over: a full disk takes something small now and then."""
AGAIN_SECONDS = 300.0
"""How often it is said while it goes on."""


class Hindrance:
    """Failures to write, one after the other. Times are monotonic seconds."""

    __slots__ = ("_last", "_said")

    def __init__(self) -> None:
        self._said: float | None = None
        self._last = 0.0

    def failed(self, now: float) -> bool:
        """It failed; whether that is to be said."""
        self._last = now
        if self._said is not None and now - self._said < AGAIN_SECONDS:
            return False
        self._said = now
        return True

    def worked(self, now: float) -> bool:
        """It worked; whether it is to be said that it works again."""
        if self._said is None or now - self._last < QUIET_SECONDS:
            return False
        self._said = None
        return True
