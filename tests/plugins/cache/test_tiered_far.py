"""The cache with a Redis tier behind it: two gateways of two machines, and what one of them changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.api import Request, Response, Tiers
from gateway.config.tiers import TierSettings
from tests.support.cached import FRESH, TAGGED, Cached
from tests.support.plugins import ManualClock, make_request, make_response
from tests.support.redis import RedisServer, needs_redis, redis_server, until
from tests.support.redis_tiering import Replica, replica
from tests.support.tiering import host_tier, written

pytestmark = needs_redis


class Machine:
    """A gateway with one worker, on a clock that follows the machine's."""

    def __init__(self, far: Replica, near: Any = None) -> None:
        self.far = far
        self.near = near
        self.tiers = Tiers(TierSettings(), near, far.tier)
        self.began = time.time()

    async def worker(self, *answers: Any, ahead: float = 0.0, **settings: Any) -> Cached:
        """A worker with nothing in memory."""
        cache = Cached(*answers, clock=ManualClock(0.0, time.time() + ahead), tiers=self.tiers, **settings)
        await cache.plugin.open()
        return cache

    async def heard(self, count: int = 1) -> None:
        """Wait until Redis has told of so many changes."""
        await until(lambda: len(self.far.changed) >= count)


@asynccontextmanager
async def machines(server: RedisServer, host: Path | None = None) -> AsyncIterator[tuple[Machine, Machine]]:
    """Two of them, the second one with a host tier if wanted."""
    async with AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(replica(server)) for _ in range(2)]
        near = None if host is None else await stack.enter_async_context(host_tier(host))
        yield Machine(one), Machine(two, near)


def page(fields: dict[str, str], body: bytes = b"content") -> Any:
    """An answer without a Date, so that it is as old as it is."""
    return lambda request: make_response(200, fields, body)


async def test_what_one_gateway_has_fetched_another_need_not() -> None:
    with redis_server() as server:
        async with machines(server) as (a, b):
            one, two = await a.worker(page(FRESH)), await b.worker(page(FRESH, b"new"))
            await one.ask("/a")
            await a.far.written()
            assert (await two.ask("/a")).body == b"content"
            assert two.trail == ["fresh"]
            await two.calls(0)
            await two.ask("/a")
            assert server.calls("mget") == 2  # once by each


async def test_of_several_that_ask_at_once_each_is_answered_from_redis() -> None:
    with redis_server() as server:
        async with machines(server) as (a, b):
            one, two = await a.worker(page(FRESH)), await b.worker(page(FRESH, b"new"))
            await one.ask("/a")
            await a.far.written()
            answers = await asyncio.gather(*[two.ask("/a") for _ in range(5)])
            assert [got.body for got in answers] == [b"content"] * 5
            await two.calls(0)
            assert two.counted("fresh") == 5


async def test_while_memory_is_full_only_the_second_use_comes_in() -> None:
    large = [f"/{number}" for number in range(20)]
    with redis_server() as server:
        async with machines(server) as (a, b):
            one = await a.worker(page(FRESH))
            two = await b.worker(page(FRESH, b"x" * 100_000), memory="1MiB", max_entry="512KiB")
            await one.ask("/a")
            await a.far.written()
            for target in large:
                await two.ask(target)
            before = two.shown("cache_entries")
            tiered = two.plugin._parts.tiered
            assert tiered is not None
            for more in (0, 1, 1):
                tiered.first_uses.fit()
                got = await two.ask("/a")
                assert (got.body, two.trail) == (b"content", ["fresh"])
                assert (b"http://shop.example/a" in _keys(two)) == bool(more)
            assert two.counted("fresh") == 3
            assert before > 0
            await two.calls(len(large))


@pytest.mark.parametrize("has_host", [False, True])
async def test_what_was_purged_meanwhile_or_belongs_on_the_host_is_not_answered_past_them(
    tmp_path: Path, has_host: bool
) -> None:
    key = b"http://shop.example/a"
    with redis_server() as server:
        async with machines(server, tmp_path if has_host else None) as (a, b):
            one = await a.worker(page(FRESH))
            two = await b.worker(page(FRESH, b"x" * 100_000), memory="1MiB", max_entry="512KiB")
            await one.ask("/a")
            await a.far.written()
            for number in range(20):
                await two.ask(f"/{number}")
            two.to(1.0)
            assert two.shown("cache_entries") > 0  # and it is seen that memory is full
            glance, store = two.plugin._parts.glance, two.plugin._shared.store
            assert glance is not None
            found = await b.tiers.find_far(key, ())
            assert glance.of_far(make_request("GET", "/a"), key, found, store.epoch - 1) is None
            got = glance.of_far(make_request("GET", "/a"), key, found, store.epoch)
            assert (None if got is None else got.body) == (None if has_host else b"content")


def _keys(cached: Cached) -> set[bytes]:
    return {stored.key for stored in cached.plugin._shared.store}


async def test_what_was_found_in_redis_is_kept_on_the_host(tmp_path: Path) -> None:
    with redis_server() as server:
        async with machines(server, tmp_path) as (a, b):
            await (await a.worker(page(FRESH))).ask("/a")
            await a.far.written()
            await (await b.worker(page(FRESH, b"new"))).ask("/a")
            await written(b.near)
            assert [each.when for each in b.near.find(b"http://shop.example/a")] != []


async def test_an_answer_that_another_gateway_replaced_is_not_used_any_more() -> None:
    def origin(request: Request) -> Response:
        return make_response(200, FRESH, b"old" if b"cache-control" not in request.fields else b"new")

    with redis_server() as server:
        async with machines(server) as (a, b):
            one, two = await a.worker(origin), await b.worker(origin)
            await one.ask("/a")
            await a.far.written()
            assert (await two.ask("/a")).body == b"old"
            one.to(1.0)
            await one.ask("/a", {"Cache-Control": "no-cache"})
            await a.far.written()
            await b.heard()
            two.to(2.0)
            assert (await two.ask("/a")).body == b"new"
            assert two.trail == ["fresh"]
            await two.calls(0)
            assert (await one.ask("/a")).body == b"new"
            await one.calls(2)


async def test_an_answer_that_another_gateway_removed_is_asked_for_anew() -> None:
    answers = [page(FRESH, b"old"), page({"Cache-Control": "no-store"}, b"private now")]
    with redis_server() as server:
        async with machines(server) as (a, b):
            one, two = await a.worker(*answers), await b.worker(page(FRESH, b"new"))
            await one.ask("/a")
            await a.far.written()
            assert (await two.ask("/a")).body == b"old"
            await one.ask("/a", {"Cache-Control": "no-cache"}, at=1.0)
            await a.far.written()
            await b.heard()
            assert (await two.ask("/a", at=2.0)).body == b"new"
            await two.calls(1)


async def test_what_redis_lets_go_of_stays_in_memory() -> None:
    with redis_server() as server:
        async with machines(server) as (a, _):
            one = await a.worker(page(FRESH))
            await one.ask("/a")
            await a.far.written()
            server.do("DEL", *server.all_keys())
            await a.heard(1)
            server.do("FLUSHALL")
            await a.heard(2)
            await one.ask("/a")
            assert one.trail == ["fresh"]
            assert a.far.counted("tier_lookups_total", outcome="miss") == 2
            await one.ask("/a")
            assert a.far.counted("tier_lookups_total", outcome="miss") == 2
            await one.calls(1)


async def test_while_redis_is_away_memory_answers_and_afterwards_it_is_asked_about_everything() -> None:
    with redis_server() as server:
        async with machines(server) as (a, b):
            one = await a.worker(page(FRESH, b"old"))
            await one.ask("/a")
            await a.far.written()
            assert len(a.far.changed) == 0
            server.kill()
            await until(lambda: not a.far.redis.is_up and not b.far.redis.is_up)
            await one.ask("/a")
            assert one.trail == ["fresh"]
            server.start()
            await until(lambda: b.far.redis.is_up)
            two = await b.worker(page(FRESH, b"new"), ahead=0.5)
            await two.ask("/a")
            await b.far.written()
            await a.heard(1)
            await until(lambda: a.far.redis.is_up)
            one.to(1.0)
            await until(lambda: next(iter(one.plugin._shared.store)).doubted)
            assert (await one.ask("/a")).body == b"new"
            await one.calls(1)


async def test_what_lies_on_the_host_from_before_is_held_against_redis_once(tmp_path: Path) -> None:
    with redis_server() as server:
        async with machines(server, tmp_path) as (a, b):
            await (await b.worker(page(FRESH, b"old"))).ask("/a")
            await b.far.written()
            await written(b.near)
            await (await a.worker(page(FRESH, b"new"), ahead=1.0)).ask("/a", {"Cache-Control": "no-cache"})
            await a.far.written()
            restarted = await b.worker(page(FRESH, b"newest"), ahead=2.0)
            assert (await restarted.ask("/a")).body == b"new"
            await restarted.calls(0)


async def test_a_confirmation_of_another_gateway_is_as_good_as_an_own_one() -> None:
    def origin(request: Request) -> Response:
        return make_response(304 if b"if-none-match" in request.fields else 200, TAGGED, b"")

    with redis_server() as server:
        async with machines(server) as (a, b):
            one, two = await a.worker(origin), await b.worker(origin)
            await one.ask("/a")
            await a.far.written()
            await two.ask("/a")
            await two.ask("/a", at=61.0)
            await b.far.written()
            await a.heard()
            await one.ask("/a", at=61.5)
            assert one.trail == ["fresh"]
            await one.calls(1)
