"""The cache between a client and its origin: what is stored answers, and everything else is told why not."""

from typing import Any

import pytest

from gateway.api import RefusedError, Request, Response
from tests.support.cached import FRESH, TAGGED, Cached, page
from tests.support.caching import date
from tests.support.plugins import make_request, make_response, without_waiting


async def test_the_second_request_is_answered_without_the_origin() -> None:
    cache = Cached(page(FRESH))
    first = await cache.ask(at=0)
    second = await cache.ask(at=10)
    assert (first.body, second.body) == (b"content", b"content")
    assert (first["Age"], second["Age"]) == (None, "10")
    assert (first["Date"], second["Date"]) == (date(), date())
    await cache.calls(1)


async def test_a_hit_never_waits() -> None:
    cache = Cached(page(FRESH))
    await cache.ask()
    assert without_waiting(cache.handle(make_request())).body == b"content"


async def test_what_was_done_is_told_in_cache_status() -> None:
    cache = Cached(page({**FRESH, "Cache-Status": "inner; hit"}), page({"Cache-Control": "no-store"}))
    got = await cache.ask(at=0)
    assert got["Cache-Status"] == "inner; hit, slipstream; fwd=uri-miss; fwd-status=200; stored; detail=uri_miss"
    assert (await cache.ask(at=20)).why == "hit; ttl=40"
    assert (await cache.ask("/other")).why == "fwd=uri-miss; fwd-status=200; detail=no_store"
    assert (await cache.ask("/other")).why == "fwd=bypass; fwd-status=200; detail=no_store"
    assert (await cache.ask(method="PUT")).why == "fwd=method; fwd-status=200; detail=method"


async def test_cache_status_may_be_off() -> None:
    cache = Cached(page(FRESH), cache_status=False)
    assert [(await cache.ask())["Cache-Status"] for _ in range(2)] == [None, None]
    with pytest.raises(RefusedError):
        await cache.ask("/other", {"Cache-Control": "only-if-cached"})


async def test_every_request_is_counted_once_by_how_it_ended() -> None:
    cache = Cached(page(TAGGED), page(TAGGED, b"", 304), page({"Cache-Control": "private"}))
    await cache.ask(at=0)
    await cache.ask(at=1)
    await cache.ask(at=70)
    assert cache.trail == ["stale", "revalidated"]
    await cache.ask("/other")
    await cache.ask("/other")
    assert cache.trail == ["uncacheable", "private"]
    with pytest.raises(RefusedError):
        await cache.ask("/none", {"Cache-Control": "only-if-cached"})
    counted = {name: cache.counted(name) for name in ("uri_miss", "fresh", "stale", "revalidated", "uncacheable")}
    assert counted == {"uri_miss": 2, "fresh": 1, "stale": 0, "revalidated": 1, "uncacheable": 1}
    assert cache.counted("only_if_cached") == 1
    assert cache.not_stored("private") == 2


async def test_head_is_answered_from_get() -> None:
    cache = Cached(page(FRESH))
    await cache.ask()
    got = await cache.ask(method="HEAD")
    assert (got.status, got.body, got.response.described_length) == (200, b"", 7)
    assert got.why == "hit; ttl=60"
    await cache.calls(1)


async def test_head_with_other_validators_removes_what_get_stored() -> None:
    cache = Cached(page(TAGGED), page({**FRESH, "ETag": '"b"'}, b""))
    await cache.ask(at=0)
    await cache.ask(at=70, method="HEAD")
    await cache.ask(at=71)
    await cache.calls(3)


async def test_head_with_the_same_validators_refreshes_what_get_stored() -> None:
    cache = Cached(page(TAGGED), page({**TAGGED, "Date": date(70), "X-New": "yes"}, b""))
    await cache.ask(at=0)
    await cache.ask(at=70, method="HEAD")
    got = await cache.ask(at=80)
    assert (got.body, got["Age"], got["X-New"]) == (b"content", "10", "yes")
    await cache.calls(2)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"Cache-Control": "max-age=60"}, 60),
        ({"Cache-Control": "max-age=60, s-maxage=20"}, 20),
        ({"Cache-Control": "max-age=60", "Age": "50"}, 10),
        ({"Cache-Control": "max-age=60", "Date": date(-45)}, 15),
        ({"Cache-Control": "max-age=60", "Date": date(1000)}, 60),
        ({"Cache-Control": "max-age=60, no-cache", "ETag": '"a"'}, 0),
        ({"Cache-Control": "max-age=60", "CDN-Cache-Control": "max-age=7"}, 7),
        ({"Cache-Control": "max-age=60", "CDN-Cache-Control": "max-age=7,"}, 60),
        ({"Expires": date(30)}, 30),
        ({"Expires": date(30), "Date": date(10)}, 20),
        ({"Last-Modified": date(-1000)}, 100),
        ({}, 0),
    ],
)
async def test_a_stored_response_answers_as_long_as_it_is_fresh(fields: dict[str, str], seconds: float) -> None:
    cache = Cached(page(fields))
    await cache.ask(at=0)
    if seconds:
        await cache.ask(at=seconds - 0.5)
        await cache.calls(1)
    await cache.ask(at=seconds)
    await cache.calls(2)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_client_that_has_it_gets_304_from_what_is_stored(method: str) -> None:
    cache = Cached(page({**TAGGED, "Content-Type": "text/plain", "Vary": "Accept"}))
    await cache.ask(at=0)
    got = await cache.ask(fields={"If-None-Match": 'W/"a"'}, at=5, method=method)
    assert (got.status, got.body, got["ETag"], got["Age"], got["Vary"]) == (304, b"", '"a"', "5", "Accept")
    assert got["Content-Type"] is None
    await cache.calls(1)


async def test_a_precondition_that_fails_is_412() -> None:
    cache = Cached(page(TAGGED))
    await cache.ask()
    assert (await cache.ask(fields={"If-Match": '"other"'})).status == 412
    assert (await cache.ask(fields={"If-Match": '"a"'})).status == 200
    assert (await cache.ask(fields={"If-Match": 'W/"a"'})).status == 412
    await cache.calls(1)


async def test_a_clients_condition_on_a_miss_stays_here_and_the_whole_is_stored() -> None:
    cache = Cached(page(TAGGED))
    got = await cache.ask(fields={"If-None-Match": '"a"', "If-Modified-Since": date()})
    assert got.status == 304
    assert (cache.sent("If-None-Match"), cache.sent("If-Modified-Since")) == (None, None)
    assert (await cache.ask()).body == b"content"
    await cache.calls(1)


async def test_only_if_cached_is_answered_from_what_is_stored_or_504() -> None:
    cache = Cached(page(FRESH))
    wanted = make_request(fields={"Cache-Control": "only-if-cached"})
    with pytest.raises(RefusedError) as refused:
        await cache.handle(wanted)
    assert refused.value.status == 504
    assert wanted.error_fields is not None
    assert wanted.error_fields.get(b"cache-status") == b"slipstream; detail=only_if_cached"
    await cache.calls(0)
    await cache.ask()
    assert (await cache.ask(fields={"Cache-Control": "only-if-cached"})).status == 200


async def test_an_entity_tag_is_made_for_whole_answers_without_one() -> None:
    cache = Cached(page(FRESH))
    first = await cache.ask()
    second = await cache.ask()
    assert first["ETag"] is not None
    assert first["ETag"] == second["ETag"]
    assert not first["ETag"].startswith("W/")
    assert (await cache.ask(fields={"If-None-Match": first["ETag"]})).status == 304


@pytest.mark.parametrize(
    ("fields", "settings"),
    [({"Cache-Control": "max-age=60, no-transform"}, {}), (FRESH, {"etag": False})],
    ids=["no-transform", "off"],
)
async def test_no_entity_tag_is_made_where_none_is_wanted(fields: dict[str, str], settings: dict[str, Any]) -> None:
    cache = Cached(page(fields), **settings)
    assert [(await cache.ask())["ETag"] for _ in range(2)] == [None, None]


async def test_an_entity_tag_of_ours_is_not_shown_to_the_origin() -> None:
    cache = Cached(page({**FRESH, "Last-Modified": date(-1000)}))
    await cache.ask(at=0)
    await cache.ask(at=70)
    assert (cache.sent("If-None-Match"), cache.sent("If-Modified-Since")) == (None, date(-1000))


async def test_the_time_at_the_origin_and_its_server_are_the_requests() -> None:
    def slow(request: Request) -> Response:
        request.upstream_wait, request.served_by = 0.5, "http://127.0.0.1:1"
        return make_response(200, FRESH)

    cache = Cached(slow)
    request = make_request()
    await cache.handle(request)
    assert (request.upstream_wait, request.served_by) == (0.5, "http://127.0.0.1:1")
