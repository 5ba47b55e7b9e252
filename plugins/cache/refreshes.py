"""Which stored responses are being fetched anew, so that one request does it however many ask (RFC 5861 §3).

An attempt in vain is not repeated for a moment: an origin that is down gets one question a second for what it had, and
not one for every request that is answered stale meanwhile."""

from __future__ import annotations

from collections.abc import Container
from math import inf

from gateway.api import WallTime

REST_SECONDS = 1.0
"""How long a stored response is left alone after an attempt in vain."""
MOST_RESTING = 4096
"""Stored responses remembered to rest; of more some are asked for again at once."""

Mark = tuple[bytes, bytes]
"""Key and secondary key of a stored response."""


class Refreshes:
    """Stored response → until when nobody needs to refresh it."""

    __slots__ = ("_filling", "_until")

    def __init__(self, filling: Container[Mark]) -> None:
        """`filling` holds what is on its way into the store: that need not be asked for again."""
        self._until: dict[Mark, float] = {}
        self._filling = filling

    def begin(self, mark: Mark, now: WallTime) -> bool:
        """Whether the caller is to refresh it; then `end` has to follow."""
        if mark in self._filling or self._until.get(mark, 0.0) > now:
            return False
        self._until[mark] = inf
        return True

    def end(self, mark: Mark, now: WallTime, *, in_vain: bool) -> None:
        """The refresh is over."""
        if not in_vain:
            del self._until[mark]
            return
        if len(self._until) > MOST_RESTING:
            self._until = {other: until for other, until in self._until.items() if until == inf}
        self._until[mark] = now + REST_SECONDS
