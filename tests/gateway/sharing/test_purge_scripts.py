"""What Redis does for purges, asked directly."""

from __future__ import annotations

from typing import Any

from gateway.sharing.purge_scripts import JOIN, NOTE
from tests.support.redis import RedisServer
from tests.support.replicas import worker

KEYS = [b"{x}:log", b"{x}:members"]


async def note(redis: Any, identity: bytes, message: bytes, most: int = 1000, octets: int = 10_000) -> Any:
    keys = [*KEYS, b"{x}:told:" + identity, b"{x}:size"]
    return await redis.script(NOTE, keys, [b"channel", message, most, octets, 60_000])


async def test_a_purge_is_written_once_and_names_the_one_before(server: RedisServer) -> None:
    async with worker(server) as one:
        birth = await one.redis.script(JOIN, KEYS, [b"channel", b"A/0", 60_000])
        first, second = await note(one.redis, b"1", b"m1"), await note(one.redis, b"2", b"m2")
        assert await note(one.redis, b"1", b"m1") == [0]
        assert first[0] == second[0] == 1
        assert first[2] == [b"A/0"]
        log = await one.redis.call("XRANGE", KEYS[0], "-", "+")
        assert [(place, fields[3]) for place, fields in log] == [
            (birth, b"0-0"),
            (first[1], birth),
            (second[1], first[1]),
        ]


async def test_a_log_is_born_with_the_first_purge_too(server: RedisServer) -> None:
    async with worker(server) as one:
        await note(one.redis, b"1", b"m1")
        assert await one.redis.call("XLEN", KEYS[0]) == 2


async def test_everybody_hears_of_it_with_the_place_before(server: RedisServer) -> None:
    async with worker(server) as one:
        heard: list[bytes] = []
        one.redis.subscribe(b"channel", heard.append)
        await one.redis.tell("PING", key=b"")
        birth = await one.redis.script(JOIN, KEYS, [b"channel", b"A/0", 60_000])
        written = await note(one.redis, b"1", b"what goes")
        await one.redis.tell("PING", key=b"")
        assert heard == [birth + b" 0-0 ", written[1] + b" " + birth + b" what goes"]


async def test_the_log_is_bounded_in_octets(server: RedisServer) -> None:
    async with worker(server) as one:
        for number in range(200):
            await note(one.redis, b"%d" % number, b"x" * 100)
        assert await one.redis.call("XLEN", KEYS[0]) <= 101
        assert int(await one.redis.call("GET", b"{x}:size")) <= 10_000


async def test_who_gives_no_sign_of_life_is_forgotten(server: RedisServer) -> None:
    async with worker(server) as one:
        await one.redis.call("ZADD", KEYS[1], 1, b"B/0")
        assert (await note(one.redis, b"1", b"m"))[2] == []
        await one.redis.script(JOIN, KEYS, [b"channel", b"A/0", 60_000])
        assert await one.redis.call("ZRANGE", KEYS[1], 0, -1) == [b"A/0"]
