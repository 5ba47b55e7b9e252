"""Workers that ended without a word are not waited for."""

from __future__ import annotations

import os
import subprocess
import sys

from gateway.sharing.kin import Kin, is_alive
from gateway.tiers.tier import PurgeOrder
from tests.support.redis import RedisServer
from tests.support.replicas import worker

MEMBERS = b"slipstream:{purges}:members"


def test_a_process_that_ended_is_not_alive() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert is_alive(os.getpid())
    assert is_alive(1)  # and not ours
    assert not is_alive(process.pid)
    assert not is_alive(10**30)


async def test_those_that_are_no_more_are_taken_off_the_list_and_no_others(server: RedisServer) -> None:
    async with worker(server, "A", "7") as one:
        for name in ("A/8", "A/9", "A/x", "B/8", "B:1/8", b"\xff/8"):
            await one.redis.call("ZADD", MEMBERS, 9e15, name)
        await Kin(one.redis, MEMBERS, one.sharing.member, lambda pid: pid != 8).bury()
        assert set(await one.redis.call("ZRANGE", MEMBERS, 0, -1)) == {
            b"A/7",
            b"A/9",
            b"A/x",
            b"B/8",
            b"B:1/8",
            b"\xff/8",
        }


async def test_no_purge_waits_for_a_sibling_that_was_killed(server: RedisServer) -> None:
    async with worker(server, "A", "7") as killed, worker(server, "A", "9") as sibling, worker(server, "B") as other:
        order = PurgeOrder(labels=(b"tag a",))
        killed.redis.unsubscribe(b"slipstream:{purges}:news", killed.sharing.purges._hear)
        taken = await other.sharing.purges.note(order)
        assert taken.silent == ("A",)
        await Kin(sibling.redis, MEMBERS, sibling.sharing.member, lambda pid: pid != 7).bury()
        taken = await other.sharing.purges.note(order)
        assert (taken.acknowledged, taken.silent) == (("A",), ())


async def test_without_redis_it_is_left_for_later(server: RedisServer) -> None:
    async with worker(server, "A", "7") as one:
        server.kill()
        await Kin(one.redis, MEMBERS, one.sharing.member).bury()
