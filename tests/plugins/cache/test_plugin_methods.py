"""Methods that change something, POST and QUERY, and keys whose answers cannot be stored."""

import pytest

from gateway.api import BodyStream, Request, Response, UpstreamConnectError
from tests.support.cached import FRESH, TAGGED, Cached, by_target, page
from tests.support.caching import date
from tests.support.plugins import make_request, make_response
from tests.support.streams import stream_of


async def stored_after(method: str, answer: dict[str, str], status: int = 200, target: str = "/a") -> list[str]:
    """Of three stored targets those that are still there after a request to `target`."""

    def origin(request: Request) -> Response:
        return make_response(status if request.method == method else 200, answer if request.method == method else FRESH)

    cache = Cached(origin)
    targets = ["/a", "/b?x=1", "/c"]
    for each in targets:
        await cache.ask(each)
    await cache.ask(target, method=method, body=b"new")
    left = []
    for each in targets:
        await cache.ask(each)
        left.extend([each] if cache.trail == ["fresh"] else [])
    return left


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "MKCOL"])
@pytest.mark.parametrize("status", [200, 201, 204, 303])
async def test_a_method_that_is_not_safe_removes_what_its_target_stored(method: str, status: int) -> None:
    assert await stored_after(method, {}, status) == ["/b?x=1", "/c"]


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_one_that_fails_removes_nothing(status: int) -> None:
    assert await stored_after("PUT", {}, status) == ["/a", "/b?x=1", "/c"]


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
async def test_one_that_is_safe_removes_nothing(method: str) -> None:
    assert await stored_after(method, {"Location": "/b"}) == ["/a", "/b?x=1", "/c"]


@pytest.mark.parametrize("name", ["Location", "Content-Location"])
@pytest.mark.parametrize(
    ("named", "left"),
    [
        ("/b?x=1", ["/c"]),
        ("http://shop.example:80/b?x=1#there", ["/c"]),
        ("b?x=1", ["/c"]),
        ("http://other.example/b?x=1", ["/b?x=1", "/c"]),
        ("https://shop.example/b?x=1", ["/b?x=1", "/c"]),
    ],
)
async def test_it_removes_what_location_names_on_the_same_site(name: str, named: str, left: list[str]) -> None:
    assert await stored_after("POST", {name: named}, 201) == left


async def test_groups_are_invalidated_on_the_same_site() -> None:
    cache = Cached(
        by_target(
            a=page({**FRESH, "Cache-Groups": '"one", "two"'}),
            b=page({**FRESH, "Cache-Groups": '"two"'}),
            c=page({**FRESH, "Cache-Groups": '"three"'}),
            change=page({"Cache-Group-Invalidation": '"two"'}),
        )
    )
    for authority in ("shop.example", "other.example"):
        for target in ("/a", "/b", "/c"):
            await cache.ask(target, authority=authority)
    await cache.ask("/change", method="POST")
    trails = []
    for authority in ("shop.example", "other.example"):
        for target in ("/a", "/b", "/c"):
            await cache.ask(target, authority=authority)
            trails.append(cache.trail[0])
    assert trails == ["uri_miss", "uri_miss", "fresh", "fresh", "fresh", "fresh"]


async def test_an_answer_that_was_asked_for_before_an_invalidation_is_not_stored_after_it() -> None:
    cache = Cached(page(FRESH))

    async def origin(request: Request) -> Response:
        if request.method == "GET" and not cache.origin.requests:
            await cache.origin(request)
            await cache.handle(make_request("PUT"))
            return page(FRESH, b"before the change")(request)
        return page(FRESH, b"after it")(request)

    cache.handle = cache.plugin.wrap(origin)
    assert (await cache.ask()).body == b"before the change"
    assert (await cache.ask()).body == b"after it"


async def test_a_post_that_failed_on_its_way_removes_nothing() -> None:
    cache = Cached(page(FRESH), UpstreamConnectError("refused"))
    await cache.ask()
    with pytest.raises(UpstreamConnectError):
        await cache.ask(method="POST")
    await cache.ask()
    assert cache.trail == ["fresh"]


async def test_an_answer_to_post_is_stored_for_get_where_it_says_that_it_is_one() -> None:
    cache = Cached(page({**FRESH, "Content-Location": "/a"}, b"posted"))
    got = await cache.ask("/a", method="POST", body=b"x")
    assert got.why == "fwd=method; fwd-status=200; stored; detail=method"
    assert (await cache.ask("/a")).body == b"posted"
    await cache.calls(1)
    await cache.ask("/a", method="POST", body=b"x")
    await cache.calls(2)


@pytest.mark.parametrize(
    "fields",
    [FRESH, {**FRESH, "Content-Location": "/b"}, {"Content-Location": "/a", "Last-Modified": date(-9999)}],
    ids=["unnamed", "another", "not explicit"],
)
async def test_other_answers_to_post_are_not(fields: dict[str, str]) -> None:
    cache = Cached(page(fields, b"posted"))
    await cache.ask("/a", method="POST", body=b"x")
    await cache.ask("/a")
    await cache.calls(2)


async def test_query_is_answered_by_its_content() -> None:
    cache = Cached(lambda request: make_response(200, FRESH, b"for " + request.body))  # type: ignore[operator]  # read
    for content in (b"x", b"y", b"x", b"y"):
        assert (await cache.ask("/search", method="QUERY", body=content)).body == b"for " + content
    await cache.calls(2)
    await cache.ask("/search", {"Content-Type": "application/sql"}, method="QUERY", body=b"x")
    await cache.calls(3)


async def test_content_that_is_still_coming_is_read_for_the_key() -> None:
    cache = Cached(page(FRESH))
    for _ in range(2):
        await cache.ask("/search", method="QUERY", body=stream_of(b"se", b"lect", length=6))
    await cache.calls(1)
    assert cache.origin.requests[0].body == b"select"


@pytest.mark.parametrize("body", [b"x" * 2000, stream_of(b"x" * 2000, length=2000), stream_of(b"x")])
async def test_content_that_is_too_large_or_of_unknown_length_passes_as_it_comes(body: bytes | BodyStream) -> None:
    cache = Cached(page(FRESH), key={"max_body": "1KiB"})
    await cache.ask("/search", method="QUERY", body=body)
    assert cache.origin.requests[0].body is body
    assert cache.counted("content_too_large") == 1


async def test_post_that_only_asks_is_answered_by_its_content_and_removes_nothing() -> None:
    cache = Cached(page({**FRESH, "Content-Location": "/search"}), key={"body": True})
    await cache.ask("/search")
    for content in (b"x", b"y", b"x"):
        await cache.ask("/search", method="POST", body=content)
    await cache.calls(3)
    await cache.ask("/search")
    await cache.calls(3)
    await cache.ask("/search", method="PUT")
    await cache.ask("/search", method="POST", body=b"x")
    await cache.calls(5)


async def test_a_key_whose_answer_cannot_be_stored_is_remembered_for_a_while() -> None:
    cache = Cached(page({"Cache-Control": "no-store", "ETag": '"a"'}))
    await cache.ask(at=0)
    await cache.ask(at=9, fields={"If-None-Match": '"a"', "Range": "bytes=0-1"})
    assert cache.trail == ["uncacheable", "no_store"]
    assert (cache.sent("If-None-Match"), cache.sent("Range")) == ('"a"', "bytes=0-1")
    await cache.ask(at=20)
    assert cache.trail == ["uri_miss", "no_store"]


async def test_it_is_forgotten_as_soon_as_one_can_be_stored() -> None:
    cache = Cached(page({"Cache-Control": "no-store"}), page(TAGGED))
    await cache.ask(at=0)
    assert (await cache.ask(at=1)).why == "fwd=bypass; fwd-status=200; stored; detail=uncacheable"
    assert (await cache.ask(at=2)).body == b"content"
    await cache.calls(2)


async def test_what_is_about_one_request_says_nothing_about_the_key() -> None:
    cache = Cached(page(FRESH))
    await cache.ask(fields={"Cache-Control": "no-store"})
    await cache.ask(fields={"Authorization": "Basic x"})
    await cache.ask(method="HEAD")
    await cache.ask()
    assert cache.trail == ["uri_miss"]


async def test_an_upgrade_passes_untouched() -> None:
    def switching(request: Request) -> Response:
        response = make_response(101)
        response.upgraded = object()
        return response

    cache = Cached(switching)
    request = make_request()
    request.upgrade = b"websocket"
    response = await cache.handle(request)
    assert response.upgraded is not None
    assert cache.origin.requests[0] is request
