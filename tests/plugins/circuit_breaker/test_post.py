"""Circuits of several gateways, with a real Redis. Workers of one gateway are in `test_plugin_workers.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.api import SettingError, UpstreamConnectError
from gateway.figures.registry import Figures
from gateway.sharing.members import Member
from gateway.sharing.sharing import Sharing
from tests.support.circuits import Guarded, Wire, failing
from tests.support.plugins import ScriptedUpstream
from tests.support.redis import RedisServer, needs_redis, redis_client, redis_server, until

pytestmark = needs_redis

NAME = "server:app/http://a"
DOWN = failing(UpstreamConnectError("refused"))


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@asynccontextmanager
async def gateway(server: RedisServer, name: str, **settings: Any) -> AsyncIterator[Guarded]:
    async with redis_client(server) as redis:
        wire = Wire()

        async def hand(kind: str, message: dict[str, Any]) -> Any:
            return await wire.handlers[kind](message)

        sharing = Sharing(redis, Figures.in_memory(), hand, member=Member(name, "0", redis.prefix))
        guarded = Guarded(ScriptedUpstream(DOWN), control=wire, sharing=sharing, **settings)
        await guarded.open()
        await sharing.open()
        yield guarded
        await guarded.plugin.close()
        await sharing.close()


async def test_where_it_is_wanted_a_circuit_that_opens_opens_in_other_gateways(server: RedisServer) -> None:
    async with gateway(server, "A", share="redis") as a, gateway(server, "B", share="redis") as b:
        for _ in range(2):
            await a.get()
        await until(lambda: b.states() == {NAME: "open"})


async def test_otherwise_each_gateway_finds_out_by_itself(server: RedisServer) -> None:
    async with (
        gateway(server, "A", share="redis") as a,
        gateway(server, "B") as b,
        gateway(server, "C", share="redis") as c,
    ):
        for _ in range(2):
            await a.get()
        await until(lambda: c.states() == {NAME: "open"})
        assert b.states() == {}


async def test_other_gateways_hear_what_changes_and_not_the_question_of_a_new_worker(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(server, "A", share="redis", workers=2) as a:
        told: list[Any] = []
        assert a.runtime.sharing is not None
        monkeypatch.setattr(a.runtime.sharing.news, "tell", lambda kind, news: told.append(news))
        for sweep in list(a.runtime.at_each_sweep):
            sweep()
        for _ in range(2):
            await a.get()
        await until(lambda: len(a.runtime.tasks) == 0)
        assert [[each["state"] for each in news] for news in told] == [["open"]]


async def test_others_are_listened_to_as_long_as_a_route_wants_it(server: RedisServer) -> None:
    async with gateway(server, "A", share="redis") as guarded:
        sharing, other = guarded.runtime.sharing, guarded.make(share="redis")
        assert sharing is not None
        await other.open()
        await other.close()
        assert sharing.news.kinds == {"circuit"}
        await guarded.plugin.close()
        assert sharing.news.kinds == set()


async def test_without_redis_it_is_a_mistake() -> None:
    guarded = Guarded(ScriptedUpstream(DOWN), share="redis")
    with pytest.raises(SettingError, match="no redis"):
        await guarded.open()
