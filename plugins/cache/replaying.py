"""A stored response as the listener's replay lane sees it."""

from __future__ import annotations

from collections.abc import Callable

from gateway.api import Monotonic
from plugins.cache.freshness import SteadyTime, age_seconds, current_age, remaining_seconds
from plugins.cache.status import CacheStatus
from plugins.cache.stored import StoredResponse


class StoredReplay:
    """Lets a fresh stored response be given again, until it ends or is changed."""

    __slots__ = ("_counted", "_status", "_steady", "_stored", "alive", "reads", "until")

    def __init__(
        self,
        stored: StoredResponse,
        steady: SteadyTime,
        status: CacheStatus | None,
        key_fields: frozenset[bytes],
        counted: Callable[[], None],
    ) -> None:
        """`counted` is called for each use."""
        self._stored = stored
        self._steady = steady
        self._status = status
        self._counted = counted
        self.alive = True
        fresh_until = stored.response_time + stored.lifetime - stored.corrected_initial_age
        self.until = Monotonic(fresh_until - steady.offset)
        self.reads = key_fields | {name for name, _ in stored.request_fields}
        stored.on_end(self._end)

    def _end(self, stored: StoredResponse) -> None:
        self.alive = False

    def lines(self, now: float) -> bytes:
        """Age and Cache-Status as of `now`, on the monotonic clock."""
        stored = self._stored
        wall = self._steady.at(now)
        stored.last_used = wall
        return changing_lines(self._status, stored, current_age(stored, wall))

    def used(self) -> None:
        """It was given again."""
        self._stored.uses += 1
        self._counted()


def changing_lines(status: CacheStatus | None, stored: StoredResponse, age: float) -> bytes:
    """The lines of an answer from `stored` that change with its age, as `answer` writes them."""
    line = b"Age: %d\r\n" % age_seconds(age)
    if status is None:
        return line
    return b"%bCache-Status: %b\r\n" % (line, status.fresh(remaining_seconds(stored, age)))
