import asyncio
from typing import Any

import pytest

from gateway.config.redis import RedisSettings
from gateway.figures.registry import Figures
from gateway.redis.client import Redis
from gateway.redis.errors import RedisDownError, RedisReplyError
from gateway.redis.script import Script
from tests.support.ports import free_port
from tests.support.redis import RedisServer, needs_redis, redis_client, redis_server, until
from tests.support.redis_script import polite, scripted_redis

pytestmark = needs_redis


async def test_commands_scripts_and_values() -> None:
    with redis_server() as server:
        async with redis_client(server) as redis:
            assert await redis.call("SET", b"a", b"1") == b"OK"
            assert await redis.tell("SET", b"b", b"2") == b"OK"
            assert await redis.get_many([b"a", b"none", b"b"]) == [b"1", None, b"2"]
            assert await redis.script("return {KEYS[1], ARGV[1]}", [b"k"], ["x"]) == [b"k", b"x"]
            assert await redis.tell_script(Script("return 7"), [b"k"], []) == 7
            with pytest.raises(RedisReplyError, match="WRONGTYPE"):
                await redis.call("LPUSH", b"a", b"x")


async def test_a_script_is_sent_whole_once_and_again_when_the_server_forgot_it() -> None:
    with redis_server() as server:
        async with redis_client(server) as redis:
            for _ in range(3):
                assert await redis.script("return 1", []) == 1
            assert server.calls("eval") == 1
            server.do("SCRIPT", "FLUSH")
            assert await redis.script("return 1", []) == 1
            assert server.calls("eval") == 2


async def test_scripts_that_it_is_to_know_are_never_sent_whole_when_they_are_used() -> None:
    late, early = Script("return 1"), Script("return 2")
    with redis_server() as server:
        settings = RedisSettings.model_validate({"url": server.url, "timeout": "10s"})
        redis = Redis(settings, Figures.in_memory())
        redis.know(early)
        await redis.open()
        redis.know(late)
        assert [await redis.script(late, []), await redis.script(early, [])] == [1, 2]
        assert server.calls("eval") == 0
        server.kill()
        await until(lambda: not redis.is_up)
        server.start()
        await until(lambda: redis.is_up)
        assert [await redis.script(late, []), await redis.script(early, [])] == [1, 2]
        assert server.calls("eval") == 0
        await redis.close()


async def test_what_is_wanted_in_one_turn_takes_one_command() -> None:
    with redis_server() as server:
        async with redis_client(server) as redis:
            for _ in range(5):
                await asyncio.gather(*(redis.get(b"%d" % number) for number in range(20)))
        assert server.calls("mget") == 5
        assert server.calls("get") == 0


async def test_messages_are_heard_over_reconnections() -> None:
    with redis_server() as server:
        async with redis_client(server) as redis, redis_client(server) as other:
            heard: list[bytes] = []
            redis.subscribe(b"c", heard.append)
            await redis.tell("PING", "subscribed")
            assert await other.publish(b"c", b"one") == 1
            await until(lambda: heard == [b"one"])
            ups: list[int] = []
            redis.on_reconnect(lambda: ups.append(1))
            server.do("CLIENT", "KILL", "TYPE", "PUBSUB")
            await until(lambda: ups)
            assert await other.publish(b"c", b"two") == 1
            await until(lambda: heard == [b"one", b"two"])
            redis.unsubscribe(b"c", heard.append)
            await redis.tell("PING", "unsubscribed")
            assert await other.publish(b"c", b"three") == 0


async def test_changes_of_others_are_told() -> None:
    with redis_server() as server:
        async with redis_client(server) as redis, redis_client(server) as other:
            changed: list[Any] = []
            redis.track(b"p:", changed.append)
            await redis.tell("PING", "tracking")
            await other.call("SET", b"q:1", b"x")
            await other.call("SET", b"p:1", b"x")
            await until(lambda: changed == [[b"p:1"]])
            server.do("FLUSHALL")
            await until(lambda: changed[-1] is None)
            redis.untrack(b"p:", changed.append)


async def test_it_starts_without_redis_and_finds_it_later() -> None:
    server = RedisServer(port=free_port())
    async with redis_client(server) as redis:
        events: list[str] = []
        redis.on_up(lambda: events.append("up"))
        redis.on_down(lambda: events.append("down"))
        assert not redis.is_up
        with pytest.raises(RedisDownError):
            await redis.call("GET", "a")
        with pytest.raises(RedisDownError):
            redis.get(b"a")
        with pytest.raises(RedisDownError):
            await redis.publish(b"c", b"x")
        try:
            server.start()
            await until(lambda: redis.is_up)
            assert await redis.call("PING") == b"PONG"
            server.kill()
            await until(lambda: not redis.is_up)
            server.start()
            await until(lambda: redis.is_up)
            assert events == ["up", "down", "up"]
        finally:
            server.kill()


async def test_one_that_hangs_is_not_waited_for_and_comes_back() -> None:
    with redis_server() as server:
        async with redis_client(server, timeout="50ms") as redis:
            server.pause()
            with pytest.raises(RedisDownError):
                await redis.call("GET", "a")
            with pytest.raises(RedisDownError):
                redis.get(b"a")
            server.resume()
            await until(lambda: redis.is_up)


async def test_many_callers_may_leave_without_harm() -> None:
    with redis_server() as server:
        async with redis_client(server) as redis:
            await redis.call("SET", b"a", b"1")
            leaving = [asyncio.ensure_future(redis.call("GET", b"a")) for _ in range(50)]
            await asyncio.sleep(0)
            for task in leaving:
                task.cancel()
            assert await redis.get(b"a") == b"1"
            assert await redis.call("ECHO", "x") == b"x"
            await asyncio.gather(*leaving, return_exceptions=True)


async def test_one_that_is_loading_counts_as_away() -> None:
    async with scripted_redis() as server, redis_client(server.url) as redis:
        server.reply = lambda command: b"-LOADING wait\r\n" if command[0] in (b"GET", b"MGET") else polite(command)
        with pytest.raises(RedisDownError, match="LOADING"):
            await redis.call("GET", b"a")
        await until(lambda: redis.is_up)
        with pytest.raises(RedisReplyError):
            await redis.get(b"a")
        assert not redis.is_up


async def test_notices_can_be_taken_back_and_closing_tells() -> None:
    async with scripted_redis() as server:
        redis = Redis(RedisSettings.model_validate({"url": server.url, "timeout": "10s"}), Figures.in_memory())
        await redis.open()
        heard: list[str] = []

        def down() -> None:
            heard.append("down")

        redis.on_down(down)
        redis.on_up(down)
        redis.forget(down)
        redis.on_down(lambda: heard.append("closed"))
        await redis.close()
        assert heard == ["closed"]
        assert not redis.is_up
        await redis.close()


async def test_of_two_clients_the_one_that_stays_is_counted() -> None:
    figures = Figures.in_memory()
    with redis_server() as server:
        async with redis_client(server, figures) as first:
            async with redis_client(server, figures) as second:
                await until(lambda: first.is_up and second.is_up)
                assert figures.value("redis_workers") == 2
            assert figures.value("redis_workers") == 1
