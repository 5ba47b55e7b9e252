"""Nobody gets what was meant for somebody else, and nobody can put something into the cache for others."""

from typing import Any

import pytest

from gateway.api import Request, Response
from tests.support.cached import FRESH, TAGGED, Cached, page
from tests.support.caching import date
from tests.support.plugins import make_response

HOSTILE = "<script>"


def personal(fields: dict[str, str]) -> Any:
    """An origin that greets whoever it is told by credentials or cookie."""

    def answer(request: Request) -> Response:
        who = request.fields.get(b"authorization") or request.fields.get(b"cookie") or b"nobody"
        return make_response(200, {"Date": date(), **fields}, b"hello " + who)

    return answer


def reflecting(name: bytes, fields: dict[str, str] | None = None) -> Any:
    """An origin that shows a request field, or its own target, to whoever sees the answer."""

    def answer(request: Request) -> Response:
        value = request.target if name == b"target" else request.fields.get(name) or b"nothing"
        return make_response(200, {"Date": date(), **(fields if fields is not None else FRESH)}, b"see " + value)

    return answer


async def test_an_answer_to_credentials_is_not_shared() -> None:
    cache = Cached(personal(FRESH))
    bodies = [(await cache.ask(fields={"Authorization": who})).body for who in ("Basic a", "Basic b")]
    assert bodies == [b"hello Basic a", b"hello Basic b"]
    assert (await cache.ask()).body == b"hello nobody"


@pytest.mark.parametrize("allowing", ["public", "s-maxage=60", "must-revalidate"])
async def test_it_is_shared_where_the_origin_says_so(allowing: str) -> None:
    cache = Cached(personal({"Cache-Control": f"max-age=60, {allowing}"}))
    await cache.ask(fields={"Authorization": "Basic a"})
    await cache.ask(fields={"Authorization": "Basic b"})
    await cache.calls(1)


@pytest.mark.parametrize("directive", ["private", "no-store"])
async def test_what_may_not_be_shared_is_not(directive: str) -> None:
    cache = Cached(personal({"Cache-Control": f"max-age=60, {directive}"}))
    bodies = [(await cache.ask(fields={"Cookie": who})).body for who in ("a=1", "b=2")]
    assert bodies == [b"hello a=1", b"hello b=2"]


async def test_private_and_no_cache_fields_are_the_first_clients_alone() -> None:
    cache = Cached(
        page({"Cache-Control": 'max-age=60, private="X-User", no-cache="X-Once"', "X-User": "a", "X-Once": "b"})
    )
    first, second = await cache.ask(), await cache.ask()
    assert (first["X-User"], first["X-Once"]) == ("a", "b")
    assert (second["X-User"], second["X-Once"]) == (None, None)
    await cache.calls(1)


@pytest.mark.parametrize(
    ("policy", "control", "calls", "second"),
    [
        ("never", "max-age=60", 2, "session=1"),
        ("explicit", "max-age=60", 1, "session=1"),
        ("explicit", "no-cache", 2, "session=1"),
        ("strip", "max-age=60", 1, None),
    ],
)
async def test_set_cookie_follows_the_routes_policy(policy: str, control: str, calls: int, second: str | None) -> None:
    cache = Cached(page({"Cache-Control": control, "Set-Cookie": "session=1"}), set_cookie=policy)
    assert (await cache.ask())["Set-Cookie"] == "session=1"
    assert (await cache.ask())["Set-Cookie"] == second
    await cache.calls(calls)


async def test_a_cookie_that_comes_with_a_confirmation_is_for_one_client() -> None:
    cache = Cached(page(TAGGED), page({"Date": date(70), "Set-Cookie": "session=1"}, b"", 304))
    await cache.ask(at=0)
    assert (await cache.ask(at=70))["Set-Cookie"] == "session=1"
    assert (await cache.ask(at=71))["Set-Cookie"] is None
    await cache.calls(2)


async def test_a_request_with_a_cookie_that_bypasses_neither_gets_nor_leaves_anything() -> None:
    cache = Cached(personal(FRESH), bypass_cookies=["session"])
    for _ in range(2):
        assert (await cache.ask(fields={"Cookie": "session=a"})).body == b"hello session=a"
    assert (await cache.ask()).body == b"hello nobody"
    assert (await cache.ask(fields={"Cookie": "session=a"})).body == b"hello session=a"
    await cache.calls(4)


async def test_variants_are_told_apart_by_what_vary_names() -> None:
    cache = Cached(reflecting(b"accept-language", {**FRESH, "Vary": "Accept-Language"}))
    for language in ("de", "en", "de, en;q=0.5", "EN;q=0.5, DE", ""):
        fields = {"Accept-Language": language} if language else {}
        got = await cache.ask(fields=fields)
        assert got.body in (b"see " + (language or "nothing").encode(), b"see de, en;q=0.5")
    await cache.calls(4)
    assert (await cache.ask(fields={"Accept-Language": "en"})).body == b"see en"
    await cache.calls(4)


async def test_what_depends_on_more_than_the_request_is_not_stored() -> None:
    cache = Cached(page({**FRESH, "Vary": "Accept, *"}))
    await cache.ask()
    await cache.ask()
    await cache.calls(2)


async def test_an_answer_that_names_a_dependence_ends_the_use_of_one_that_did_not() -> None:
    cache = Cached(
        page(FRESH, b"all"), page({**FRESH, "Vary": "Accept", "Date": date(5)}, b"html"), page(FRESH, b"json")
    )
    await cache.ask(at=0)
    await cache.ask(fields={"Accept": "text/html", "Cache-Control": "no-cache"}, at=5)
    assert (await cache.ask(fields={"Accept": "application/json"}, at=6)).body == b"json"


@pytest.mark.parametrize("first", [{"Cache-Control": "max-age=0", "ETag": '"a"'}, {"Cache-Control": "no-store"}])
@pytest.mark.parametrize("name", ["X-Host", "X-HTTP-Method-Override", "X-Original-Host"])
async def test_fields_outside_the_key_do_not_shape_what_is_stored(name: str, first: dict[str, str]) -> None:
    """Neither on a miss nor for a key whose last answer could not be stored, which then passes by."""
    cache = Cached(page(first, b"before"), reflecting(name.lower().encode()))
    await cache.ask(at=0)
    await cache.ask(fields={name: HOSTILE}, at=5)
    assert cache.sent(name) is None
    assert (await cache.ask()).body == b"see nothing"
    await cache.calls(2)


@pytest.mark.parametrize("first", [{"Cache-Control": "max-age=0", "ETag": '"a"'}, {"Cache-Control": "no-store"}])
async def test_dropped_parameters_do_not_shape_what_is_stored(first: dict[str, str]) -> None:
    cache = Cached(page(first), reflecting(b"target"), key={"drop": ["utm_*"]})
    await cache.ask("/a?x=1")
    await cache.ask(f"/a?utm_source={HOSTILE}&x=1")
    assert (await cache.ask("/a?x=1&utm_campaign=9")).body == b"see /a?x=1"
    await cache.calls(2)


async def test_a_post_does_not_shape_what_gets_are_answered_by_what_no_get_has_in_its_key() -> None:
    located = {**FRESH, "Content-Location": "/a"}
    for fields, target, settings in (
        ({"X-HTTP-Method-Override": "DELETE"}, "/a", {}),
        ({"Cookie": "session=1"}, "/a", {"bypass_cookies": ["session"]}),
        ({}, "/a?utm_source=x", {"key": {"drop": ["utm_*"]}}),
    ):
        cache = Cached(page({**located, "Content-Location": target}, b"posted"), page(FRESH, b"got"), **settings)
        await cache.ask(target, fields, method="POST", body=b"x")
        assert (await cache.ask("/a")).body == b"got"


@pytest.mark.parametrize("status", [400, 404, 413, 431, 500, 503])
async def test_an_error_that_one_client_provoked_is_not_everybodys(status: int) -> None:
    cache = Cached(page(status=status, fields={"Last-Modified": date(-100000)}), page(FRESH, b"good"))
    heuristic = status == 404  # RFC 9110 §15.1: 404 may be, with a validator to go by
    await cache.ask(fields={"X-Oversized": "x" * 4000})
    assert (await cache.ask()).status == (404 if heuristic else 200)


async def test_a_path_means_what_the_origin_makes_of_it() -> None:
    """Web cache deception: what looks like a style sheet is stored only if the answer allows it."""
    targets = [
        "/account",
        "/account/x.css",
        "/account;x.css",
        "/account%2ex.css",
        "/account%00.css",
        "/Account",
        "//account",
    ]
    cache = Cached(personal({}))
    for who in ("a=1", "b=2"):
        for target in targets:
            assert (await cache.ask(target, {"Cookie": who})).body == b"hello " + who.encode()
    cache = Cached(reflecting(b"target"))
    for target in targets * 2:
        assert (await cache.ask(target)).body == b"see " + target.encode()
    await cache.calls(len(targets))


async def test_hosts_and_schemes_are_told_apart() -> None:
    cache = Cached(reflecting(b"host"))
    for authority in ("a.example", "b.example"):
        for scheme in ("http", "https"):
            await cache.ask(fields={"Host": authority}, authority=authority, scheme=scheme)
    await cache.calls(4)
    await cache.ask(fields={"Host": "A.EXAMPLE:80"}, authority="A.EXAMPLE:80")
    await cache.calls(4)


async def test_what_a_trusted_proxy_reports_is_told_apart() -> None:
    cache = Cached(reflecting(b"x-forwarded-host"))
    for host in ("a.example", "b.example"):
        got = await cache.ask(fields={"X-Forwarded-Host": host}, trusted=True)
        assert got.body == b"see " + host.encode()
    assert (await cache.ask()).body == b"see nothing"


async def test_a_get_with_content_has_nothing_to_do_with_the_cache() -> None:
    cache = Cached(page(FRESH, b"fat"), page(FRESH, b"plain"))
    await cache.ask(body=b"x=1")
    assert (await cache.ask()).body == b"plain"
    assert cache.counted("content") == 1
