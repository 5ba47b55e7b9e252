import time
from struct import pack
from typing import Any

import pytest

from gateway.redis.client import Redis
from gateway.redis.errors import RedisReplyError
from gateway.redis.script import Script
from gateway.tiers.redis_record import section, sections
from gateway.tiers.redis_scripts import DROP, NEWER, PUT
from tests.support.redis import needs_redis, redis_client, redis_server

pytestmark = needs_redis

KEY, LEASE = b"e:{a}", b"lease:{a}"
V1, V2 = b"\0" * 8, b"variant2"


async def put(redis: Redis, variant: bytes, when: float, frame: bytes = b"frame", **more: Any) -> Any:
    now, most, octets = more.get("now", 100.0), more.get("most", 64), more.get("octets", 1 << 20)
    keys, rest = [KEY], []
    if "token" in more:
        keys, rest = [KEY, LEASE], [more["token"], 60_000, b"word"]
    until = more.get("until", now + 50)
    return await redis.script(PUT, keys, [section(variant, when, until, frame), now, most, octets, *rest])


async def there(redis: Redis) -> list[tuple[bytes, float, bytes]]:
    value = await redis.get(KEY)
    return [] if value is None else [(each.variant, each.when, bytes(each.frame)) for each in sections(value)]


async def test_the_latest_answer_of_each_variant_stays() -> None:
    with redis_server() as server:
        async with redis_client(server) as redis:
            assert await put(redis, V1, 10.0, b"one") == 1
            assert await put(redis, V2, 5.0, b"two") == 1
            assert await put(redis, V1, 9.0, b"older") == 2
            assert await put(redis, V1, 10.0, b"same") == 2
            assert await put(redis, V1, 10.5, b"newer") == 1
            assert await there(redis) == [(V1, 10.5, b"newer"), (V2, 5.0, b"two")]


async def test_it_lasts_as_long_as_its_longest_section() -> None:
    with redis_server() as server:
        async with redis_client(server) as redis:
            await put(redis, V1, 10.0, until=1100.0)
            await put(redis, V2, 10.0, until=110.0)
            assert 900_000 < await redis.call("PTTL", KEY) <= 1_000_000
            await put(redis, V1, 11.0, now=200.0, until=300.0)
            assert [variant for variant, _, _ in await there(redis)] == [V1]
            assert await redis.call("PTTL", KEY) <= 100_000


async def test_sections_and_octets_are_bounded_and_the_oldest_go() -> None:
    with redis_server() as server:
        async with redis_client(server) as redis:
            for number in range(5):
                await put(redis, b"variant%d" % number, float(number), most=3)
            assert [when for _, when, _ in await there(redis)] == [4.0, 3.0, 2.0]
            await put(redis, V1, 9.0, b"x" * 100, octets=170)
            assert [when for _, when, _ in await there(redis)] == [9.0, 4.0]


async def test_who_has_the_lease_is_right_and_those_who_wait_are_told() -> None:
    with redis_server() as server:
        async with redis_client(server) as redis:
            heard: list[bytes] = []
            redis.subscribe(b"worker", heard.append)
            await put(redis, V1, 1000.0, b"by a clock that is ahead")
            await redis.call("HSET", LEASE, "state", "held", "token", "7", "w:worker", 1)
            assert await put(redis, V1, 10.0, b"late", token=b"6") == 0
            assert await put(redis, V1, 11.0, b"mine", token=b"7") == 1
            await redis.tell("PING", "told")
            assert heard == [b"word"]
            assert await redis.call("HGET", LEASE, "state") == b"stored"
            assert await put(redis, V1, 12.0, b"again", token=b"7") == 0
            assert await there(redis) == [(V1, 11.0, b"mine")]


async def test_what_is_removed_leaves_word_of_it() -> None:
    with redis_server() as server:
        async with redis_client(server) as redis:
            await put(redis, V1, 10.0, b"one", until=500.0)
            await put(redis, V2, 10.0, b"two")
            assert await redis.script(DROP, [KEY], [V1, 9.0, 60, 64, 1 << 20]) == 0
            assert await redis.script(DROP, [KEY], [V1, 20.0, 60, 64, 1 << 20]) == 1
            assert sorted(await there(redis)) == [(V1, 20.0, b""), (V2, 10.0, b"two")]
            assert await redis.call("PTTL", KEY) > 400_000
            assert await put(redis, V1, 15.0, b"late") == 2
            assert await put(redis, V1, 21.0, b"new") == 1
            await redis.call("DEL", KEY)
            assert await redis.script(DROP, [KEY], [V1, time.time(), 60, 64, 1 << 20]) == 1
            assert 50_000 < await redis.call("PTTL", KEY) <= 60_000


async def test_only_what_is_not_known_is_sent() -> None:
    async def newer(redis: Redis, **known: float) -> Any:
        packed = b"".join([pack(">8sd", {"v1": V1, "v2": V2}[name], when) for name, when in known.items()])
        return await redis.script(NEWER, [KEY], [packed])

    with redis_server() as server:
        async with redis_client(server) as redis:
            assert await newer(redis, v1=1.0) is None
            await put(redis, V1, 10.0, b"one")
            await put(redis, V2, 10.0, b"two")
            assert await newer(redis, v1=10.0, v2=10.0) == 1
            assert await newer(redis, v1=11.0, v2=10.5) == 1
            assert await newer(redis, v1=9.0, v2=10.0) == await redis.get(KEY)
            assert await newer(redis, v1=10.0) == await redis.get(KEY)
            await redis.script(DROP, [KEY], [V2, 20.0, 60, 64, 1 << 20])
            assert await newer(redis, v1=10.0) == 1
            assert await newer(redis, v1=10.0, v2=10.0) == await redis.get(KEY)


async def test_nonsense_under_a_key_is_written_over() -> None:
    with redis_server() as server:
        async with redis_client(server) as redis:
            await redis.call("SET", KEY, b"this is something else, and longer than a section's head")
            assert await put(redis, V1, 10.0, b"one") == 1
            assert await there(redis) == [(V1, 10.0, b"one")]


async def test_scripts_compile() -> None:
    with redis_server() as server:
        async with redis_client(server) as redis:
            for script in (PUT, DROP, NEWER):
                assert await redis.call("SCRIPT", "LOAD", script.source) == script.sha
            with pytest.raises(RedisReplyError, match="ERR"):
                await redis.script(Script("this is no Lua"), [])
