"""Purges over replicas with a real Redis: told, heard, missed, read on, and lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import structlog

from gateway.sharing import purge_log
from gateway.sharing.place_file import PlaceFile
from gateway.tiers.frame import digests
from gateway.tiers.tier import EVERYTHING, PurgeOrder
from tests.support.redis import RedisServer, until
from tests.support.replicas import Worker, worker, workers

LOG = "slipstream:{purges}:log"


def order(*names: bytes, soft: bool = False) -> PurgeOrder:
    return PurgeOrder(labels=names, soft=soft)


async def in_step(*workers: Worker) -> None:
    await until(lambda: all(each.sharing.purges.is_current for each in workers))
    logs = [each.sharing.purges for each in workers]
    await until(lambda: len({place for log in logs for place in (log.place, log.settled)}) == 1)


async def test_a_purge_reaches_every_worker_of_every_replica_once(server: RedisServer) -> None:
    async with workers(server, "A/0", "A/1", "B/0", "B/1", "C/0") as all_of_them:
        taken = await all_of_them[0].sharing.purges.note(order(b"tag a"))
        assert (taken.acknowledged, taken.silent, taken.error) == (("B", "C"), (), "")
        await until(lambda: all(each.purged == ["tag a"] for each in all_of_them[1:]))
        assert all_of_them[0].purged == []
        assert len({each.sharing.purges.mark for each in all_of_them}) == 1


async def test_workers_of_a_gateway_tell_of_the_same_purge_once(server: RedisServer) -> None:
    async with workers(server, "A/0", "A/1", "B/0") as (first, second, other):
        taken = await asyncio.gather(*(each.sharing.purges.note(order(b"tag a"), "same") for each in (first, second)))
        assert sorted(each.by_another for each in taken) == [False, True]
        await in_step(first, second, other)
        assert (first.purged, second.purged, other.purged) == ([], [], ["tag a"])


async def test_purges_that_cross_are_known_to_both(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        await asyncio.gather(
            *(a.sharing.purges.note(order(b"a%d" % number)) for number in range(50)),
            *(b.sharing.purges.note(order(b"b%d" % number)) for number in range(50)),
        )
        await in_step(a, b)
        assert (sorted(a.purged), sorted(b.purged)) == (
            sorted(f"b{number}" for number in range(50)),
            sorted(f"a{number}" for number in range(50)),
        )
        assert a.sharing.purges.mark == b.sharing.purges.mark


async def test_what_nobody_waits_for_is_told_as_well(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        a.sharing.purges.tell(order(b"url x"))
        a.sharing.purges.tell(PurgeOrder(prefixes=(b"p",), soft=True))
        await until(lambda: len(b.heard) == 2)
        assert sorted((news["soft"], *news["labels"], *news["prefixes"]) for _, news in b.heard) == [
            (False, "url x"),
            (True, "p"),
        ]


async def test_records_are_held_against_a_purge_from_the_first_moment(server: RedisServer) -> None:
    async with worker(server) as one:
        purges = one.sharing.purges
        mark, labels = purges.mark, digests((EVERYTHING, b"tag a"))
        assert purges.hit(labels, b"name", mark) is None
        purges.tell(order(b"tag a"))
        assert purges.hit(labels, b"name", mark) is True
        await until(lambda: purges.mark > mark)
        assert purges.hit(labels, b"name", mark) is True
        assert purges.hit(labels, b"name", purges.mark) is None


async def test_a_replica_that_is_known_and_says_nothing_is_named(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        await b.redis.close()  # its network is gone; nobody has said that it is
        taken = await a.sharing.purges.note(order(b"tag a"))
        assert taken.silent == ("B",)


async def test_who_was_away_reads_on(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge_log, "PAGE", 7)
    async with workers(server, "A/0", "B/0") as (a, b):
        names = [f"tag {number}" for number in range(60)]
        b.redis.unsubscribe(b"slipstream:{purges}:news", b.redis._channels._hearers[b"slipstream:{purges}:news"][0])
        for name in names:
            before = a.sharing.purges.place
            a.sharing.purges.tell(order(name.encode()))
            await until(lambda before=before: a.sharing.purges.place != before)  # type: ignore[misc]  # bound early
        await in_step(a, b)  # the next sign of life tells it
        assert b.purged == names


async def test_whose_place_is_gone_believes_nothing(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge_log, "BEAT_SECONDS", 600.0)
    async with workers(server, "A/0", "B/0") as (a, b):
        await in_step(a, b)
        hearer = b.redis._channels._hearers[b"slipstream:{purges}:news"][0]
        b.redis.unsubscribe(b"slipstream:{purges}:news", hearer)
        mark = b.sharing.purges.mark
        for number in range(5):
            before = a.sharing.purges.place
            a.sharing.purges.tell(order(b"tag %d" % number))
            await until(lambda before=before: a.sharing.purges.place != before)  # type: ignore[misc]  # bound early
        await a.redis.call("XTRIM", LOG, "MAXLEN", 2)
        b.redis.subscribe(b"slipstream:{purges}:news", hearer)
        await a.sharing.purges.note(order(b"tag last"))
        await in_step(a, b)
        assert b.heard[0][1] == {"labels": ["*"], "prefixes": [], "soft": False}
        assert b.purged[-1] == "tag last"
        assert b.sharing.purges.hit(digests((EVERYTHING,)), b"name", mark) is True


async def test_a_flushed_redis_costs_nobody_anything_that_missed_nothing(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        await a.sharing.purges.note(order(b"tag a"))
        await in_step(a, b)
        await a.redis.call("FLUSHALL", key=b"")
        await a.sharing.purges.note(order(b"tag b"))
        await until(lambda: a.figures.value("sharing_purges_told_total") == 3)  # the first one once more
        await in_step(a, b)
        await until(lambda: b.purged == ["tag a", "tag b"])
        assert a.purged == []
        for log in (a.sharing.purges, b.sharing.purges):  # what was fetched since is not purged
            assert log.hit(digests((b"tag a",)), b"name", log.rows.floor) is None


async def test_with_a_lost_log_what_is_stored_is_asked_about_and_purges_are_told_again(
    server: RedisServer, tmp_path: Path
) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        file = PlaceFile(tmp_path)
        async with worker(server, "C", place_file=file):
            pass
        await a.sharing.purges.note(order(b"tag a"))
        await in_step(a, b)
        server.kill()
        await until(lambda: not a.sharing.purges.is_current and not b.sharing.purges.is_current)
        taken = await b.sharing.purges.note(order(b"tag b"))
        assert taken.error
        server.start()
        await in_step(a, b)
        await until(lambda: "tag b" in a.purged)
        assert b.purged == ["tag a", "*"]  # once is enough
        async with worker(server, "C", place_file=file) as c:
            assert c.purged[0] == "*"
            await until(lambda: {"tag a", "tag b"} <= set(c.purged))
        assert all(
            {"labels": ["*"], "prefixes": [], "soft": True} in [news for _, news in each.heard] for each in (a, b)
        )


async def test_what_no_replica_wrote_means_everything_and_stops_nobody(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        await in_step(a, b)
        await a.redis.call("PUBLISH", "slipstream:{purges}:news", "nonsense", key=b"")
        await a.redis.call("XADD", LOG, "*", "else", "1")
        await a.sharing.purges.note(order(b"tag a"))
        await in_step(a, b)
        assert b.purged == ["*", "tag a"]
        await a.sharing.purges.note(order(b"tag b"))
        await in_step(a, b)
        assert (b.purged[-1], a.purged) == ("tag b", ["*"])


async def test_a_newcomer_believes_nothing_from_before_the_log(server: RedisServer) -> None:
    async with worker(server) as one:
        await one.sharing.purges.note(order(b"tag a"))
        async with worker(server, "B") as other:
            assert other.sharing.purges.is_current
            assert other.heard == []
            assert other.sharing.purges.mark == one.sharing.purges.mark
            assert other.sharing.purges.hit(digests((b"tag z",)), b"name", 0) is True


async def test_a_redis_that_refuses_to_write_is_told_later(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        await a.redis.call("CONFIG", "SET", "maxmemory", 1, key=b"")
        assert "OOM" in (await a.sharing.purges.note(order(b"tag a"))).error
        await a.redis.call("CONFIG", "SET", "maxmemory", 0, key=b"")
        await until(lambda: b.purged == ["tag a"])


async def test_a_redis_that_stands_still_is_read_on_from_the_same_place(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        await a.sharing.purges.note(order(b"tag a"))
        server.pause()
        try:
            await a.sharing.purges.note(order(b"tag b"))
        finally:
            server.resume()
        await until(lambda: b.purged == ["tag a", "tag b"])
        await in_step(a, b)
        assert "*" not in b.purged


async def test_a_redis_that_takes_no_purges_is_said_once_and_told_later(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge_log, "BEAT_SECONDS", 0.01)
    async with workers(server, "A/0", "B/0") as (a, b):
        await in_step(a, b)
        with structlog.testing.capture_logs() as said:
            await a.redis.call("SET", LOG, "of somebody else")
            await until(lambda: len([line for line in said if line["event"].startswith("Redis does not")]) == 2)
            assert (await a.sharing.purges.note(order(b"tag a"))).error
        assert len([line for line in said if line["event"].startswith("Redis does not take purges")]) == 2  # one each
        await a.redis.call("DEL", LOG)
        await until(lambda: "tag a" in b.purged)
