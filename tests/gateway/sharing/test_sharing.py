"""All of it together: a life, a restart, words that are none."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.sharing.place_file import PlaceFile
from gateway.tiers.tier import PurgeOrder
from tests.support.redis import RedisServer, until
from tests.support.replicas import worker, workers


async def test_nothing_is_left_behind(server: RedisServer) -> None:
    before = asyncio.all_tasks()
    async with workers(server, "A/0", "B/0") as (a, _):
        await a.sharing.purges.note(PurgeOrder(labels=(b"tag a",)))
    assert asyncio.all_tasks() == before


async def test_who_left_is_not_missed(server: RedisServer) -> None:
    async with workers(server, "A/0") as (a,):
        async with worker(server, "B"):
            pass
        taken = await a.sharing.purges.note(PurgeOrder(labels=(b"tag a",)))
        assert (taken.acknowledged, taken.silent) == ((), ())


async def test_a_gateway_that_was_down_is_told_what_was_purged_meanwhile(server: RedisServer, tmp_path: Path) -> None:
    file = PlaceFile(tmp_path)
    async with workers(server, "A/0") as (a,):
        async with worker(server, "B", place_file=file) as first:
            assert first.heard[0][1]["soft"]  # nobody knows what was purged before
            await a.sharing.purges.note(PurgeOrder(labels=(b"tag before",)))
            await until(lambda: "tag before" in first.purged)
        await a.sharing.purges.note(PurgeOrder(labels=(b"tag meanwhile",)))
        async with worker(server, "B", place_file=file) as second:
            assert second.purged == ["tag meanwhile"]


async def test_words_from_nobody_of_us_are_passed_over(server: RedisServer) -> None:
    async with worker(server) as one:
        channel = one.sharing.member.channel
        for word in (b"", b"lease", b"lease x", b"lease a b c d", b"taken", b"taken \xff", b"hello", b"lease a over 1"):
            await one.redis.publish(channel, word)
        taken = await one.sharing.purges.note(PurgeOrder(labels=(b"tag a",)))
        assert not taken.error


async def test_a_start_goes_on_without_redis(server: RedisServer) -> None:
    server.kill()
    async with worker(server) as one:
        assert not one.sharing.purges.is_current
        assert one.heard == []
        server.start()
        await until(lambda: one.sharing.purges.is_current)
