import asyncio
from typing import Any

from gateway.config.redis import RedisSettings
from gateway.figures.registry import Figures
from gateway.redis.client import Redis
from gateway.redis.cluster import ClusterNodes
from gateway.redis.dial import Dialer
from gateway.redis.errors import RedisReplyError
from gateway.redis.figures import RedisFigures
from gateway.redis.nodes import OneNode, nodes_for
from tests.support.redis import until
from tests.support.redis_script import polite, scripted_redis


def owner_of(**said: Any) -> tuple[Redis, Dialer, RedisFigures]:
    settings = RedisSettings.model_validate({"url": "redis://127.0.0.1:1", "timeout": "1s", **said})
    figures = Figures.in_memory()
    return Redis(settings, figures), Dialer(settings), RedisFigures(figures)


async def test_the_settings_say_what_kind_of_servers_there_are() -> None:
    redis, dialer, figures = owner_of()
    assert isinstance(nodes_for(dialer, figures, redis), OneNode)
    redis, dialer, figures = owner_of(kind="cluster")
    assert isinstance(nodes_for(dialer, figures, redis), ClusterNodes)


async def test_one_server_has_everything() -> None:
    async with scripted_redis() as server:
        redis, dialer, figures = owner_of(url=server.url)
        nodes = OneNode(dialer, figures, redis)
        nodes.begin()
        await nodes.tried()
        assert nodes.home is nodes.node(b"a") is nodes.node(b"b")
        assert list(nodes.all()) == [nodes.home]
        assert nodes.redirected(RedisReplyError("MOVED 1 127.0.0.1:1")) is None
        server.reply = lambda command: b"*2\r\n$1\r\n1\r\n_\r\n" if command[0] == b"MGET" else polite(command)
        fetched, commands = nodes.fetch([b"a", b"b"])
        assert (await fetched, commands) == ([b"1", None], 1)
        await nodes.close()


async def test_the_master_is_the_one_that_sentinels_name_and_that_says_so_itself() -> None:
    async with scripted_redis() as sentinel, scripted_redis() as server:
        port = str(server.port).encode()
        sentinel.reply = lambda command: (
            b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%b\r\n" % (len(port), port)
            if command[0] == b"SENTINEL"
            else polite(command)
        )
        role = b"slave"
        server.reply = lambda command: (
            b"*1\r\n$%d\r\n%b\r\n" % (len(role), role) if command[0] == b"ROLE" else polite(command)
        )
        redis, dialer, figures = owner_of(url=sentinel.url, kind="sentinel", master="m")
        nodes = OneNode(dialer, figures, redis)
        nodes.begin()
        await nodes.tried()
        assert nodes.home is not None
        assert not nodes.home.is_up
        role = b"master"
        await until(lambda: nodes.home is not None and nodes.home.is_up)
        assert [b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", b"m"] in sentinel.commands
        await asyncio.wait_for(nodes.close(), 10)
