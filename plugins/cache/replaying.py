"""A stored response as the listener's replay lane sees it."""

from __future__ import annotations

from collections.abc import Callable

from gateway.api import Monotonic, Request, Response
from plugins.cache.ahead import alone_until
from plugins.cache.freshness import Ageing, SteadyTime, age_seconds, current_age, remaining_seconds
from plugins.cache.ready import lines_hold_until
from plugins.cache.status import CacheStatus
from plugins.cache.stored import StoredResponse

REPLAY_OCTETS = 300
"""What a replay takes beside its stored response."""


class StoredReplay:
    """Lets a fresh stored response be given again, until it ends or is changed."""

    __slots__ = ("_counted", "_status", "_steady", "_stored", "alive", "made_by", "reads", "until")

    def __init__(
        self,
        stored: StoredResponse,
        steady: SteadyTime,
        status: CacheStatus | None,
        key_fields: frozenset[bytes],
        counted: Callable[[float], None],
        made_by: object,
    ) -> None:
        """`counted` is called with how many uses there were. `made_by` knows it again: others (after a reload, say)
        make their own."""
        self._stored = stored
        self._steady = steady
        self._status = status
        self._counted = counted
        self.alive = True
        self.made_by = made_by
        self.until = Monotonic(0.0)
        self.reads = key_fields | stored.rival_fields | {name for name, _ in stored.request_fields}

    def end(self, stored: StoredResponse) -> None:
        """Let it not be given again: for `on_end` of the stored response."""
        self.alive = False

    def lines(self, now: float) -> tuple[bytes, float]:
        """Age and Cache-Status as of `now`, on the monotonic clock, and until when they stay so."""
        stored = self._stored
        wall = self._steady.at(now)
        stored.last_used = wall
        age = current_age(stored, wall)
        return changing_lines(self._status, stored, age), lines_hold_until(stored, age) - self._steady.offset

    def used(self, times: int) -> None:
        """It was given again, so many times lately."""
        self._stored.uses += times
        self._counted(times)


class Replays:
    """Gives answers of one route their replays: one for each stored response."""

    __slots__ = ("_counted", "_name", "_reads", "_status", "_steady")

    def __init__(
        self,
        name: str,
        steady: SteadyTime,
        status: CacheStatus | None,
        reads: frozenset[bytes],
        counted: Callable[[float], None],
    ) -> None:
        """`reads` are request fields that are part of the key; `counted` is called with how many uses there were."""
        self._name = name
        self._steady = steady
        self._status = status
        self._reads = reads
        self._counted = counted

    def let(self, request: Request, response: Response, stored: StoredResponse, age: float) -> None:
        """Let `response`, the whole fresh `stored`, be given again to the same head.

        Not where the client has directives of its own: they may decide otherwise when the response is older."""
        if b"cache-control" in request.fields or b"pragma" in request.fields:
            return
        replay: StoredReplay | None = stored.derived(self._name)
        if replay is None or not replay.alive or replay.made_by is not self:
            replay = StoredReplay(stored, self._steady, self._status, self._reads, self._counted, self)
            if not stored.keep(self._name, replay, REPLAY_OCTETS):
                return  # what cannot be kept would be made, and told of the end, with every hit
            stored.on_end(replay.end)
        replay.until = Monotonic(alone_until(stored) - self._steady.offset)
        response.replay = replay
        response.replay_lines = changing_lines(self._status, stored, age)


def changing_lines(status: CacheStatus | None, stored: Ageing, age: float) -> bytes:
    """The lines of an answer from `stored` that change with its age, as `answer` writes them."""
    line = b"Age: %d\r\n" % age_seconds(age)
    if status is None:
        return line
    return b"%bCache-Status: %b\r\n" % (line, status.fresh(remaining_seconds(stored, age)))
