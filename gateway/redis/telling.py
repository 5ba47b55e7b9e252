"""What the log hears about Redis: that it went and why, that it came back; never a flood."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

QUIET = 10.0
"""Seconds between two times that its going is said: one that comes and goes is not heard each time."""


_REMEDIES = {
    "NOAUTH": "it wants a password: redis.password, and redis.username where it has several users",
    "WRONGPASS": "see redis.username and redis.password",
    "NOPERM": "its access control list keeps redis.username from commands or keys that the gateway needs",
    "DENIED": "it is in protected mode: bind it to an address, or give it a password",
    "NOPROTO": "it is older than Redis 6",
}
"""What to do about a refusal, by the word it begins with."""


def remedy(reason: str) -> dict[str, str]:
    """For the log: what somebody can do about it; nothing where that is plain."""
    found = _REMEDIES.get(reason.partition(" ")[0])
    return {} if found is None else {"remedy": found}


class Teller:
    """Says what has changed."""

    def __init__(self, log: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self.is_quiet = False
        """Set when its end is meant."""
        self._log = log
        self._clock = clock
        self._said: str | None = None
        self._at = -QUIET
        self._times = 0

    def down(self, reason: str) -> None:
        """It cannot be used."""
        self._times += self._said is None
        now = self._clock()
        if self.is_quiet or self._said == reason or now - self._at < QUIET:
            return
        if self._said is None:
            self._log.warning("redis is away: going on without", reason=reason, times=self._times, **remedy(reason))
        else:
            self._log.info("redis is still away", reason=reason)
        self._said, self._at, self._times = reason, now, 0

    def up(self) -> None:
        """It can be used."""
        if self._said is not None:
            self._log.info("redis is back")
            self._said = None
