"""First uses of what the host tier has: the same answers as memory gives, from the tier itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.api import Decision, Request, Response
from gateway.http.message import OWN
from plugins.cache.glance import LARGEST
from plugins.cache.reasons import HitReason
from tests.plugins.cache.test_tiered import Machine, machine, now_page
from tests.support.cached import FRESH, TAGGED, Cached
from tests.support.plugins import make_request, make_response

LATER = {"Cache-Control": "max-age=60", "Content-Type": "text/plain", "X-Two": "2"}


@asynccontextmanager
async def stored(folder: Path, answer: Any, *asked: dict[str, str], **settings: Any) -> AsyncIterator[Machine]:
    """A machine whose tier has what the origin answered to requests with those fields."""
    async with machine(folder) as m:
        one = await m.worker(answer, **settings)
        for fields in asked or ({},):
            await one.ask("/a", fields)
        await m.written()
        yield m


def entries(cached: Cached) -> float:
    return cached.shown("cache_entries")


@pytest.mark.parametrize(
    ("fields", "status", "settings"),
    [
        (LATER, 200, {}),
        (TAGGED, 200, {}),
        (LATER, 200, {"etag": False}),
        ({**LATER, "Cache-Control": "max-age=60, no-transform"}, 200, {}),
        (LATER, 404, {}),
        (LATER, 200, {"cache_status": False}),
        ({**LATER, "Age": "7"}, 200, {}),
        ({**LATER, "Cache-Status": "far; hit"}, 200, {}),
    ],
)
async def test_it_is_the_answer_that_memory_gives(
    tmp_path: Path, fields: dict[str, str], status: int, settings: dict[str, Any]
) -> None:
    async with stored(tmp_path, now_page(fields, status=status), **settings) as m:
        two = await m.worker(now_page(FRESH, b"new"), **settings)
        first = await two.ask("/a")
        assert entries(two) == 0
        second = await two.ask("/a")
        assert entries(two) == 1
        assert list(first.response.fields) == list(second.response.fields)
        assert (first.status, first.body) == (second.status, second.body) == (status, b"content")
        assert first.response.fields.encode_with_length(7) == second.response.fields.encode_with_length(7)
        assert first.response.dated
        assert two.counted("fresh") == 2
        assert two.trail == ["fresh"]
        await two.calls(0)


async def test_a_reason_phrase_of_the_origins_own_is_kept(tmp_path: Path) -> None:
    def origin(request: Request) -> Response:
        response = make_response(200, FRESH, b"content")
        response.reason = b"Fine"
        return response

    async with stored(tmp_path, origin) as m:
        got = await (await m.worker(now_page(FRESH, b"new"))).ask("/a")
        assert got.response.reason == b"Fine"


async def test_it_takes_no_task_and_no_plan(tmp_path: Path) -> None:
    async with stored(tmp_path, now_page(FRESH)) as m:
        two = await m.worker(now_page(FRESH, b"new"))
        await two.ask("/a")
        assert two.at_once == 1


async def test_of_several_the_one_that_fits_answers(tmp_path: Path) -> None:
    def origin(request: Request) -> Response:
        return make_response(200, {**FRESH, "Vary": "Accept"}, request.fields.get(b"accept") or b"none")

    asked: tuple[dict[str, str], ...] = ({"Accept": "text/a"}, {"Accept": "text/b"}, {})
    async with stored(tmp_path, origin, *asked) as m:
        two = await m.worker(now_page(FRESH, b"new"))
        assert (await two.ask("/a", {"Accept": "text/b"})).body == b"text/b"
        assert entries(two) == 0
        assert (await two.ask("/a", {"Accept": "text/c"})).body == b"new"


@pytest.mark.parametrize(
    ("fields", "method"),
    [
        ({"If-None-Match": '"a"'}, "GET"),
        ({"Range": "bytes=0-1"}, "GET"),
        ({"Cache-Control": "max-age=30"}, "GET"),
        ({"Pragma": "x"}, "GET"),
        ({}, "HEAD"),
    ],
)
async def test_what_is_not_plain_is_answered_by_memory(tmp_path: Path, fields: dict[str, str], method: str) -> None:
    async with stored(tmp_path, now_page(TAGGED)) as m:
        two = await m.worker(now_page(FRESH, b"new"))
        await two.ask("/a", fields, method=method)
        assert entries(two) == 1
        await two.calls(0)


async def test_what_is_large_is_brought_into_memory(tmp_path: Path) -> None:
    async with stored(tmp_path, now_page(FRESH, bytes(LARGEST))) as m:
        two = await m.worker(now_page(FRESH, b"new"))
        assert len((await two.ask("/a")).body) == LARGEST
        assert entries(two) == 1


async def test_what_the_gateway_asks_for_itself_fills_memory(tmp_path: Path) -> None:
    async with stored(tmp_path, now_page(FRESH)) as m:
        two = await m.worker(now_page(FRESH, b"new"))
        request = Request("GET", b"/a", (await _asked(two)).fields, authority=b"shop.example")
        request.trail.append(Decision(OWN, HitReason.FRESH))
        assert (await two.handle(request)).body == b"content"
        assert entries(two) == 1
        assert two.counted("fresh") == 0


async def _asked(cached: Cached) -> Request:
    """A request as the listener makes it."""
    seen: list[Request] = []

    async def origin(request: Request) -> Response:
        seen.append(request)
        return make_response(200, {}, b"")

    await Cached(origin=origin).ask("/other")
    return seen[0]


@pytest.mark.parametrize("soft", [True, False])
async def test_a_purge_holds_at_once(tmp_path: Path, soft: bool) -> None:
    async with stored(tmp_path, now_page({**FRESH, "Cache-Tag": "t"})) as m:
        two = await m.worker(now_page(FRESH, b"new"))
        await two.control.ask("purge", tag="t", soft=soft)
        await two.ask("/a")
        assert two.trail != ["fresh"]


async def test_with_something_in_memory_memory_decides(tmp_path: Path) -> None:
    async with stored(tmp_path, now_page(FRESH)) as m:
        two = await m.worker(now_page({"Cache-Control": "max-age=1", "Vary": "X"}, b"own"))
        await two.ask("/a", {"X": "1", "Cache-Control": "no-cache"})
        before = two.at_once
        assert (await two.ask("/a")).body in (b"content", b"own")
        assert two.at_once == before


async def test_a_key_whose_answers_cannot_be_stored_is_not_looked_for(tmp_path: Path) -> None:
    async with machine(tmp_path) as m:
        one = await m.worker(now_page({"Cache-Control": "no-store"}))
        await one.ask("/a")
        looks = m.looks
        await one.ask("/a")
        assert m.looks == looks


async def test_what_the_short_way_did_not_find_the_long_way_does_not_look_for(tmp_path: Path) -> None:
    async with machine(tmp_path) as m:
        one = await m.worker(now_page(FRESH))
        for looks in (1, 2):
            await one.ask(f"/{looks}")
            assert one.figures.value("cache_requests_total", route="default", outcome="uri_miss") == looks
            assert m.looks == looks


async def test_memory_gets_it_with_the_second_use(tmp_path: Path) -> None:
    async with stored(tmp_path, now_page(FRESH)) as m:
        two = await m.worker(now_page(FRESH, b"new"))
        for uses in (0, 1, 1):
            assert (await two.ask("/a")).body == b"content"
            assert entries(two) == uses


async def test_a_head_that_never_came_before_is_answered_too_where_there_is_a_short_way_behind(tmp_path: Path) -> None:
    async with stored(tmp_path, now_page(FRESH)) as m:
        two = await m.worker(now_page(FRESH, b"new"))
        asked: list[Request] = []
        short = two.plugin.wrap_at_once(lambda request: asked.append(request))
        assert short is not None
        request = make_request("GET", "/a", {})
        request.fields.notes = None
        request.started = two.clock.monotonic()
        response = short(request)
        assert response is not None
        assert (response.body, asked) == (b"content", [])
