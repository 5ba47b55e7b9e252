"""What Redis does for leases, asked directly."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

from gateway.sharing.lease_scripts import DISOWN, END, RENEW, TAKE
from gateway.tiers.redis_record import section, sections
from gateway.tiers.redis_scripts import PUT
from tests.support.redis import RedisServer
from tests.support.replicas import worker

KEY, ANSWER = b"{x}:lease", b"{x}:answer"
MINUTE = 60_000
_others = count()


async def take(redis: Any, seen: bytes = b"", lasts: int = MINUTE, who: bytes = b"", nonce: int = 1) -> list[Any]:
    """Asked by somebody, by default each time by somebody else."""
    who = who or b"to:%d" % next(_others)
    found: list[Any] = await redis.script(TAKE, [KEY], [who, seen, lasts, 2 * MINUTE, nonce])
    return found


async def store(redis: Any, token: bytes, octets: bytes = b"octets") -> int:
    now = time.time()
    arguments = [section(bytes(8), now, now + 60, octets), now, 64, 10_000, token, MINUTE, b"word"]
    stored: int = await redis.script(PUT, [ANSWER, KEY], arguments)
    return stored


async def answer(redis: Any) -> bytes:
    """What all find."""
    found = await redis.get(ANSWER)
    assert found is not None
    return bytes(next(sections(found)).frame)


async def end(redis: Any, token: bytes, state: str, lasts: int = 0) -> int:
    ended: int = await redis.script(END, [KEY], [token, state, lasts, MINUTE, b"word"])
    return ended


async def test_one_has_it_and_the_others_hear_for_how_long(server: RedisServer) -> None:
    async with worker(server) as one:
        what, _ = await take(one.redis)
        assert what == b"yours"
        what, milliseconds = await take(one.redis)
        assert what == b"held"
        assert 0 < milliseconds <= MINUTE


async def test_whoever_waits_is_told_once_on_his_channel(server: RedisServer) -> None:
    async with worker(server) as one:
        heard: list[bytes] = []
        for channel in (b"to:B/0", b"to:C/0"):
            one.redis.subscribe(channel, heard.append)
        _, token = await take(one.redis)
        for who in (b"to:B/0", b"to:C/0", b"to:B/0"):
            await take(one.redis, who=who)
        await store(one.redis, token)
        await end(one.redis, token, "free")
        await one.redis.tell("PING", key=b"")
        assert heard == [b"word", b"word"]


async def test_an_answer_is_looked_at_before_anybody_fetches_another(server: RedisServer) -> None:
    async with worker(server) as one:
        _, token = await take(one.redis)
        assert await store(one.redis, token) == 1
        assert await answer(one.redis) == b"octets"
        assert await take(one.redis) == [b"stored", token]
        what, later = await take(one.redis, seen=token)
        assert what == b"yours"
        assert int(later) > int(token)


async def test_a_late_answer_never_takes_the_place_of_a_newer_one(server: RedisServer) -> None:
    async with worker(server) as one:
        _, late = await take(one.redis, lasts=0)
        what, token = await take(one.redis)
        assert what == b"yours"
        assert await store(one.redis, late, b"old") == 0  # while the other one fetches
        assert await store(one.redis, token, b"new") == 1
        assert await store(one.redis, late, b"old") == 0  # and afterwards
        assert await end(one.redis, late, "apart") == 0
        assert await answer(one.redis) == b"new"


async def test_one_whose_lease_is_forgotten_writes_nothing(server: RedisServer) -> None:
    async with worker(server) as one:
        _, token = await take(one.redis)
        await one.redis.call("DEL", KEY)
        assert await store(one.redis, token) == 0


async def test_a_lease_that_ran_out_counts_until_somebody_else_has_it(server: RedisServer) -> None:
    async with worker(server) as one:
        _, token = await take(one.redis, lasts=0)
        assert await one.redis.script(RENEW, [KEY], [token, MINUTE, MINUTE]) == 1
        assert (await take(one.redis))[0] == b"held"
        assert await store(one.redis, token) == 1
        assert await one.redis.script(RENEW, [KEY], [token, MINUTE, MINUTE]) == 0


async def test_a_lease_that_was_given_back_is_free(server: RedisServer) -> None:
    async with worker(server) as one:
        _, token = await take(one.redis)
        assert await end(one.redis, token, "free") == 1
        assert (await take(one.redis))[0] == b"yours"


async def test_where_answers_are_for_one_client_nobody_waits_for_a_while(server: RedisServer) -> None:
    async with worker(server) as one:
        _, token = await take(one.redis)
        await end(one.redis, token, "apart", MINUTE)
        assert (await take(one.redis))[0] == b"apart"
        await one.redis.call("HSET", KEY, "until", 1)
        assert (await take(one.redis))[0] == b"yours"


async def test_nothing_of_it_stays(server: RedisServer) -> None:
    async with worker(server) as one:
        _, token = await take(one.redis)
        assert 0 < await one.redis.call("PTTL", KEY) <= 2 * MINUTE
        await store(one.redis, token)
        assert 0 < await one.redis.call("PTTL", KEY) <= MINUTE
        assert 0 < await one.redis.call("PTTL", ANSWER) <= MINUTE


async def test_whoever_has_missed_that_it_is_his_gets_it_anew(server: RedisServer) -> None:
    async with worker(server) as one:
        _, first = await take(one.redis, who=b"to:A/0", nonce=1)
        what, second = await take(one.redis, who=b"to:A/0", nonce=2)
        assert what == b"yours"
        assert int(second) > int(first)
        assert await store(one.redis, first) == 0


async def test_what_may_have_been_got_is_given_back_and_nothing_else(server: RedisServer) -> None:
    async with worker(server) as one:
        heard: list[bytes] = []
        one.redis.subscribe(b"to:B/0", heard.append)
        await take(one.redis, who=b"to:A/0", nonce=7)
        await take(one.redis, who=b"to:B/0")
        for who, nonce in ((b"to:A/0", 6), (b"to:B/0", 7)):
            assert await one.redis.script(DISOWN, [KEY], [who, nonce, b"word"]) == 0
        assert await one.redis.script(DISOWN, [KEY], [b"to:A/0", 7, b"word"]) == 1
        await one.redis.tell("PING", key=b"")
        assert heard == [b"word"]
        assert (await take(one.redis))[0] == b"yours"
