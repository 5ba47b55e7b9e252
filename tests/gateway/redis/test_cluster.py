import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.redis.client import Redis
from gateway.redis.slots import slot_of
from tests.support.ports import free_port
from tests.support.redis import RedisServer, needs_redis, redis_client, redis_server, until, wait_until

pytestmark = needs_redis

CONF = ("--cluster-enabled", "yes", "--cluster-node-timeout", "5000")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[list[RedisServer]]:
    """Three masters."""
    with ExitStack() as stack:
        servers = []
        for number in range(3):
            folder = tmp_path / str(number)
            folder.mkdir()
            bus = ("--cluster-port", str(free_port()))
            servers.append(stack.enter_context(redis_server(*CONF, *bus, folder=folder)))
        first, last = 0, 5461
        for server in servers:
            server.do("CLUSTER", "ADDSLOTSRANGE", first, min(last, 16383))
            first, last = last + 1, last + 5462
        for server in servers[1:]:
            servers[0].do("CLUSTER", "MEET", "127.0.0.1", server.port, int(server.options[-1]))
        wait_until(lambda: all(_is_ok(server) for server in servers), "the cluster is whole")
        yield servers


def _is_ok(server: RedisServer) -> bool:
    info = server.do("CLUSTER", "INFO")
    text = info.decode() if isinstance(info, bytes) else str(info)
    return "ok" in text.partition("cluster_state")[2][:8] and server.do("CLUSTER", "SLOTS")[2:3] != []


def key_in(first: int, last: int) -> bytes:
    return next(key for number in range(100_000) if first <= slot_of(key := b"slipstream:%d" % number) <= last)


KEYS = [key_in(0, 5461), key_in(5462, 10923), key_in(10924, 16383)]


async def connected(redis: Redis) -> None:
    async def works() -> bool:
        return bool(await redis.get_many(KEYS) is not None and redis.is_up)

    await until(lambda: redis.is_up and all(node.is_up for node in redis.nodes()))
    assert await works()


async def test_values_of_all_nodes_come_in_one_turn(cluster: list[RedisServer]) -> None:
    async with redis_client(cluster[0], kind="cluster") as redis:
        await connected(redis)
        for number, key in enumerate(KEYS):
            assert await redis.call("SET", key, b"%d" % number) == b"OK"
        assert await redis.get_many([*KEYS, b"slipstream:none"]) == [b"0", b"1", b"2", None]
        assert await redis.script("return redis.call('GET', KEYS[1])", [KEYS[1]]) == b"1"


async def test_a_slot_that_moves_is_followed(cluster: list[RedisServer]) -> None:
    async with redis_client(cluster[0], kind="cluster") as redis:
        await connected(redis)
        slot, target = slot_of(KEYS[0]), cluster[1].do("CLUSTER", "MYID")
        for server in (cluster[1], cluster[0], cluster[2]):
            server.do("CLUSTER", "SETSLOT", slot, "NODE", target)
        assert await redis.call("SET", KEYS[0], b"moved") == b"OK"
        assert await redis.get(KEYS[0]) == b"moved"


async def test_a_node_that_is_gone_takes_only_its_own_keys_with_it(cluster: list[RedisServer]) -> None:
    async with redis_client(cluster[0], kind="cluster") as redis:
        await connected(redis)
        home = slot_of(redis.prefix)
        victim = next(number for number in range(3) if number != home * 3 // 16384)
        for key in KEYS:
            await redis.call("SET", key, b"x")
        cluster[victim].kill()
        await until(lambda: sum(node.is_up for node in redis.nodes()) == 2)
        values = await redis.get_many(KEYS)
        assert [value is None for value in values] == [number == victim for number in range(3)]


async def test_messages_and_changes_come_from_everywhere(cluster: list[RedisServer]) -> None:
    async with redis_client(cluster[0], kind="cluster") as one, redis_client(cluster[1], kind="cluster") as other:
        await connected(one)
        await connected(other)
        heard: list[bytes] = []
        changed: set[bytes] = set()
        one.subscribe(b"c", heard.append)
        one.track(b"slipstream:", lambda keys: changed.update(keys or ()))
        await asyncio.gather(*(one.tell("GET", key) for key in KEYS))
        await one.tell("GET", one.prefix)
        await other.publish(b"c", b"hello")
        for key in KEYS:
            await other.call("SET", key, b"x")
        await until(lambda: heard == [b"hello"] and changed == set(KEYS))
