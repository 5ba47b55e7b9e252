"""What an unsafe request makes unusable, in this worker and in the others (RFC 9111 §4.4)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.api import Request, Response
from plugins.cache.outbox import MOST_NAMES
from plugins.cache.store import SLICE
from tests.support.cached import FRESH, Cached, Streaming, page
from tests.support.plugins import make_response
from tests.support.streams import RecordingSink

GROUPED = {**FRESH, "Cache-Groups": '"shop"'}


async def workers(*answers: object, **settings: object) -> tuple[Cached, Cached]:
    """Two workers of one gateway, each with a store of its own."""
    made = [Cached(*answers, workers=2, **settings) for _ in range(2)]  # type: ignore[arg-type]  # handed on
    for cache, other in (made, reversed(made)):
        cache.control.others.append(other.control)
        await cache.plugin.open()
    return made[0], made[1]


async def has(cache: Cached, target: str) -> bool:
    """Whether it answers from its store."""
    await cache.ask(target)
    return cache.trail == ["fresh"]


async def test_the_other_worker_lets_go_of_it_too() -> None:
    one, two = await workers(page(FRESH))
    for target in ("/a", "/b", "/c"):
        await two.ask(target)
    await one.ask("/a", method="PUT")
    await one.settle()
    assert [await has(two, target) for target in ("/a", "/b", "/c")] == [False, True, True]


async def test_the_request_does_not_wait_for_the_others() -> None:
    one, two = await workers(page(FRESH))
    await two.ask("/a")
    await one.ask("/a", method="PUT")
    assert one.control.relayed == []
    assert await has(two, "/a")
    await one.settle()
    assert not await has(two, "/a")


async def test_what_location_names_and_groups_go_there_as_well() -> None:
    def origin(request: Request) -> Response:
        if request.method == "POST":
            return make_response(201, {"Location": "/b", "Cache-Group-Invalidation": '"shop"'})
        return make_response(200, GROUPED if request.target == b"/c" else FRESH)

    one, two = await workers(origin)
    for target in ("/a", "/b", "/c", "/d"):
        await two.ask(target)
    await one.ask("/a", method="POST")
    await one.settle()
    assert [await has(two, target) for target in ("/a", "/b", "/c", "/d")] == [False, False, False, True]


async def test_what_one_turn_brings_travels_together() -> None:
    one, _ = await workers(page(FRESH))
    for number in range(50):
        await one.ask(f"/{number % 10}", method="DELETE")
    await one.settle()
    (news,) = one.control.relayed
    assert sorted(news["urls"]) == [f"http://shop.example/{number}" for number in range(10)]


async def test_too_much_at_once_empties_the_other_and_is_counted() -> None:
    one, two = await workers(page(FRESH))
    await two.ask("/kept")
    for number in range(MOST_NAMES + 1):
        await one.ask(f"/{number}", method="DELETE")
    await one.settle()
    assert one.control.relayed == [{"all": True}]
    assert not await has(two, "/kept")
    assert one.figures.value("cache_invalidation_overflows_total") == 1


async def test_an_answer_that_the_other_asked_for_before_is_not_stored_after_it() -> None:
    origin = Streaming(FRESH)
    one, two = await workers(origin)
    (await two.ask()).stream.attach(RecordingSink())
    one.origin = two.origin  # the change comes from elsewhere
    await two.control.ask("invalidate", news={"urls": ["http://shop.example/"]})
    origin.stream.feed(b"old")
    origin.stream.finish()
    assert two.not_stored("invalidated") == 1


@pytest.mark.parametrize("error", [TimeoutError("no answer"), ConnectionError("gone")])
async def test_when_the_others_cannot_be_told_this_worker_goes_on(error: Exception) -> None:
    one, two = await workers(page(FRESH))
    one.control.fails = error
    await one.ask("/a", method="PUT")
    await one.settle()
    one.control.fails = None
    await two.ask("/b")
    await one.ask("/b", method="PUT")
    await one.settle()
    assert not await has(two, "/b")


async def test_a_sender_that_is_cancelled_leaves_the_way_to_the_next() -> None:
    one, two = await workers(page(FRESH))
    relay = slow_relay(one)
    await one.ask("/a", method="PUT")
    await relay.arrived.wait()
    await one.tasks.close()
    relay.go_on.set()
    await two.ask("/b")
    await one.ask("/b", method="PUT")
    await one.settle()
    assert not await has(two, "/b")


async def test_a_worker_alone_tells_nobody() -> None:
    cache = Cached(page(FRESH))
    await cache.plugin.open()
    await cache.ask("/a", method="PUT")
    await cache.settle()
    assert cache.control.relayed == []


async def test_what_another_route_stored_under_its_own_form_of_the_url_goes_too() -> None:
    reads = Cached(page(FRESH), route="reads", key={"query": "sort", "drop": ["utm_*"]})
    writes = Cached(page(), beside=reads, route="writes")
    for cache in (reads, writes):
        await cache.plugin.open()
    await reads.ask("/a?y=1&x=2&utm_source=z")
    await writes.ask("/a?y=1&x=2&utm_source=z", method="PUT")
    assert not await has(reads, "/a?y=1&x=2&utm_source=z")


async def test_a_large_group_goes_in_turns() -> None:
    cache = Cached(lambda request: make_response(200, GROUPED if request.method == "GET" else CHANGED))
    await cache.plugin.open()
    for number in range(3 * SLICE):
        await cache.ask(f"/{number}")
    store = cache.plugin._shared.store
    await cache.ask("/change", method="POST")
    assert len(store) == 2 * SLICE
    await cache.settle()
    assert len(store) == 0


CHANGED = {"Cache-Group-Invalidation": '"shop"'}


async def test_while_one_message_is_under_way_the_rest_gathers() -> None:
    one, _ = await workers(page(FRESH))
    relay = slow_relay(one)
    await one.ask("/0", method="PUT")
    await relay.arrived.wait()
    for number in range(1, 20):
        await one.ask(f"/{number}", method="PUT")
    relay.go_on.set()
    await one.settle()
    assert [len(news["urls"]) for news in one.control.relayed] == [1, 19]


class SlowRelay:
    """A supervisor that takes its time."""

    def __init__(self, call: Callable[..., Awaitable[dict[str, Any]]]) -> None:
        self.arrived, self.go_on = asyncio.Event(), asyncio.Event()
        self._call = call

    async def call(self, kind: str, **fields: Any) -> dict[str, Any]:
        self.arrived.set()
        await self.go_on.wait()
        return await self._call(kind, **fields)


def slow_relay(cache: Cached) -> SlowRelay:
    relay = SlowRelay(cache.control.call)
    cache.control.call = relay.call  # type: ignore[method-assign]  # in place of one that answers at once
    return relay
