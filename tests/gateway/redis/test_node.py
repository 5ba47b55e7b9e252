import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.config.addresses import TcpAddress
from gateway.config.redis import RedisSettings
from gateway.figures.registry import Figures
from gateway.redis.address import Address
from gateway.redis.dial import Dialer
from gateway.redis.errors import RedisDownError
from gateway.redis.figures import RedisFigures
from gateway.redis.node import Node
from tests.support.redis import until
from tests.support.redis_script import ScriptedRedis, polite, scripted_redis


class Owner:
    """Hears what a node tells."""

    def __init__(self) -> None:
        self.ups: list[bool] = []
        self.downs: list[str] = []
        self.pushes: list[list[Any]] = []

    def greetings(self, node: Node) -> Sequence[tuple[bytes | str, ...]]:
        return [("CLIENT", "TRACKING", "ON")]

    def went_up(self, node: Node, *, anew: bool) -> None:
        self.ups.append(anew)

    def went_down(self, node: Node, reason: str) -> None:
        self.downs.append(reason)

    def heard(self, node: Node, push: list[Any]) -> None:
        self.pushes.append(push)


@asynccontextmanager
async def node_of(server: ScriptedRedis, timeout: str = "10s") -> AsyncIterator[tuple[Node, Owner]]:
    owner = Owner()

    async def find() -> Address:
        return TcpAddress("127.0.0.1", server.port)

    said = RedisSettings.model_validate({"url": server.url, "timeout": "1s", "connect_timeout": "1s"})
    dialer = Dialer(said.model_copy(update={"timeout": 10.0 if timeout == "10s" else 0.02}))
    node = Node(find, dialer, RedisFigures(Figures.in_memory()), owner)
    node.begin()
    try:
        yield node, owner
    finally:
        await node.close()


async def test_it_connects_twice_and_begins_the_second_one_as_its_owner_wants() -> None:
    async with scripted_redis() as server, node_of(server) as (node, owner):
        await until(lambda: node.is_up)
        assert owner.ups == [True]
        assert [command[0] for command in server.commands] == [b"HELLO", b"PING", b"HELLO", b"PING", b"CLIENT"]
        assert await node.ask(("SET", "a", "b")) == b"OK"
        assert await node.tell(("SET", "a", "b")) == b"OK"


async def test_before_it_is_there_everything_fails_at_once() -> None:
    async with scripted_redis() as server, node_of(server) as (node, _):
        with pytest.raises(RedisDownError, match="not connected"):
            node.ask(("PING",))
        with pytest.raises(RedisDownError):
            node.tell(("PING",))


async def test_a_connection_that_is_lost_is_made_again() -> None:
    async with scripted_redis() as server, node_of(server) as (node, owner):
        await until(lambda: node.is_up)
        server.hang_up()
        await until(lambda: len(owner.ups) == 2)
        assert owner.ups == [True, True]
        assert owner.downs
        assert node.is_up


async def test_one_that_answers_too_late_is_asked_again_when_it_answers_in_time() -> None:
    async with scripted_redis() as server, node_of(server, "20ms") as (node, owner):
        await until(lambda: node.is_up)
        server.reply = lambda command: None
        with pytest.raises(RedisDownError, match="no answer"):
            await node.ask(("GET", "a"))
        assert not node.is_up
        with pytest.raises(RedisDownError, match="no answer"):
            node.ask(("GET", "a"))
        server.reply = polite
        server.say(b"$-1\r\n")
        await until(lambda: node.is_up)
        assert owner.downs[0] == "no answer within 0.02 s"


async def test_one_that_says_so_itself_is_left_alone_for_a_while() -> None:
    async with scripted_redis() as server, node_of(server) as (node, owner):
        await until(lambda: node.is_up)
        waiting = node.ask(("GET", "a"))
        server.reply = polite
        node.suspend("LOADING")
        assert not node.is_up
        await until(lambda: node.is_up)
        assert owner.ups == [True, False]
        assert waiting.done()


async def test_one_that_never_answers_again_is_given_up() -> None:
    async with scripted_redis() as server, node_of(server, "20ms") as (node, owner):
        await until(lambda: node.is_up)
        deaf = set(server.writers)
        server.reply = lambda command: (
            None if command[0] in (b"GET", b"PING") and _is_old(server, deaf) else polite(command)
        )
        with pytest.raises(RedisDownError):
            await node.ask(("GET", "a"))
        await until(lambda: all(writer.is_closing() for writer in deaf))
        server.reply = polite
        await until(lambda: node.is_up)
        assert owner.ups[-1] is True


def _is_old(server: ScriptedRedis, deaf: set[asyncio.StreamWriter]) -> bool:
    """Whether only the first connections are there."""
    return all(writer in deaf for writer in server.writers)


async def test_another_server_is_found_when_this_one_is_not_wanted_any_more() -> None:
    async with scripted_redis() as server, node_of(server) as (node, owner):
        await until(lambda: node.is_up)
        node.renew("not the master")
        await until(lambda: len(owner.ups) == 2)
        assert "not the master" in owner.downs


async def test_what_the_server_says_by_itself_reaches_the_owner() -> None:
    async with scripted_redis() as server, node_of(server) as (node, owner):
        await until(lambda: node.is_up)
        server.say(b">2\r\n+invalidate\r\n_\r\n")
        await until(lambda: len(owner.pushes) == 2)
        assert owner.pushes[0] == [b"invalidate", None]
