"""Debts that all gateways have in common, with those in memory to fall back on.

What Redis says of a key is remembered here as well. So a client that is known to be refused is refused without asking,
a flood costs Redis nothing, and when Redis is gone limits go on from where they were, in each gateway for itself."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from gateway.api import Monotonic, SharedCharge, SharedLimits
from plugins.rate_limit.gcra import Gcra
from plugins.rate_limit.store import Bucket, Charge, MemoryStore, Taken


class FarStore:
    """Takes charges in Redis."""

    def __init__(self, limits: SharedLimits, near: MemoryStore) -> None:
        self._limits = limits
        self.near = near
        """What is remembered here."""

    def bucket(self, name: str, rule: Gcra, most: int) -> Bucket:
        """The limit of that name."""
        return self.near.bucket(name, rule, most)

    def peek(self, charges: Sequence[Charge], now: Monotonic) -> Taken:
        """What `take` would say, by what is known here."""
        return self.near.peek(charges, now)

    def take(self, charges: Sequence[Charge], now: Monotonic) -> Taken | Awaitable[Taken]:
        """Take the charges if they all fit."""
        known = self.near.peek(charges, now)
        return known if known.refused else self._take(charges, now)

    async def _take(self, charges: Sequence[Charge], now: Monotonic) -> Taken:
        debts = await self._limits.take([_shared(*charge) for charge in charges])
        if debts is None:
            return self.near.take(charges, now)
        taken = self._judged(charges, debts, now)
        for (bucket, key, _, _), standing, (before, after) in zip(charges, taken.standings, debts, strict=True):
            is_paid = standing.fits and not taken.refused
            bucket.table.put(key, now + (after if is_paid else before), now)
        return taken

    def _judged(self, charges: Sequence[Charge], debts: Sequence[tuple[float, float]], now: Monotonic) -> Taken:
        standings = [
            charge[0].rule.standing(now + before, now + after, now)
            for charge, (before, after) in zip(charges, debts, strict=True)
        ]
        waits = [
            standing.wait
            for (_, _, _, is_dry), standing in zip(charges, standings, strict=True)
            if not standing.fits and not is_dry
        ]
        return Taken(standings, bool(waits), max(waits, default=0.0))

    async def correct(self, bucket: Bucket, key: bytes, cost: int, now: Monotonic) -> None:
        """Charge more afterwards, or give back."""
        if not await self._limits.correct(_shared(bucket, key, cost, False)):
            self.near.correct(bucket, key, cost, now)


def _shared(bucket: Bucket, key: bytes, cost: int, is_dry: bool) -> SharedCharge:
    rule = bucket.rule
    return SharedCharge(b"%b\n%b" % (bucket.name.encode(), key), rule.interval, rule.tolerance, cost, is_dry)
