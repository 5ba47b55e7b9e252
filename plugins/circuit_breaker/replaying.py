"""Refusals as the listener's replay lane sees them: given again, with nobody asked, while all circuits stay open."""

from __future__ import annotations

import math
from collections.abc import Callable

from gateway.api import Monotonic, WallTime
from gateway.http.dates import format_date
from plugins.circuit_breaker.group import Group, Refusal

HELD_SECONDS = 60.0
"""What `Retry-After` says while somebody has to close the circuit by hand."""
_DECIDES = frozenset({b"accept"})


def retry_seconds(refusal: Refusal, now: float) -> float:
    """Seconds after which another request has a chance; at least one."""
    if refusal.until == math.inf:
        return HELD_SECONDS
    return float(max(1, math.ceil(max(0.0, refusal.until - now))))


class RefusalReplay:
    """Lets the refusals of one route be given again until a circuit changes."""

    __slots__ = ("_counted", "_group", "_says_when", "_wall", "alive", "reads")

    def __init__(
        self, group: Group, wall: Callable[[], WallTime], counted: Callable[[float], None], *, says_when: bool
    ) -> None:
        """`counted` is called with how many requests were refused. `says_when`: whether refusals have a `Retry-After`
        of ours."""
        self._group = group
        self._wall = wall
        self._counted = counted
        self._says_when = says_when
        self.alive = True
        """Whether no circuit has changed."""
        self.reads = _DECIDES
        group.era.on_end(self._end)

    def _end(self) -> None:
        self.alive = False

    @property
    def until(self) -> Monotonic:
        """When a request has to look whether that is still so; it may move."""
        return Monotonic(self._group.shut_until)

    def lines(self, now: float) -> tuple[bytes, float]:
        """`Retry-After` and `Date` as of `now`, on the monotonic clock, and until when they stay so."""
        wall = self._wall()
        line, until = b"Date: %b\r\n" % format_date(wall), now + 1.0 - wall % 1.0
        refusal = self._group.shut
        if not self._says_when or refusal is None:
            return line, until
        seconds = retry_seconds(refusal, now)
        if seconds > 1 and refusal.until < math.inf:
            until = min(until, refusal.until - seconds + 1.0)
        return b"Retry-After: %d\r\n%b" % (seconds, line), until

    def used(self, times: int) -> None:
        """So many requests were refused by it lately."""
        self._counted(times)
