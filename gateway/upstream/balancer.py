"""Which server gets the next request. Rules only: counts in, choice out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Candidate(Protocol):
    """What the balancer looks at."""

    weight: int
    pending: int
    """Requests this worker has given to the server and that are not answered yet."""


class Balancer:
    """Chooses among `candidates`, by turns or by the fewest pending requests for their weight."""

    __slots__ = ("_candidates", "_current", "_least_pending", "_total")

    def __init__(self, candidates: Sequence[Candidate], *, least_pending: bool) -> None:
        self._candidates = candidates
        self._least_pending = least_pending
        self._current = [0] * len(candidates)
        self._total = sum(candidate.weight for candidate in candidates)

    def choose(self, avoid: int = -1) -> int:
        """Index of the next server. `avoid` is one that has just failed; it is chosen only when it is alone."""
        candidates = self._candidates
        if len(candidates) == 1:
            return 0
        turn = self._next_turn(avoid)
        if not self._least_pending:
            return turn
        best, least = turn, candidates[turn].pending / candidates[turn].weight
        for index, candidate in enumerate(candidates):
            load = candidate.pending / candidate.weight
            if load < least and index != avoid:
                best, least = index, load
        return best

    def _next_turn(self, avoid: int) -> int:
        """Smooth weighted round robin: everybody earns its weight, the richest pays for all."""
        current = self._current
        best = -1
        for index, candidate in enumerate(self._candidates):
            current[index] += candidate.weight
            if index != avoid and (best < 0 or current[index] > current[best]):
                best = index
        current[best] -= self._total
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
