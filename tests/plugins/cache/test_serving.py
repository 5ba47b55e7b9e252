"""The short way of a hit: the same answer as the long way gave, until anything that decided it is another."""

from typing import Any

import pytest

from gateway.api import Response
from tests.support.cached import Cached, page

FRESH = {"Cache-Control": "max-age=60", "Cache-Tag": "a"}


async def warm(*answers: Any, times: int = 3, **settings: Any) -> Cached:
    cached = Cached(*(answers or (page(FRESH),)), **settings)
    for _ in range(times):
        await cached.ask()
    assert cached.at_once == max(0, times - 2)
    return cached


async def test_the_third_request_with_the_same_head_is_answered_without_a_plan() -> None:
    cached = await warm(times=5)
    await cached.calls(1)
    assert cached.counted("fresh") == 4


async def test_it_is_the_answer_of_the_long_way() -> None:
    cached = await warm(times=2)
    long = await cached.ask(fields={"X": "another head"}, at=7.5)
    short = await cached.ask()
    assert cached.at_once == 1
    assert (short.status, list(short.response.fields), short.body) == (200, list(long.response.fields), long.body)
    assert short["Age"] == "8"
    assert cached.trail == ["fresh"]


async def test_when_it_is_no_longer_fresh_the_origin_is_asked() -> None:
    cached = await warm(page(FRESH), page(FRESH, b"new"))
    assert (await cached.ask(at=60.0)).body == b"new"


@pytest.mark.parametrize("soft", [True, False])
async def test_a_purge_ends_it(soft: bool) -> None:
    cached = await warm(page(FRESH), page(FRESH, b"new"))
    await cached.plugin.open()
    await cached.control.ask("purge", all=True, soft=soft)
    await cached.ask()
    await cached.settle()
    assert (await cached.ask()).body == b"new"


async def test_a_variant_that_comes_later_is_asked_about_anew() -> None:
    def shop(request: Any) -> Response:
        varies = request.fields.get(b"x") is not None
        return page({**FRESH, **({"Vary": "X"} if varies else {})}, b"varies" if varies else b"plain")(request)

    cached = await warm(shop)
    await cached.ask(fields={"X": "1", "Cache-Control": "no-cache"})
    await cached.ask()
    assert cached.at_once == 1, "what answers now is to be decided again"


@pytest.mark.parametrize("changed", ["target", "authority", "scheme", "method", "fields"])
async def test_what_a_plugin_in_front_changed_goes_the_long_way(changed: str) -> None:
    cached = await warm()
    request = next(iter(cached.heads.values()))
    request.fields = request.fields.again()
    at_once = cached.plugin.wrap_at_once(None)
    assert at_once is not None
    assert at_once(request) is not None
    match changed:
        case "target":
            request.target = b"/other"
        case "authority":
            request.authority = b"other.example"
        case "scheme":
            request.scheme = "https"
        case "method":
            request.method = "HEAD"
        case _:
            request.fields.set(b"X", b"y")
    assert at_once(request) is None


async def test_while_the_replay_lane_wants_the_answer_it_gets_one_from_the_long_way() -> None:
    cached = await warm()
    request = next(iter(cached.heads.values()))
    request.fields = request.fields.again()
    request.offers_replay = 1
    at_once = cached.plugin.wrap_at_once(None)
    assert at_once is not None
    assert at_once(request) is None
    assert (await cached.handle(request)).replay is not None


async def test_without_a_lane_nothing_is_made_for_it() -> None:
    cached = await warm()
    assert (await cached.ask(fields={"X": "y"})).response.replay is None
