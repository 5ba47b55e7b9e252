"""Sweeps between an administrator and a scripted origin: what is asked, what is believed, what is counted."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.api import CircuitOpenError, Request, Response, UpstreamConnectError
from gateway.errors import UpstreamBrokenError
from tests.plugins.cache.test_tiered import machine
from tests.support.cached import TAGGED, Cached, Streaming, page
from tests.support.caching import date
from tests.support.circuits import until
from tests.support.plugins import Answer, ScriptedUpstream, make_response

PAGES = 6


def shop(request: Request) -> Response:
    """Pages that never change."""
    if request.fields.get(b"if-none-match") == b'"a"':
        return page(TAGGED, b"", 304)(request)
    return page(TAGGED, request.target)(request)


class Swept:
    """A cache with some pages in it, and a sweep of them."""

    def __init__(self, *then: Answer, **settings: Any) -> None:
        self.cached = Cached(shop, **settings)
        self.then = then

    async def begin(self, **wanted: Any) -> list[int]:
        """Fill it, let the origin be what it is to be from now on, and look for what is meant."""
        cached = self.cached
        for number in range(PAGES):
            await cached.ask(f"/{number}", at=0.0)
        await cached.plugin.open()
        cached.to(10.0)
        cached.origin = ScriptedUpstream(*(self.then or (shop,)))
        cached.handle = cached.plugin.wrap(cached.origin)
        found = await cached.control.ask("sweep_scan", run="1", **wanted)
        rows = (await cached.control.ask("sweep_rows", run="1", offset=0))["rows"]
        assert len(rows) == found["count"]
        cached.to(11.0)
        return [row[0] for row in rows]

    async def ask(self, numbers: list[int], **said: Any) -> dict[str, Any]:
        """One batch."""
        order = {"run": "1", "numbers": numbers, "concurrency": 2, "seconds": 60.0, **said}
        answer: dict[str, Any] = await self.cached.control.ask("sweep default", **order)
        await self.cached.settle()
        return answer


async def test_what_has_not_changed_costs_a_304_and_is_fresh_anew() -> None:
    swept = Swept(page({**TAGGED, "Date": date(11)}, b"", 304))
    numbers = await swept.begin()
    result = await swept.ask(numbers)
    assert result["counts"] == {"confirmed": PAGES}
    assert result["octets_saved"] == 2 * PAGES
    assert (result["left"], result["rest"], result["changed"]) == ([], None, [])
    assert all(request.fields.get(b"if-none-match") == b'"a"' for request in swept.cached.origin.requests)
    assert (await swept.cached.ask("/0", at=65.0)).why.startswith("hit")
    await swept.cached.calls(PAGES)


async def test_what_has_changed_is_new_for_everybody() -> None:
    swept = Swept(page({**TAGGED, "ETag": '"b"'}, b"new"))
    numbers = await swept.begin()
    result = await swept.ask(numbers[:1])
    assert (result["counts"], result["changed"], result["octets_fetched"]) == ({"changed": 1}, numbers[:1], 3)
    target = swept.cached.origin.requests[0].target.decode()
    assert (await swept.cached.ask(target)).body == b"new"


async def test_an_origin_that_knows_no_validators_is_told_apart() -> None:
    swept = Swept(lambda request: page(TAGGED, request.target)(request))
    assert (await swept.ask(await swept.begin()))["counts"] == {"same": PAGES}


async def test_what_is_gone_does_not_stay() -> None:
    swept = Swept(page({"Cache-Control": "no-store"}, b"", 404))
    numbers = await swept.begin()
    result = await swept.ask(numbers)
    assert (result["counts"], len(result["changed"])) == ({"gone": PAGES}, PAGES)
    assert swept.cached.shown("cache_entries") == 0


async def streamed(origin: Streaming) -> asyncio.Future[dict[str, Any]]:
    """A sweep of one page, whose content is on its way."""
    swept = Swept(origin)
    numbers = await swept.begin()
    asking = asyncio.ensure_future(swept.ask(numbers[:1]))
    await until(lambda: bool(origin.streams))
    origin.stream.feed(b"new")
    return asking


async def test_content_that_is_stored_is_waited_for() -> None:
    origin = Streaming({**TAGGED, "ETag": '"b"'})
    asking = await streamed(origin)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not asking.done()
    origin.stream.finish()
    result = await asking
    assert (result["counts"], result["octets_fetched"]) == ({"changed": 1}, 3)
    assert origin.sent == [True]


async def test_content_that_breaks_off_is_a_failure_and_holds_nothing_any_more() -> None:
    origin = Streaming({**TAGGED, "ETag": '"b"'})
    asking = await streamed(origin)
    origin.stream.fail(UpstreamBrokenError("gone"))
    assert (await asking)["counts"] == {"failed": 1}
    assert origin.sent == [False]


async def test_when_whoever_ordered_it_leaves_nothing_is_held_any_more() -> None:
    origin = Streaming({**TAGGED, "ETag": '"b"'})
    asking = await streamed(origin)
    asking.cancel()
    await until(lambda: origin.sent == [False])


async def test_content_that_is_not_stored_is_not_waited_for() -> None:
    origin = Streaming({"Cache-Control": "no-store"})
    assert (await (await streamed(origin)))["counts"] == {"changed": 1}
    assert "cancel" in origin.sources[0].told


async def test_what_could_not_be_asked_about_rests_and_what_was_answered_does_not() -> None:
    trouble, well = page((), b"", 500), page({**TAGGED, "Date": date(11)}, b"", 304)
    swept = Swept(trouble, well)
    numbers = await swept.begin()
    assert (await swept.ask(numbers[:2], concurrency=1))["counts"] == {"failed": 1, "confirmed": 1}
    swept.cached.to(11.5)
    await swept.cached.control.ask("sweep_scan", run="1")
    assert (await swept.ask(numbers[:2], concurrency=1))["counts"] == {"recent": 1, "confirmed": 1}


async def test_what_another_worker_has_had_confirmed_is_left_alone(tmp_path: Path) -> None:
    def origin(request: Request) -> Response:
        return make_response(304 if b"if-none-match" in request.fields else 200, TAGGED, b"")

    order = {"run": "1", "numbers": [0], "concurrency": 1, "seconds": 60.0}
    async with machine(tmp_path) as m:
        one, two = await m.worker(origin), await m.worker(origin)
        for worker in (one, two, two):  # the second use brings it into memory
            await worker.ask("/a")
            await m.written()
        for worker in (one, two):
            assert (await worker.control.ask("sweep_scan", run="1"))["count"] == 1
            worker.to(5.0)
        assert (await one.control.ask("sweep default", **order))["counts"] == {"confirmed": 1}
        await m.written()
        assert (await two.control.ask("sweep default", **order))["counts"] == {"recent": 1}
        await two.calls(0)


async def test_what_was_asked_about_meanwhile_is_left_alone() -> None:
    swept = Swept()
    numbers = await swept.begin()
    await swept.ask(numbers[:2])
    assert (await swept.ask(numbers))["counts"] == {"recent": 2, "confirmed": PAGES - 2}


async def test_what_left_meanwhile_is_not_asked_about() -> None:
    swept = Swept()
    numbers = await swept.begin()
    await swept.cached.control.ask("purge", all=True)
    assert (await swept.ask(numbers))["counts"] == {"vanished": PAGES}
    await swept.cached.calls(0)


async def test_a_purge_while_it_is_asked_about_holds() -> None:
    swept = Swept()
    numbers = await swept.begin()
    entered, gate = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        entered.set()
        await gate.wait()
        return shop(request)

    swept.cached.handle = swept.cached.plugin.wrap(slow)
    asking = asyncio.ensure_future(swept.ask(numbers[:1]))
    await entered.wait()
    await swept.cached.control.ask("purge", all=True)
    gate.set()
    await asking
    assert swept.cached.shown("cache_entries") == 0


@pytest.mark.parametrize(
    ("trouble", "rest"),
    [
        (page({"Retry-After": "17"}, b"", 503), 17.0),
        (page({"Retry-After": "3"}, b"", 429), 3.0),
        (CircuitOpenError("open", retry_after=8.0), 8.0),
    ],
)
async def test_an_origin_that_wants_to_be_left_alone_is(trouble: Answer, rest: float) -> None:
    swept = Swept(trouble, stale_if_error="1h")
    numbers = await swept.begin()
    result = await swept.ask(numbers)
    assert (result["rest"], sorted(result["left"]), result["counts"]) == (rest, numbers, {})
    assert len(swept.cached.origin.requests) <= 2, "one for each that was under way"
    assert (await swept.cached.ask("/0")).why.startswith("hit"), "what is stored stays"


@pytest.mark.parametrize(
    ("trouble", "why"), [(UpstreamConnectError("refused"), "connect"), (page((), b"", 500), "status 500")]
)
async def test_an_origin_that_fails_is_counted_and_named(trouble: Answer, why: str) -> None:
    swept = Swept(trouble)
    numbers = await swept.begin()
    result = await swept.ask(numbers[:2])
    assert result["counts"] == {"failed": 2}
    assert {failure["why"] for failure in result["failures"]} == {why}
    assert result["failures"][0]["url"].startswith("http://shop.example/")
    assert swept.cached.shown("cache_entries") == PAGES


@pytest.mark.parametrize("status", [401, 403, 418])
async def test_what_a_sweep_is_refused_takes_no_ones_place(status: int) -> None:
    swept = Swept(page(TAGGED, b"who are you?", status), negative={"4xx": "1h"})
    numbers = await swept.begin()
    assert (await swept.ask(numbers[:1]))["counts"] == {"failed": 1}
    assert (await swept.cached.ask("/0")).why.startswith("hit")
    assert swept.cached.shown("cache_entries") == PAGES


async def test_a_plugin_that_breaks_is_counted_and_the_others_are_asked_about() -> None:
    swept = Swept()
    numbers = await swept.begin()

    async def breaking(request: Request) -> Response:
        if request.target == b"/3":
            raise RuntimeError("boom")
        return shop(request)

    swept.cached.handle = swept.cached.plugin.wrap(breaking)
    assert (await swept.ask(numbers))["counts"] == {"confirmed": PAGES - 1, "failed": 1}


async def test_a_batch_ends_with_its_sweep() -> None:
    swept = Swept()
    numbers = await swept.begin()
    asked = 0

    async def ending(request: Request) -> Response:
        nonlocal asked
        asked += 1
        await swept.cached.control.ask("sweep_end", run="1")
        return shop(request)

    swept.cached.handle = swept.cached.plugin.wrap(ending)
    result = await swept.ask(numbers, concurrency=1)
    assert (asked, result["counts"], len(result["left"])) == (1, {"confirmed": 1}, PAGES - 1)
    with pytest.raises(LookupError):
        await swept.ask(numbers)


async def test_a_batch_goes_on_only_so_long() -> None:
    swept = Swept()
    numbers = await swept.begin()
    result = await swept.ask(numbers, seconds=0.0)
    assert (result["counts"], result["left"]) == ({}, numbers)


async def test_only_what_is_chosen_is_asked_about() -> None:
    swept = Swept()
    assert len(await swept.begin(prefixes=["http://shop.example/3"])) == 1
    assert await swept.begin(routes=["other"]) == []


async def test_no_more_than_the_concurrency_is_under_way() -> None:
    swept = Swept()
    numbers = await swept.begin()
    under_way = most = 0

    async def counting(request: Request) -> Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(5):
            await asyncio.sleep(0)
        under_way -= 1
        return shop(request)

    swept.cached.handle = swept.cached.plugin.wrap(counting)
    assert (await swept.ask(numbers, concurrency=3))["counts"] == {"confirmed": PAGES}
    assert most == 3


async def test_what_is_confirmed_is_told_to_the_other_workers() -> None:
    swept = Swept(workers=2)
    numbers = await swept.begin()
    await swept.ask(numbers)
    assert sum(map(len, swept.cached.control.relayed)) == PAGES


async def test_after_a_reload_the_sweep_goes_on() -> None:
    swept = Swept()
    numbers = await swept.begin()
    reloaded = Cached(shop, beside=swept.cached)
    await reloaded.plugin.open()
    await swept.cached.plugin.close()
    assert (await swept.ask(numbers))["counts"] == {"confirmed": PAGES}
    assert len(reloaded.origin.requests) == PAGES
    await reloaded.plugin.close()
