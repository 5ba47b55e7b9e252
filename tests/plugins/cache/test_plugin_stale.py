"""When something stale answers, and that nothing stale answers otherwise (RFC 9111 §4.2.4, RFC 5861)."""

import asyncio

import pytest

from gateway.api import (
    CircuitOpenError,
    GatewayError,
    OverloadedError,
    Request,
    Response,
    UpstreamConnectError,
    UpstreamTimeoutError,
)
from tests.support.cached import TAGGED, Cached, Streaming, page
from tests.support.caching import date
from tests.support.plugins import make_request, without_waiting

SWR = {**TAGGED, "Cache-Control": "max-age=60, stale-while-revalidate=100"}
SIE = {**TAGGED, "Cache-Control": "max-age=60, stale-if-error=100"}
REFUSED = UpstreamConnectError("refused")


async def test_the_stale_response_answers_at_once_and_is_refreshed_behind() -> None:
    cache = Cached(page(SWR), page({**SWR, "Date": date(70), "ETag": '"b"'}, b"new"))
    await cache.ask(at=0)
    got = await cache.ask(at=70)
    assert (got.body, got["Age"]) == (b"content", "70")
    assert got.why == "hit; ttl=-10; detail=stale_while_revalidate"
    await cache.calls(2)
    assert (await cache.ask(at=71)).body == b"new"
    await cache.calls(2)
    assert cache.figures.value("cache_refreshes_total", route="default") == 1


async def test_two_thousand_requests_for_one_expired_response_ask_the_origin_once_and_none_waits() -> None:
    asked, go_on = 0, asyncio.Event()

    async def origin(request: Request) -> Response:
        nonlocal asked
        asked += 1
        if asked > 1:
            await go_on.wait()
        return page({**SWR, "Date": date(70 * asked - 70)}, b"%d" % asked)(request)

    cache = Cached(origin=origin)
    await cache.ask(at=0)
    cache.to(70)
    for _ in range(1000):
        assert without_waiting(cache.handle(make_request())).body == b"1"
    await asyncio.sleep(0)
    for _ in range(1000):
        assert without_waiting(cache.handle(make_request())).body == b"1"
    assert asked == 2
    go_on.set()
    await cache.settle()
    assert (await cache.ask()).body == b"2"
    assert asked == 2


async def test_nobody_refreshes_what_is_still_on_its_way_into_the_store() -> None:
    refresh = Streaming({**SWR, "Date": date(70)})
    cache = Cached(page(SWR), refresh)
    await cache.ask(at=0)
    for at in (70, 71, 72):
        assert (await cache.ask(at=at)).body == b"content"
        await cache.settle()
    await cache.calls(2)
    refresh.stream.feed(b"new")
    refresh.stream.finish()
    assert (await cache.ask(at=73)).body == b"new"


async def test_a_refresh_in_vain_is_not_repeated_for_a_second() -> None:
    cache = Cached(page(SWR), REFUSED)
    await cache.ask(at=0)
    for at, asked in ((70, 2), (70.5, 2), (70.9, 2), (71.1, 3)):
        assert (await cache.ask(at=at)).body == b"content"
        await cache.calls(asked)


@pytest.mark.parametrize("fault", [page(status=503), page(status=500)], ids=["503", "500"])
async def test_a_refresh_that_brings_an_error_is_in_vain_too(fault: object) -> None:
    cache = Cached(page(SWR), fault)  # type: ignore[arg-type]  # a parameter of pytest
    await cache.ask(at=0)
    for at, asked in ((70, 2), (70.5, 2), (71.1, 3)):
        assert (await cache.ask(at=at)).body == b"content"
        await cache.calls(asked)


async def test_a_refresh_is_a_request_of_our_own() -> None:
    cache = Cached(page({**SWR, "Vary": "Accept"}), page({**SWR, "Date": date(70)}, b"", 304))
    await cache.ask(at=0, fields={"Accept": "text/html"})
    fields = {"Accept": "text/html", "Range": "bytes=0-1", "If-None-Match": '"x"', "Cache-Control": "max-stale=50"}
    got = await cache.ask(at=70, fields=fields, method="GET")
    assert (got.status, got.body) == (206, b"co")
    await cache.calls(2)
    asked = cache.origin.requests[-1]
    assert cache.sent("Range") is None
    assert (cache.sent("If-None-Match"), cache.sent("Accept")) == ('"a"', "text/html")
    assert cache.sent("Cache-Control") is None
    assert asked.interim is None
    assert cache.counted("stale_while_revalidate") == 1
    assert cache.counted("revalidated") == 0


async def test_a_head_refreshes_what_get_stored() -> None:
    cache = Cached(page(SWR), page({**SWR, "Date": date(70)}, b"new"))
    await cache.ask(at=0)
    await cache.ask(at=70, method="HEAD")
    await cache.calls(2)
    assert cache.origin.requests[-1].method == "GET"
    assert (await cache.ask(at=71)).body == b"new"


@pytest.mark.parametrize(
    "fault",
    [page(status=status) for status in (500, 502, 503, 504)] + [REFUSED, OverloadedError("full")],
    ids=["500", "502", "503", "504", "refused", "overloaded"],
)
async def test_it_stands_in_for_errors_where_the_origin_allows_that(fault: object) -> None:
    cache = Cached(page(SIE), fault)  # type: ignore[arg-type]  # a parameter of pytest
    await cache.ask(at=0)
    got = await cache.ask(at=100)
    assert (got.status, got.body, got["Age"]) == (200, b"content", "100")
    assert got.why == "hit; ttl=-40; detail=stale_if_error"


async def test_it_does_not_stand_in_for_other_statuses_or_too_late() -> None:
    cache = Cached(page(SIE), page(status=404, body=b"gone"), serve_stale_on_disconnect="off")
    await cache.ask(at=0)
    assert (await cache.ask(at=100)).status == 404
    cache = Cached(page(SIE), page(status=503), serve_stale_on_disconnect="off")
    await cache.ask(at=0)
    assert (await cache.ask(at=161)).status == 503


@pytest.mark.parametrize("fault", [REFUSED, UpstreamTimeoutError("slow")])
async def test_an_origin_out_of_reach_is_answered_for_where_nothing_forbids_it(fault: Exception) -> None:
    cache = Cached(page(TAGGED), fault)
    await cache.ask(at=0)
    got = await cache.ask(at=1000)
    assert (got.body, got.why) == (b"content", "hit; ttl=-940; detail=disconnected")
    with pytest.raises(GatewayError):
        await cache.ask(at=3661)


async def test_an_origin_whose_circuit_is_open_is_answered_for_and_those_behind_are_told_before() -> None:
    seen: list[object] = []

    async def origin(request: Request) -> Response:
        seen.append((request.attributes or {}).get("stale_at_hand"))
        if len(seen) > 1:
            raise CircuitOpenError("down", 5.0)
        return page(TAGGED)(request)

    cache = Cached(origin=origin)
    await cache.ask(at=0)
    got = await cache.ask(at=1000)
    assert (got.body, got.why) == (b"content", "hit; ttl=-940; detail=circuit_open")
    with pytest.raises(CircuitOpenError):
        await cache.ask(at=3661)
    assert seen == [None, True, None]


@pytest.mark.parametrize("directive", ["must-revalidate", "proxy-revalidate", "s-maxage=60", "no-cache"])
async def test_what_forbids_staleness_is_obeyed_whatever_fails(directive: str) -> None:
    allowed = f"max-age=60, stale-while-revalidate=100, stale-if-error=100, {directive}"
    cache = Cached(page({**TAGGED, "Cache-Control": allowed}), REFUSED)
    await cache.ask(at=0)
    with pytest.raises(UpstreamConnectError):
        await cache.ask(at=61)
    with pytest.raises(UpstreamConnectError):
        await cache.ask(at=61, fields={"Cache-Control": "max-stale"})
    await cache.calls(3)


async def test_an_error_passes_when_nothing_is_stored() -> None:
    cache = Cached(REFUSED)
    with pytest.raises(UpstreamConnectError):
        await cache.ask()
    assert cache.counted("uri_miss") == 1


async def test_a_client_that_accepts_stale_answers_gets_them_without_the_origin() -> None:
    cache = Cached(page(TAGGED))
    await cache.ask(at=0)
    assert (await cache.ask(fields={"Cache-Control": "max-stale=20"}, at=75)).body == b"content"
    await cache.calls(1)
    await cache.ask(fields={"Cache-Control": "max-stale=20"}, at=81)
    await cache.calls(2)


async def test_what_is_purged_while_the_origin_is_asked_does_not_stand_in() -> None:
    go_on = asyncio.Event()
    answers = [page(SIE)]

    async def origin(request: Request) -> Response:
        if answers:
            return answers.pop()(request)
        await go_on.wait()
        raise REFUSED

    cache = Cached(origin=origin)
    await cache.plugin.open()
    await cache.ask(at=0)
    waiting = asyncio.create_task(cache.ask(at=70))
    await asyncio.sleep(0)
    await cache.control.ask("purge", all=True)
    go_on.set()
    with pytest.raises(UpstreamConnectError):
        await waiting


async def test_a_clock_set_back_keeps_nothing_fresh_and_a_clock_set_forward_ends_nothing() -> None:
    cache = Cached(page(TAGGED))
    await cache.ask(at=0)
    cache.clock.advance(30)
    cache.clock._wall -= 3600
    assert (await cache.ask())["Age"] == "30"
    cache.clock._wall += 2 * 3600
    assert (await cache.ask())["Age"] == "30"
    await cache.calls(1)
    cache.clock.advance(31)
    cache.clock._wall -= 3600
    await cache.ask()
    await cache.calls(2)
