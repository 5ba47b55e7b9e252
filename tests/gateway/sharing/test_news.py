"""What replicas tell each other once."""

from __future__ import annotations

import orjson

from gateway.sharing.news import MOST_OCTETS
from tests.support.redis import RedisServer, until
from tests.support.replicas import worker, workers


async def test_every_worker_of_the_other_replicas_hears_it(server: RedisServer) -> None:
    async with workers(server, "A/0", "A/1", "B/0", "B/1") as all_of_them:
        for each in all_of_them:
            each.sharing.news.kinds.add("circuit")
        assert all_of_them[0].sharing.news.tell("circuit", [{"state": "open"}])
        await until(lambda: all(each.heard == [("circuit", [{"state": "open"}])] for each in all_of_them[2:]))
        assert [each.heard for each in all_of_them[:2]] == [[], []]


async def test_only_what_is_listened_to_is_handed_on(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        b.sharing.news.kinds.add("circuit")
        for octets in (b"nonsense", b"[]", b"{}", orjson.dumps({"from": "A/0", "kind": "drain", "news": 1})):
            await a.redis.publish(b"slipstream:news", octets)
        a.sharing.news.tell("configure", {})
        a.sharing.news.tell("circuit", "last")
        await until(lambda: b.heard)
        assert b.heard == [("circuit", "last")]


async def test_what_is_too_long_is_not_sent(server: RedisServer) -> None:
    async with worker(server) as one:
        assert not one.sharing.news.tell("circuit", "x" * MOST_OCTETS)


async def test_without_redis_nothing_is_sent(server: RedisServer) -> None:
    async with worker(server) as one:
        server.kill()
        await until(lambda: not one.redis.is_up)
        assert not one.sharing.news.tell("circuit", [])
