"""How many second attempts an upstream may see. Rules only."""

from __future__ import annotations


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
