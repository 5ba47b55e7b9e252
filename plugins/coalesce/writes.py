"""Nobody is shown a state from before his own change.

Whoever has changed something and asks again must not be given the answer of an exchange that began before the change
was made: it may have been made of the old state. Exchanges and changes of a route are put in one order; a request
joins only what began after the last change of the same user. Users are told apart by their identity, or without one by
the address they come from."""

from __future__ import annotations

MOST = 4096
"""Users remembered. To forget one counts as a change by everybody: that costs company, never a wrong answer."""


class Writes:
    """Who changed something last, and when, counted in changes."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self.count = 0
        """Changes so far: where an exchange that begins now stands in the order."""
        self._floor = 0
        self._last: dict[bytes, int] = {}

    def note(self, who: bytes) -> None:
        """A request that may change something has been answered."""
        self.count += 1
        self._last.pop(who, None)
        if len(self._last) >= self._most:
            oldest = next(iter(self._last))
            self._floor = self._last.pop(oldest)
        self._last[who] = self.count

    def since(self, who: bytes, begun: int) -> bool:
        """Whether that user has changed something since an exchange began at `begun`."""
        return max(self._floor, self._last.get(who, 0)) > begun

    def clear(self) -> None:
        """Nothing is under way, so whatever begins now begins after all changes."""
        self._last.clear()
        self._floor = 0
