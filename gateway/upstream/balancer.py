"""Which server gets the next request. Rules only: counts in, choice out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Candidate(Protocol):
    """What the balancer looks at."""

    weight: int
    pending: int
    """Requests this worker has given to the server and that are not answered yet."""
    resting_until: float
    """Monotonic seconds until which it is left out, since it just refused connections."""


class Balancer:
    """Chooses among `candidates`, by turns or by the fewest pending requests for their weight."""

    __slots__ = ("_candidates", "_current", "_least_pending")

    def __init__(self, candidates: Sequence[Candidate], *, least_pending: bool) -> None:
        self._candidates = candidates
        self._least_pending = least_pending
        self._current = [0] * len(candidates)

    def choose(self, now: float, avoid: int = -1) -> int:
        """Index of the next server.

        Servers that rest, and `avoid`, which has just failed, are chosen only when there is no other."""
        candidates = self._candidates
        others = [index for index in range(len(candidates)) if index != avoid] or [avoid]
        able = [index for index in others if candidates[index].resting_until <= now] or others
        turn = self._next_turn(able)
        if not self._least_pending:
            return turn
        best, least = turn, candidates[turn].pending / candidates[turn].weight
        for index in able:
            load = candidates[index].pending / candidates[index].weight
            if load < least:
                best, least = index, load
        return best

    def _next_turn(self, able: list[int]) -> int:
        """Smooth weighted round robin: everybody who can earns its weight, the richest pays for all."""
        current, candidates = self._current, self._candidates
        total = 0
        best = able[0]
        for index in able:
            weight = candidates[index].weight
            total += weight
            current[index] += weight
            if current[index] > current[best]:
                best = index
        current[best] -= total
        return best


class RetryBudget:
    """Bounds retries to a share of the requests, so that they cannot amplify an outage.

    Each request earns `share` of a retry, up to `reserve` of them."""

    __slots__ = ("_balance", "_reserve", "_share", "requests")

    def __init__(self, share: float = 0.2, reserve: float = 10.0) -> None:
        self._share = share
        self._reserve = reserve
        self._balance = reserve
        self.requests = 0
        """Requests sent for the first time since the last look; whoever sends one adds to it."""

    def spend(self) -> bool:
        """Whether a retry may be made now."""
        self._balance = min(self._reserve, self._balance + self.requests * self._share)
        self.requests = 0
        if self._balance < 1.0:
            return False
        self._balance -= 1.0
        return True
