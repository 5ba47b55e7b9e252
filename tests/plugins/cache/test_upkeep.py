"""What the cache asks the origin of its own accord, ahead of the end of a lifetime."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from gateway.api import CircuitOpenError, Request, Response
from plugins.cache.codec import decode, encode
from plugins.cache.stored import StoredResponse
from plugins.cache.tiered import Tiered
from tests.support.cached import TAGGED, Cached, page
from tests.support.caching import date
from tests.support.plugins import ScriptedUpstream

AHEAD: dict[str, Any] = {"refresh_ahead": {}}


def confirming(request: Request) -> Response:
    """Confirms what it is asked about, and otherwise answers."""
    if b"if-none-match" in request.fields:
        return page(TAGGED, b"", 304)(request)
    return page(TAGGED)(request)


def dated(cached: Cached, answer: Any) -> Any:
    """The same answer with the Date of the moment."""

    def answered(request: Request) -> Response:
        response: Response = answer(request)
        response.fields.set(b"Date", date(cached.clock.monotonic()).encode())
        return response

    return answered


def popular(*answers: Any, **settings: Any) -> Cached:
    cached = Cached(**(AHEAD | settings))
    cached.origin = ScriptedUpstream(*(dated(cached, answer) for answer in answers or (confirming,)))
    cached.handle = cached.plugin.wrap(cached.origin)
    return cached


async def visit(cached: Cached, until: float, each: float = 0.05) -> list[str]:
    """Requests at that distance; how each of them was answered."""
    seen = []
    at: float = cached.clock.monotonic()
    while at < until:
        got = await cached.ask(at=at)
        seen.append(got.why.partition(";")[0])
        await cached.settle()
        at += each
    return seen


async def test_what_is_popular_is_fresh_through_many_lifetimes_and_nobody_waits() -> None:
    cached = popular()
    seen = await visit(cached, 600.0)
    assert seen[0] == "fwd=uri-miss"
    assert set(seen[1:]) == {"hit"}
    assert 10 <= len(cached.origin.requests) <= 13
    assert cached.figures.value("cache_refreshes_ahead_total", route="default", result="begun") >= 9
    assert cached.at_once > len(seen) * 0.9, "hits go the short way nearly always"


async def test_without_the_setting_it_expires() -> None:
    cached = popular(refresh_ahead="off")
    assert "fwd=stale" in await visit(cached, 90.0)


async def test_what_is_used_rarely_expires() -> None:
    cached = popular()
    assert "fwd=stale" in await visit(cached, 130.0, each=7.0)


async def test_a_changed_answer_takes_the_place_of_the_old_one() -> None:
    cached = popular(page(TAGGED, b"old"), page({**TAGGED, "ETag": '"b"'}, b"new"))
    assert set((await visit(cached, 61.0))[1:]) == {"hit"}
    assert (await cached.ask()).body == b"new"


async def test_the_conditions_of_the_client_stay_with_it() -> None:
    cached = popular()
    await visit(cached, 54.0)
    while len(cached.origin.requests) < 2:
        await cached.ask(fields={"If-None-Match": '"other"', "Range": "bytes=0-1"}, at=cached.clock.monotonic() + 0.05)
        await cached.settle()
    assert cached.sent("if-none-match") == '"a"'
    assert cached.sent("range") is None


async def test_an_origin_in_trouble_is_not_asked_for_every_hit() -> None:
    cached = popular()
    cached.origin = ScriptedUpstream(dated(cached, confirming), CircuitOpenError("open"))
    cached.handle = cached.plugin.wrap(cached.origin)
    seen = await visit(cached, 60.0)
    assert set(seen[1:]) == {"hit"}
    assert 2 <= len(cached.origin.requests) <= 8


class Tier:
    """A tier that has everything again, as of so many seconds later."""

    def __init__(self, cached: Cached, later: float) -> None:
        self._store = cached.plugin._shared.store
        self._later = later

    def look(self, key: bytes, variants: Sequence[StoredResponse] | None) -> bool:
        for stored in variants or ():
            self._store.put(decode(encode(stored, 0.0) + stored.body, -self._later))
        return True


@pytest.mark.parametrize(("later", "result"), [(0.00001, "begun"), (30.0, "shared")])
async def test_what_a_tier_has_counts_if_it_is_really_newer(later: float, result: str) -> None:
    cached = popular()
    await cached.ask()
    cached.plugin._upkeep._tiered = cast(Tiered, Tier(cached, later))
    await visit(cached, 59.9)
    assert cached.figures.value("cache_refreshes_ahead_total", route="default", result=result) >= 1
    assert (await cached.ask(at=60.1)).why.startswith("hit")


async def test_many_requests_at_the_moment_ask_once() -> None:
    cached = popular()
    gate = asyncio.Event()

    async def slow(request: Request) -> Response:
        cached.origin.requests.append(request)
        if len(cached.origin.requests) > 1:
            await gate.wait()
        response: Response = dated(cached, confirming)(request)
        return response

    cached.handle = cached.plugin.wrap(slow)
    at = 0.0
    while at < 59.9:
        assert (await cached.ask(at=at)).body == b"content"
        await asyncio.sleep(0)
        at += 0.05
    assert len(cached.origin.requests) <= 3
    gate.set()
    await cached.settle()


async def test_what_one_worker_had_confirmed_the_others_do_not_ask_about() -> None:
    one, other = popular(workers=2), popular(workers=2)
    other.clock = one.clock
    await one.plugin.open()
    await other.plugin.open()
    one.control.others = [other.control]
    other.control.others = [one.control]
    await one.ask()
    await other.ask()
    await visit(one, 59.9)
    other.to(59.9)
    assert one.control.relayed, "it told what was confirmed"
    assert (await other.ask()).why.startswith("hit; ttl=5")
    assert len(other.origin.requests) == 1
    for each in (one, other):
        await each.plugin.close()


@pytest.mark.parametrize("failure", [TimeoutError("late"), ConnectionError("gone")])
async def test_a_supervisor_that_does_not_answer_is_no_obstacle(failure: Exception) -> None:
    one = popular(workers=2)
    one.control.fails = failure
    seen = await visit(one, 130.0)
    assert set(seen[1:]) == {"hit"}
    assert len(one.control.relayed) >= 2


async def test_after_its_end_it_asks_nobody() -> None:
    cached = popular()
    await visit(cached, 54.0)
    await cached.plugin.open()
    await cached.plugin.close()
    before = len(cached.origin.requests)
    await visit(cached, 59.0)
    assert len(cached.origin.requests) == before
