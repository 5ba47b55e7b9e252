"""One fetch for each thing over workers, with a real Redis: who fetches, who waits, and for how long."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from gateway.redis.errors import RedisDownError
from gateway.redis.slots import slot_of
from gateway.redis.tags import tag_of
from gateway.sharing import leases as module
from gateway.sharing.figures import LeaseFigures
from gateway.sharing.lease import End, Lease
from gateway.sharing.lease_scripts import END, TAKE
from gateway.sharing.leases import Leases, Seen, Turn
from gateway.tiers.redis_record import section
from gateway.tiers.redis_scripts import PUT
from tests.support.redis import RedisServer, until
from tests.support.replicas import Worker, worker, workers

THING = b"http://a/"


class Looks:
    """Counts how often somebody looked."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1


look = Looks()


async def held(one: Worker, thing: bytes = THING) -> Lease:
    turn = await one.sharing.leases.turn(thing, look)
    assert isinstance(turn, Lease)
    return turn


async def wait_for(one: Worker, count: int = 1, look: Any = look, **more: Any) -> list[asyncio.Task[Turn]]:
    """Requests that wait, as Redis knows."""
    waiting = [asyncio.ensure_future(one.sharing.leases.turn(THING, look, **more)) for _ in range(count)]
    (key,) = await one.redis.call("KEYS", "slipstream:lease:*")
    while not await one.redis.call("HEXISTS", key, b"w:" + one.sharing.member.channel):  # noqa: ASYNC110 - in Redis
        await asyncio.sleep(0.001)
    return waiting


async def write(one: Worker, lease: Lease, octets: bytes) -> int:
    """Write an answer as the Redis tier does."""
    now = time.time()
    word = b"lease %b stored %b" % (lease.name, lease.token)
    arguments = (section(bytes(8), now, now + 60, octets), now, 64, 10_000, lease.token, 60_000, word)
    written: int = await one.redis.script(PUT, [b"answer", lease.key], arguments)
    return written


async def store(one: Worker, lease: Lease) -> None:
    assert await write(one, lease, b"octets") == 1
    lease.written(stored=True)


async def test_all_who_wait_anywhere_are_told_of_one_answer(server: RedisServer) -> None:
    async with workers(server, "A/0", "A/1", "B/0") as (first, *others):
        lease = await held(first)
        looks = [Looks() for _ in others]
        waiting = [each for one, its in zip(others, looks, strict=True) for each in await wait_for(one, 200, its)]
        await store(first, lease)
        assert set(await asyncio.gather(*waiting)) == {Seen(lease.token)}
        assert [each.count for each in looks] == [1, 1]
        assert [len(one.sharing.leases) for one in (first, *others)] == [0, 0, 0]


async def test_all_requests_of_a_worker_have_the_lease_in_common(server: RedisServer) -> None:
    async with worker(server) as one:
        found = await asyncio.gather(*(one.sharing.leases.turn(THING, look) for _ in range(100)))
        late = await one.sharing.leases.turn(THING, look)
        assert set(map(id, found)) == {id(late)}
        assert isinstance(late, Lease)
        assert late.users == 101
        for _ in range(101):
            assert late.end is None
            late.leave()
        assert late.end is End.FREE


async def test_when_a_fetch_ends_in_nothing_another_one_may_try(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0", "C/0") as (a, b, c):
        lease = await held(a)
        waiting = [*await wait_for(b), *await wait_for(c)]
        lease.leave()
        done, (left,) = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        (second,) = (each.result() for each in done)
        assert isinstance(second, Lease)
        assert int(second.token) > int(lease.token)
        second.set_apart(0.0)
        assert await left is None


async def test_an_answer_for_one_client_lets_all_go_at_once(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        lease = await held(a)
        waiting = await wait_for(b, 50)
        lease.set_apart(60.0)
        assert await asyncio.gather(*waiting) == [None] * 50
        assert await b.sharing.leases.turn(THING, look) is None  # and the next ones do not wait at all


async def test_a_holder_that_was_killed_is_waited_for_as_long_as_its_lease(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEASE_SECONDS", 0.2)
    monkeypatch.setattr(module, "RENEW_SECONDS", 600.0)
    async with workers(server, "A/0", "B/0") as (a, b):
        killed = await held(a)
        monkeypatch.setattr(module, "RENEW_SECONDS", 0.1)
        lease = await b.sharing.leases.turn(THING, look)
        assert isinstance(lease, Lease)
        assert await write(a, killed, b"late") == 0
        await store(b, lease)
        answer = await a.redis.get(b"answer")
        assert answer is not None
        assert answer.endswith(b"octets")


async def test_a_lease_is_renewed_while_the_fetch_goes_on(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.01)
    async with worker(server) as one:
        lease = await held(one)
        until_first = int(await one.redis.call("HGET", lease.key, "until"))
        lease.renewed -= module.LEASE_SECONDS
        began = lease.renewed
        await until(lambda: lease.renewed > began)
        while int(await one.redis.call("HGET", lease.key, "until")) <= until_first:  # noqa: ASYNC110 - in Redis
            await asyncio.sleep(0.005)
        assert not lease.is_lost
        await one.redis.call("HSET", lease.key, "token", 1)
        lease.renewed -= module.LEASE_SECONDS
        await until(lambda: lease.is_lost)


async def test_nobody_waits_longer_than_he_may(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        await held(a)
        assert await b.sharing.leases.turn(THING, look, timeout=0.01) is None


async def test_when_redis_goes_all_who_wait_go_on_their_own(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        await held(a)
        waiting = await wait_for(b, 100)
        server.kill()
        assert await asyncio.gather(*waiting) == [None] * 100
        assert await b.sharing.leases.turn(THING, look) is None


async def test_what_was_held_when_redis_was_away_for_a_moment_is_given_back(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEASE_SECONDS", 3600.0)
    async with workers(server, "A/0", "B/0") as (a, b):
        lease = await held(a)
        waiting = await wait_for(b)
        whole, failures = a.redis.script, 2

        async def away(script: Any, *how: Any) -> Any:
            nonlocal failures
            if script is END and failures:
                failures -= 1
                raise RedisDownError("no answer within 0.02 s")
            return await whole(script, *how)

        monkeypatch.setattr(a.redis, "script", away)
        a.sharing.leases.give_up_waiting()
        lease.leave()
        assert isinstance(await waiting[0], Lease)
        assert failures == 0


async def test_what_was_held_in_a_redis_that_was_emptied_is_given_back_to_nobody(server: RedisServer) -> None:
    async with worker(server) as one:
        lease = await held(one)
        await one.redis.call("FLUSHALL")
        lease.leave()
        await until(lambda: one.figures.value("sharing_leases_fenced_total") == 1)


async def test_who_leaves_is_not_counted(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        lease = await held(a)
        waiting = await wait_for(b, 3)
        waiting[0].cancel()
        lease.leave()
        second = await waiting[1]
        assert isinstance(second, Lease)
        assert second.users == 2


async def test_a_lease_that_comes_when_all_have_left_is_given_back(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        lease = await held(a)
        (waiting,) = await wait_for(b)
        waiting.cancel()
        lease.leave()
        await until(lambda: len(b.sharing.leases) == 0)
        assert isinstance(await a.sharing.leases.turn(THING, look, timeout=5), Lease)


async def test_a_newcomer_looks_first_and_fetches_only_what_is_not_there(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        await store(a, await held(a))
        looks = Looks()
        seen = await b.sharing.leases.turn(THING, looks)
        assert isinstance(seen, Seen)
        assert looks.count == 1
        assert isinstance(await b.sharing.leases.turn(THING, looks, seen=seen.token), Lease)


async def test_names_tell_nothing_to_who_has_not_the_key(server: RedisServer) -> None:
    async with worker(server) as one:
        leases = Leases(one.redis, one.sharing.member, LeaseFigures(one.figures), b"key of digests")
        assert isinstance(await leases.turn(b"http://secret.example/", look), Lease)
        assert b"secret" not in b"".join(await one.redis.call("KEYS", "*"))
        await leases.close()


async def test_other_things_and_kinds_do_not_wait_for_each_other(server: RedisServer) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        gzip = await b.sharing.leases.turn(b"one", look, kind=b"gzip")
        assert isinstance(gzip, Lease)
        names = {(await held(a, b"one")).name, (await held(b, b"two")).name, gzip.name}
        assert len(names) == 3


async def test_a_lease_lies_in_the_slot_of_its_record(server: RedisServer) -> None:
    async with worker(server) as one:
        lease = await held(one)
        assert slot_of(lease.key) == slot_of(tag_of(THING))


async def test_a_lease_whose_news_came_too_late_is_given_back(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with workers(server, "A/0", "B/0") as (a, b):
        whole = a.redis.script

        async def too_late(script: Any, *how: Any) -> Any:
            answer = await whole(script, *how)
            if script is TAKE:
                raise RedisDownError("no answer within 0.02 s")
            return answer

        monkeypatch.setattr(a.redis, "script", too_late)
        assert await a.sharing.leases.turn(THING, look) is None
        lease = await b.sharing.leases.turn(THING, look)
        assert isinstance(lease, Lease)
        assert b.figures.value("sharing_leases_total", outcome="late") == 0


async def test_a_lease_that_a_redis_gave_while_it_hung_is_given_back(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEASE_SECONDS", 3600.0)
    monkeypatch.setattr(module, "GIVE_BACK_SECONDS", (0.05,) * 200)
    async with worker(server, "A", timeout="50ms") as a, worker(server, "B", timeout="10s") as b:
        server.pause()
        assert await a.sharing.leases.turn(THING, look) is None
        server.resume()
        assert isinstance(await b.sharing.leases.turn(THING, look), Lease)


async def test_a_lease_that_came_when_somebody_else_gave_it_back_is_not_kept_when_looking_fails(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEASE_SECONDS", 3600.0)

    async def fails() -> None:
        raise RedisDownError("no answer within 0.02 s")

    async with workers(server, "A/0", "B/0") as (a, b):
        lease = await held(a)
        (waiting,) = await wait_for(b, look=fails)
        lease.leave()
        assert await waiting is None
        assert isinstance(await a.sharing.leases.turn(THING, look), Lease)
