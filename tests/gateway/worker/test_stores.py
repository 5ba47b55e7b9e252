"""Which stores a configuration has, and which of them the next one takes over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.config.settings import GatewaySettings
from gateway.figures.registry import Figures
from gateway.worker.stores import Stores
from tests.support.redis import RedisServer, redis_server


@pytest.fixture
def server(tmp_path: Path) -> Any:
    with redis_server(folder=tmp_path) as server:
        yield server


def settings(**more: Any) -> GatewaySettings:
    return GatewaySettings.model_validate({"upstreams": {"app": {"servers": ["http://127.0.0.1:1"]}}, **more})


async def made(current: Stores | None = None, **more: Any) -> Stores:
    stores = Stores()
    await stores.prepare(settings(**more), Figures.in_memory(), None, current or Stores())
    await stores.begin()
    return stores


async def test_without_settings_there_is_nothing() -> None:
    stores = await made()
    assert (stores.redis, stores.sharing, stores.tiers) == (None, None, None)
    await stores.close(Stores())


async def test_what_does_not_change_is_taken_over_and_left_open(server: RedisServer) -> None:
    first = await made(redis=server.url, tiers={"redis": "on"})
    second = await made(first, redis=server.url, tiers={"redis": "on"})
    assert (second.redis, second.sharing, second.tiers) == (first.redis, first.sharing, first.tiers)
    await first.close(second)
    assert second.redis is not None
    assert second.redis.is_up
    assert second.sharing is not None
    assert second.sharing.purges.is_current
    await second.close(Stores())
    assert not second.redis.is_up


async def test_what_changes_is_made_anew_and_the_old_is_let_go(server: RedisServer) -> None:
    first = await made(redis=server.url, tiers={"redis": "on"})
    second = await made(first, redis={"url": server.url, "prefix": "other:"}, tiers={"redis": "on"})
    await first.close(second)
    assert first.redis is not None
    assert second.redis is not None
    assert (first.redis.is_up, second.redis.is_up) == (False, True)
    await second.close(Stores())


async def test_records_are_held_against_the_purges_of_all(server: RedisServer) -> None:
    stores = await made(redis=server.url, tiers={"redis": "on"})
    assert stores.tiers is not None
    assert stores.sharing is not None
    assert stores.tiers.marks == (stores.sharing.purges.mark,)
    assert stores.sharing.purges.mark > 0
    await stores.close(Stores())


def an_ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


async def test_a_sibling_that_was_killed_is_taken_off_the_list(server: RedisServer) -> None:
    stores = await made(redis=server.url)
    assert stores.redis is not None
    assert stores.sharing is not None
    members = b"slipstream:{purges}:members"
    name = f"{stores.sharing.member.replica}/{an_ended_process()}".encode()
    await stores.redis.call("ZADD", members, 9e15, name)
    await stores.sibling_ended()
    assert name not in await stores.redis.call("ZRANGE", members, 0, -1)
    await stores.close(Stores())


async def test_without_redis_nobody_minds_that_a_sibling_ended() -> None:
    await Stores().sibling_ended()
