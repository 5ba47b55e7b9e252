"""Purges that fills under way may have missed.

An answer that was asked for before a purge and arrives after it may be just what the purge was to remove. So each
purge has a number, whoever asks the origin remembers the number of the last one, and the store looks at those since.
Numbers and not times: a clock that is set back must not keep answers out."""

from __future__ import annotations

from collections import deque

from plugins.cache.selection import Selector
from plugins.cache.stored import StoredResponse

MOST_REMEMBERED = 1024
"""Purges remembered. An answer that took longer than so many of them counts as purged."""


class RecentPurges:
    """The last purges: number, what was meant, whether it was soft."""

    __slots__ = ("_purges", "latest")

    def __init__(self) -> None:
        self._purges: deque[tuple[int, Selector, bool]] = deque(maxlen=MOST_REMEMBERED)
        self.latest = 0
        """Number of the last purge."""

    def note(self, selector: Selector, *, soft: bool) -> None:
        """Remember that what `selector` means was purged."""
        self.latest += 1
        self._purges.append((self.latest, selector, soft))

    def hit(self, stored: StoredResponse, since: int) -> bool | None:
        """Whether a purge after number `since` meant it: True for a hard one, False for a soft one, `None` for none."""
        if since + len(self._purges) < self.latest:
            return True  # more than are remembered
        found: bool | None = None
        for number, selector, soft in reversed(self._purges):
            if number <= since:
                break
            if selector.matches(stored):
                if not soft:
                    return True
                found = False
        return found
