from typing import Any

import pytest

from gateway.config.addresses import TcpAddress
from gateway.config.redis import RedisSettings
from gateway.redis.dial import Dialer
from gateway.redis.errors import RedisDownError
from gateway.redis.finding import find_by_sentinels, find_slots
from gateway.redis.slots import SlotMap
from tests.support.ports import free_port
from tests.support.redis_script import polite, scripted_redis


def dialer(**said: Any) -> Dialer:
    return Dialer(RedisSettings.model_validate(said))


MASTER = b"*2\r\n$7\r\nmaster1\r\n$4\r\n6379\r\n"


async def test_the_first_sentinel_that_answers_is_believed() -> None:
    nobody = f"redis://127.0.0.1:{free_port()}"
    async with scripted_redis(lambda command: MASTER if command[0] == b"SENTINEL" else polite(command)) as sentinel:
        found = await find_by_sentinels(dialer(url=[nobody, sentinel.url], kind="sentinel", master="m"))
        assert found == TcpAddress("master1", 6379)


@pytest.mark.parametrize("answer", [b"_\r\n", b"-ERR no\r\n", b"*1\r\n$1\r\na\r\n", b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"])
async def test_a_sentinel_that_knows_nothing_is_of_no_use(answer: bytes) -> None:
    async with scripted_redis(lambda command: answer if command[0] == b"SENTINEL" else polite(command)) as sentinel:
        with pytest.raises(RedisDownError, match="sentinel"):
            await find_by_sentinels(dialer(url=sentinel.url, kind="sentinel", master="m"))


async def test_the_first_node_that_answers_says_where_the_slots_are() -> None:
    nobody = TcpAddress("127.0.0.1", free_port())
    answer = b"*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$1\r\na\r\n:7\r\n$2\r\nid\r\n"
    async with scripted_redis(lambda command: answer if command[0] == b"CLUSTER" else polite(command)) as node:
        slots = SlotMap()
        await find_slots(dialer(url=node.url, kind="cluster"), [nobody], slots)
        assert slots.masters == {TcpAddress("a", 7)}


async def test_without_any_node_that_is_said() -> None:
    async with scripted_redis(
        lambda c: b"-ERR cluster support disabled\r\n" if c[0] == b"CLUSTER" else polite(c)
    ) as node:
        with pytest.raises(RedisDownError, match="cluster support"):
            await find_slots(dialer(url=node.url, kind="cluster"), [], SlotMap())
