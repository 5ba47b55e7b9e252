"""Limits that several gateways have in common, with a real Redis and with none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from weakref import WeakKeyDictionary

import pytest

from gateway.api import Handler, Monotonic, RefusedError, SettingError, SharedLimits
from gateway.figures import Figures
from gateway.sharing.members import Member
from gateway.sharing.sharing import Sharing
from gateway.sharing.wanted import nobody
from plugins.rate_limit import PLUGIN
from plugins.rate_limit.far import FarStore
from plugins.rate_limit.gcra import Gcra
from plugins.rate_limit.store import Bucket, Charge, MemoryStore, Taken
from tests.support.plugins import ScriptedUpstream, chain_of, make_request, make_runtime
from tests.support.redis import RedisServer, needs_redis, redis_client, redis_server

pytestmark = needs_redis

NOW = Monotonic(1000.0)
HOUR = 3600.0
_kept: WeakKeyDictionary[FarStore, list[Bucket]] = WeakKeyDictionary()


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@asynccontextmanager
async def store(server: RedisServer) -> AsyncIterator[FarStore]:
    async with redis_client(server) as redis:
        yield FarStore(SharedLimits(redis), MemoryStore())


def bucket(of: FarStore, name: str = "limit", burst: int = 3, window: float = HOUR) -> Bucket:
    """One an hour comes back, so that none does during a test. It is kept as long as the store, as a plugin does."""
    found = of.bucket(name, Gcra(1, window, burst), 100)
    _kept.setdefault(of, []).append(found)
    return found


async def take(of: FarStore, *charges: Charge) -> Taken:
    taken = of.take(charges, NOW)
    return taken if isinstance(taken, Taken) else await taken


async def test_gateways_count_together(server: RedisServer) -> None:
    async with store(server) as one, store(server) as other:
        refused = []
        for each in (one, other, one, other, one):
            refused.append((await take(each, (bucket(each), b"k", 1, False))).refused)
        assert refused == [False, False, False, True, True]


async def test_who_is_known_to_be_refused_is_refused_without_asking(server: RedisServer) -> None:
    async with store(server) as one:
        for _ in range(4):
            await take(one, (bucket(one), b"k", 1, False))
        before = server.calls("evalsha")
        taken = one.take([(bucket(one), b"k", 1, False)], NOW)
        assert isinstance(taken, Taken)
        assert taken.refused
        assert taken.wait > 0
        assert server.calls("evalsha") == before


async def test_what_others_have_taken_is_known_after_the_first_question(server: RedisServer) -> None:
    async with store(server) as one, store(server) as other:
        for _ in range(3):
            await take(other, (bucket(other), b"k", 1, False))
        taken = await take(one, (bucket(one), b"k", 1, False))
        assert taken.refused
        assert taken.standings[0].remaining == 0
        peeked = one.peek([(bucket(one), b"k", 1, False)], NOW)
        assert peeked.refused


async def test_all_limits_or_none(server: RedisServer) -> None:
    async with store(server) as one:
        wide, narrow = bucket(one, "wide"), bucket(one, "narrow", burst=1)
        assert not (await take(one, (wide, b"k", 1, False), (narrow, b"k", 1, False))).refused
        assert (await take(one, (wide, b"k", 1, False), (narrow, b"k", 1, False))).refused
        assert one.peek([(wide, b"k", 1, False)], NOW).standings[0].remaining == 1


async def test_limits_of_one_key_count_apart(server: RedisServer) -> None:
    async with store(server) as one:
        for name in ("one", "other"):
            assert not (await take(one, (bucket(one, name, burst=1), b"k", 1, False))).refused


async def test_where_redis_says_that_one_limit_does_not_fit_nothing_is_taken_from_the_others(
    server: RedisServer,
) -> None:
    async with store(server) as one, store(server) as other:
        await take(other, (bucket(other, "narrow", burst=1), b"k", 1, False))
        wide, narrow = bucket(one, "wide"), bucket(one, "narrow", burst=1)
        assert (await take(one, (wide, b"k", 1, False), (narrow, b"k", 1, False))).refused
        assert one.peek([(wide, b"k", 1, False)], NOW).standings[0].remaining == 2


async def test_who_is_refused_by_several_limits_waits_for_the_last_of_them(server: RedisServer) -> None:
    async with store(server) as one, store(server) as other:
        for of in (one, other):
            slow, fast = bucket(of, "slow", burst=1, window=2 * HOUR), bucket(of, "fast", burst=1)
            taken = await take(of, (slow, b"k", 1, False), (fast, b"k", 1, False))
        assert taken.refused
        assert taken.wait == pytest.approx(2 * HOUR, rel=0.05)


async def test_a_dry_run_refuses_nobody(server: RedisServer) -> None:
    async with store(server) as one:
        dry = bucket(one, burst=1)
        outcomes = [await take(one, (dry, b"k", 1, True)) for _ in range(3)]
        assert [taken.refused for taken in outcomes] == [False] * 3
        assert [taken.standings[0].fits for taken in outcomes] == [True, False, False]
        known = one.peek([(dry, b"k", 1, True)], NOW).standings[0]
        assert known.wait == pytest.approx(HOUR, rel=0.05), "of what did not fit nothing was taken"


async def test_without_redis_it_goes_on_from_where_it_was(server: RedisServer) -> None:
    async with store(server) as one:
        for _ in range(2):
            await take(one, (bucket(one), b"k", 1, False))
        server.kill()
        assert not (await take(one, (bucket(one), b"k", 1, False))).refused
        assert (await take(one, (bucket(one), b"k", 1, False))).refused


async def test_corrections_count_for_all_and_here_when_redis_is_away(server: RedisServer) -> None:
    async with store(server) as one, store(server) as other:
        await one.correct(bucket(one), b"k", 3, NOW)
        assert (await take(other, (bucket(other), b"k", 1, False))).refused
        server.kill()
        await one.correct(bucket(one), b"away", 3, NOW)
        assert (await take(one, (bucket(one), b"away", 1, False))).refused


@asynccontextmanager
async def route(server: RedisServer, name: str) -> AsyncIterator[Handler]:
    async with redis_client(server) as redis:
        sharing = Sharing(redis, Figures.in_memory(), nobody, member=Member(name, "0", redis.prefix))
        runtime = replace(make_runtime(), sharing=sharing)
        yield chain_of(PLUGIN, ScriptedUpstream(), runtime, limits={"rate": "2/h"}, share="redis")


async def test_routes_of_several_gateways_that_share_a_limit_refuse_together(server: RedisServer) -> None:
    async with route(server, "A") as a, route(server, "B") as b:
        for handler in (a, b):
            assert (await handler(make_request())).status == 200
        for handler in (a, b):
            with pytest.raises(RefusedError):
                await handler(make_request())


def test_without_redis_in_the_configuration_it_is_a_mistake() -> None:
    with pytest.raises(SettingError, match="no redis"):
        chain_of(PLUGIN, ScriptedUpstream(), make_runtime(), limits={"rate": "2/h"}, share="redis")
