"""One fetch for each key over gateways, with a real Redis: who asks the origin, who waits, and when nobody waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.api import Request, Response, UpstreamConnectError
from gateway.errors import UpstreamBrokenError
from gateway.http.dates import format_date
from plugins.cache.replicas import kind_of
from tests.support.cached import Streaming
from tests.support.caching import stored_from
from tests.support.plugins import ScriptedUpstream, make_request, make_response
from tests.support.redis import RedisServer, needs_redis, redis_server, until
from tests.support.replicated import leases_are_over, replica, replicas, waits, written

pytestmark = needs_redis

FRESH = {"Cache-Control": "max-age=600", "Cache-Tag": "shop"}


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


class Origin:
    """Answers when it is told to."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers) or [FRESH]
        self.requests: list[Request] = []
        self.gate = asyncio.Event()

    async def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        at = len(self.requests)
        await self.gate.wait()
        answer = self.answers[min(at, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return make_response(200, answer, b"answer %d" % at)


def held(cached: Any, outcome: str = "held") -> float:
    return float(cached.figures.value("sharing_leases_total", outcome=outcome))


async def test_many_gateways_ask_once(server: RedisServer) -> None:
    origin = Origin()
    async with replicas(server, origin, "A", "B", "C", "D") as caches:
        first = asyncio.ensure_future(caches[0].ask())
        await until(lambda: origin.requests)
        others = [asyncio.ensure_future(each.ask()) for each in caches[1:]]
        for each in caches[1:]:
            await waits(each)
        origin.gate.set()
        assert (await first).body == b"answer 1"
        for got in await asyncio.gather(*others):
            assert (got.body, got.why.partition(";")[0]) == (b"answer 1", "hit")
        assert len(origin.requests) == 1


async def test_content_on_its_way_to_the_first_is_waited_for_elsewhere(server: RedisServer) -> None:
    origin = Streaming({**FRESH, "Date": format_date(time.time()).decode()})
    async with replicas(server, ScriptedUpstream(origin), "A", "B") as (a, b):
        got = await a.ask()
        second = asyncio.ensure_future(b.ask())
        await waits(b)
        origin.stream.feed(b"content")
        origin.stream.finish()
        assert ((await second).body, len(origin.streams)) == (b"content", 1)
        await until(lambda: leases_are_over(a))
        got.response.discard()


async def test_content_that_breaks_off_is_fetched_elsewhere(server: RedisServer) -> None:
    origin = Streaming({**FRESH, "Date": format_date(time.time()).decode()})
    async with replicas(server, ScriptedUpstream(origin), "A", "B") as (a, b):
        got = await a.ask()
        second = asyncio.ensure_future(b.ask())
        await waits(b)
        origin.stream.fail(UpstreamBrokenError("gone"))
        assert (await second).status == 200
        assert (len(origin.streams), held(b)) == (2, 1)
        origin.stream.finish()
        await until(lambda: leases_are_over(a) and leases_are_over(b))
        got.response.discard()


async def test_an_answer_for_one_client_lets_the_others_ask_at_once(server: RedisServer) -> None:
    origin = Origin({"Cache-Control": "private, max-age=600"})
    async with replicas(server, origin, "A", "B", "C") as (a, b, c):
        first = asyncio.ensure_future(a.ask())
        await until(lambda: origin.requests)
        others = [asyncio.ensure_future(each.ask()) for each in (b, c)]
        for each in (b, c):
            await waits(each)
        origin.gate.set()
        bodies = {got.body for got in await asyncio.gather(first, *others)}
        assert bodies == {b"answer 1", b"answer 2", b"answer 3"}
        assert [(held(each), held(each, "apart")) for each in (b, c)] == [(0, 1), (0, 1)], "not one after the other"
        await a.ask()
        assert held(a) == 1  # what is known to be for one client takes no lease


async def test_after_a_failure_nobody_waits_for_the_next(server: RedisServer) -> None:
    origin = Origin(UpstreamConnectError("gone"), FRESH)
    async with replicas(server, origin, "A", "B") as (a, b):
        first = asyncio.ensure_future(a.ask())
        await until(lambda: origin.requests)
        second = asyncio.ensure_future(b.ask())
        await waits(b)
        origin.gate.set()
        with pytest.raises(UpstreamConnectError):
            await first
        assert (await second).body == b"answer 2"
        assert (held(b), held(b, "apart")) == (0, 1)


async def test_what_was_purged_while_it_was_fetched_is_not_believed(server: RedisServer) -> None:
    origin = Origin()
    async with replicas(server, origin, "A", "B", "C") as (a, b, c):
        first = asyncio.ensure_future(a.ask())
        await until(lambda: origin.requests)
        second = asyncio.ensure_future(b.ask())
        await waits(b)
        await c.control.ask("purge", tag="shop")
        origin.gate.set()
        assert (await first).body == b"answer 1"
        assert (await second).body == b"answer 2"
        await until(lambda: leases_are_over(b))
        assert (await c.ask()).body == b"answer 2"


async def test_when_a_client_leaves_another_gateway_asks(server: RedisServer) -> None:
    origin = Origin()
    async with replicas(server, origin, "A", "B") as (a, b):
        first = asyncio.ensure_future(a.ask())
        await until(lambda: origin.requests)
        second = asyncio.ensure_future(b.ask())
        await waits(b)
        first.cancel()
        await until(lambda: len(origin.requests) == 2)
        origin.gate.set()
        assert (await second).body == b"answer 2"


async def test_when_redis_goes_each_asks_for_itself(server: RedisServer) -> None:
    origin = Origin()
    async with replicas(server, origin, "A", "B") as (a, b):
        first = asyncio.ensure_future(a.ask())
        await until(lambda: origin.requests)
        second = asyncio.ensure_future(b.ask())
        await waits(b)
        server.kill()
        await until(lambda: len(origin.requests) == 2)
        origin.gate.set()
        assert {(await first).body, (await second).body} == {b"answer 1", b"answer 2"}


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("HEAD", {}),
        ("GET", {"Range": "bytes=0-1"}),
        ("GET", {"Authorization": "Basic eA=="}),
        ("GET", {"Cache-Control": "no-cache"}),
        ("GET", {"Cache-Control": "no-store"}),
    ],
)
async def test_what_is_about_one_request_takes_no_lease(
    server: RedisServer, method: str, fields: dict[str, str]
) -> None:
    origin = Origin()
    origin.gate.set()
    async with replicas(server, origin, "A") as (a,):
        await a.ask(fields=fields, method=method)
        assert held(a) == 0
        await a.ask("/other")
        assert held(a) == 1


async def test_a_hit_asks_redis_for_nothing(server: RedisServer) -> None:
    origin = Origin()
    origin.gate.set()
    async with replicas(server, origin, "A") as (a,):
        await a.ask()
        await written(a)
        before = {command: server.calls(command) for command in ("evalsha", "get", "mget")}
        for _ in range(10):
            assert (await a.ask()).why.startswith("hit")
        assert {command: server.calls(command) for command in before} == before


async def test_variants_are_fetched_beside_each_other_once_that_is_known(server: RedisServer) -> None:
    origin = Origin({**FRESH, "Vary": "X-Kind"})
    async with replicas(server, origin, "A", "B") as (a, b):
        origin.gate.set()
        await a.ask(fields={"X-Kind": "0"})
        await written(a)
        assert (await b.ask(fields={"X-Kind": "0"})).body == b"answer 1"
        origin.gate.clear()
        ones = [asyncio.ensure_future(each.ask(fields={"X-Kind": "1"})) for each in (a, b)]
        two = asyncio.ensure_future(b.ask(fields={"X-Kind": "2"}))
        await until(lambda: len(origin.requests) == 3)
        origin.gate.set()
        bodies = [got.body for got in await asyncio.gather(*ones, two)]
        assert len(set(bodies)) == 2
        assert bodies[0] == bodies[1]
        assert len(origin.requests) == 3


@pytest.mark.parametrize(("one", "other"), [(5.0, -5.0), (-5.0, 5.0)])
async def test_clocks_that_differ_make_nothing_wrong(server: RedisServer, one: float, other: float) -> None:
    origin = Origin()
    async with replica(server, origin, "A", skew=one) as a, replica(server, origin, "B", skew=other) as b:
        first = asyncio.ensure_future(a.ask())
        await until(lambda: origin.requests)
        second = asyncio.ensure_future(b.ask())
        await waits(b)
        origin.gate.set()
        assert {(await first).body, (await second).body} <= {b"answer 1", b"answer 2"}
        asked = len(origin.requests)
        for purger, reader in ((a, b), (b, a)):
            told = await purger.control.ask("purge", tag="shop")
            assert len(told["replicas"]["acknowledged"]) == 1
            assert (await reader.ask()).body == b"answer %d" % (asked + 1)
            asked = len(origin.requests)
            await until(lambda: leases_are_over(a) and leases_are_over(b))


def test_a_kind_is_what_the_stored_responses_differ_in() -> None:
    request = make_request(fields={"X-Kind": "1", "Other": "x"})
    assert kind_of(request, None) == b""
    assert kind_of(request, [stored_from(FRESH)]) == b""
    varied = stored_from({**FRESH, "Vary": "X-Kind"}, request=make_request(fields={"X-Kind": "0"}))
    assert kind_of(request, [varied]) == b"x-kind:1"
