"""Purges and invalidations over gateways, with a real Redis. What one gateway does alone is tested with the plugin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.api import Request, Response
from tests.support.cached import Cached
from tests.support.plugins import ScriptedUpstream, make_response
from tests.support.redis import RedisServer, needs_redis, redis_server, until
from tests.support.replicated import replicas, written

pytestmark = needs_redis


def shop(request: Request) -> Response:
    """A page that is fresh for long, with a tag."""
    return make_response(200, {"Cache-Control": "max-age=600", "Cache-Tag": "shop"}, b"content")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


async def known_to_all(*caches: Cached) -> None:
    """A page that every gateway has in memory."""
    await caches[0].ask("/shop")
    await written(caches[0])
    for each in caches[1:]:
        assert (await each.ask("/shop")).why.startswith("hit")


@pytest.mark.parametrize(
    "what",
    [
        {"tag": "shop"},
        {"url": "http://shop.example/shop"},
        {"prefix": "http://shop.example/sh"},
        {"route": "default"},
        {"all": True},
    ],
)
async def test_a_purge_counts_in_every_gateway_when_it_is_answered(
    server: RedisServer, what: dict[str, object]
) -> None:
    origin = ScriptedUpstream(shop)
    async with replicas(server, origin, "A", "B", "C") as (a, b, c):
        await known_to_all(a, b, c)
        told = await a.control.ask("purge", **what, id="1")
        assert told["replicas"] == {"acknowledged": ["B", "C"], "silent": []}
        assert told["count"] == 1
        assert (await c.ask("/shop")).why.startswith("fwd=")
        assert len(origin.requests) == 2


async def test_a_soft_purge_lets_every_gateway_answer_once_more(server: RedisServer) -> None:
    origin = ScriptedUpstream(shop)
    async with replicas(server, origin, "A", "B") as (a, b):
        await known_to_all(a, b)
        await a.control.ask("purge", tag="shop", soft=True)
        assert "soft_purged" in (await b.ask("/shop")).why
        await until(lambda: len(origin.requests) == 2)


async def test_a_dry_run_tells_nobody(server: RedisServer) -> None:
    async with replicas(server, ScriptedUpstream(shop), "A", "B") as (a, b):
        await known_to_all(a, b)
        assert "replicas" not in await a.control.ask("purge", tag="shop", dry_run=True)
        assert (await b.ask("/shop")).why.startswith("hit")


async def test_what_an_unsafe_request_changes_is_gone_everywhere(server: RedisServer) -> None:
    origin = ScriptedUpstream(shop)
    async with replicas(server, origin, "A", "B") as (a, b):
        await known_to_all(a, b)
        await a.ask("/shop", method="POST")
        await until(lambda: b.figures.value("sharing_purges_heard_total") == 1)
        await b.settle()
        assert (await b.ask("/shop")).why.startswith("fwd=")


async def test_without_redis_a_purge_says_so_and_is_told_later(server: RedisServer) -> None:
    async with replicas(server, ScriptedUpstream(shop), "A", "B") as (a, b):
        await known_to_all(a, b)
        server.kill()
        told = await a.control.ask("purge", url="http://shop.example/shop")
        assert told["replicas"]["error"]
        server.start()
        await until(lambda: b.figures.value("sharing_purges_heard_total") >= 1)
        assert b.runtime.sharing is not None
        purges = b.runtime.sharing.purges
        await until(lambda: purges.settled == purges.place)  # carried out
        await b.settle()
        assert (await b.ask("/shop")).why.startswith("fwd=")
