"""Debts in Redis, by the rules of those in memory."""

from __future__ import annotations

import pytest

from gateway.sharing.limits import SharedCharge
from tests.support.redis import RedisServer
from tests.support.replicas import worker, workers

HOUR = 3600.0


def charge(name: bytes = b"k", burst: int = 3, cost: int = 1, *, is_dry: bool = False) -> SharedCharge:
    """One an hour comes back, so that none does during a test."""
    return SharedCharge(name, HOUR, burst * HOUR + 60, cost, is_dry)


async def test_all_replicas_count_together(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        fits = []
        for one in (a, b, a, b, a):
            debts = await one.sharing.limits.take([charge()])
            assert debts is not None
            fits.append(debts[0][1] <= charge().tolerance)
        assert fits == [True, True, True, False, False]


async def test_a_charge_that_does_not_fit_takes_nothing_from_any(server: RedisServer) -> None:
    async with worker(server) as one:
        for _ in range(3):
            await one.sharing.limits.take([charge(b"wide"), charge(b"narrow", burst=1)])
        debts = await one.sharing.limits.take([charge(b"wide", cost=0)])
        assert debts is not None
        assert debts[0][0] == pytest.approx(HOUR, abs=60)


async def test_a_dry_run_lets_through_and_keeps_its_own_count(server: RedisServer) -> None:
    async with worker(server) as one:
        for _ in range(3):
            await one.sharing.limits.take([charge(b"wide"), charge(b"dry", burst=1, is_dry=True)])
        debts = await one.sharing.limits.take([charge(b"wide", cost=0), charge(b"dry", cost=0)])
        assert debts is not None
        assert [before for before, _ in debts] == pytest.approx([3 * HOUR, HOUR], abs=60)


async def test_a_debt_is_corrected_both_ways_and_bounded(server: RedisServer) -> None:
    async with worker(server) as one:
        limits = one.sharing.limits
        assert await limits.correct(charge(cost=2))
        debts = await limits.take([charge(cost=0)])
        assert debts is not None
        assert debts[0][0] == pytest.approx(2 * HOUR, abs=60)
        assert await limits.correct(charge(cost=1000))
        debts = await limits.take([charge(cost=0)])
        assert debts is not None
        assert debts[0][0] == pytest.approx(2 * charge().tolerance, abs=60)
        assert await limits.correct(charge(cost=-1000))
        assert await limits.take([charge(cost=0)]) == [(0.0, 0.0)]


async def test_a_key_lives_as_long_as_its_debt_and_tells_nothing(server: RedisServer) -> None:
    async with worker(server) as one:
        await one.sharing.limits.take([charge(b"address 192.0.2.7")])
        (key,) = await one.redis.call("KEYS", "slipstream:{limits}:*")
        assert b"192.0.2.7" not in key
        assert 0 < await one.redis.call("PTTL", key) <= HOUR * 1000


async def test_without_redis_nobody_says_anything(server: RedisServer) -> None:
    async with worker(server) as one:
        server.kill()
        assert await one.sharing.limits.take([charge()]) is None
        assert not await one.sharing.limits.correct(charge())
