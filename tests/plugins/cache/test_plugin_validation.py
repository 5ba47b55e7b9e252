"""Asking the origin whether what is stored is still good (RFC 9111 §4.3)."""

import asyncio

from gateway.api import Request, Response
from tests.support.cached import TAGGED, Cached, Streaming, page
from tests.support.caching import date
from tests.support.plugins import make_response

BOTH = {**TAGGED, "Last-Modified": date(-1000)}


async def test_a_stale_response_is_confirmed_with_both_validators() -> None:
    cache = Cached(page(BOTH), page({"Date": date(70), "ETag": '"a"'}, b"", 304))
    await cache.ask(at=0)
    got = await cache.ask(at=70)
    assert (cache.sent("If-None-Match"), cache.sent("If-Modified-Since")) == ('"a"', date(-1000))
    assert (got.status, got.body, got["Age"]) == (200, b"content", "0")
    assert got.why == "fwd=stale; fwd-status=304; stored; detail=revalidated"
    await cache.ask(at=129)
    await cache.calls(2)


async def test_304_updates_every_field_but_those_about_the_content() -> None:
    new = {"Date": date(70), "Cache-Control": "max-age=100", "X-Field": "new", "X-More": "1", "Content-Length": "0"}

    def confirming(request: Request) -> Response:
        response = make_response(304, {name: value for name, value in new.items() if name != "Content-Length"})
        response.described_length = 0
        return response

    cache = Cached(page({**BOTH, "X-Field": "old", "X-Kept": "yes"}), confirming)
    await cache.ask(at=0)
    await cache.ask(at=70)
    got = await cache.ask(at=169)
    assert [got[name] for name in ("X-Field", "X-More", "X-Kept", "Date")] == ["new", "1", "yes", date(70)]
    assert got.body == b"content"
    await cache.calls(2)


async def test_the_clients_own_condition_is_judged_against_the_freshened_response() -> None:
    confirm = page({"Date": date(70), "ETag": '"a"'}, b"", 304)
    cache = Cached(page(BOTH), confirm, page({**TAGGED, "ETag": '"b"', "Date": date(200)}, b"new"))
    await cache.ask(at=0)
    assert (await cache.ask(fields={"If-None-Match": '"a"'}, at=70)).status == 304
    assert (await cache.ask(fields={"If-None-Match": '"old"'}, at=71)).status == 200
    got = await cache.ask(fields={"If-None-Match": '"a"'}, at=200)
    assert cache.sent("If-None-Match") == '"a"'
    assert (got.status, got.body) == (200, b"new")


async def test_a_client_that_has_the_new_one_already_gets_304_though_it_is_fetched() -> None:
    cache = Cached(page(BOTH), page({**TAGGED, "ETag": '"b"', "Date": date(70)}, b"new"))
    await cache.ask(at=0)
    got = await cache.ask(fields={"If-None-Match": '"b"'}, at=70)
    assert (cache.sent("If-None-Match"), got.status) == ('"a"', 304)
    assert (await cache.ask(at=71)).body == b"new"
    await cache.calls(2)


async def test_another_answer_takes_its_place() -> None:
    cache = Cached(page(BOTH), page({**TAGGED, "ETag": '"b"', "Date": date(70)}, b"new"))
    await cache.ask(at=0)
    assert (await cache.ask(at=70)).why == "fwd=stale; fwd-status=200; stored; detail=stale"
    assert (await cache.ask(at=71)).body == b"new"
    await cache.calls(2)


async def test_what_is_superseded_by_an_answer_that_cannot_be_stored_is_gone() -> None:
    swr = {**TAGGED, "Cache-Control": "max-age=60, stale-while-revalidate=1000"}
    cache = Cached(page(swr), page({"Cache-Control": "no-store"}, b"secret"), page({"Cache-Control": "no-store"}, b"2"))
    await cache.ask(at=0)
    assert (await cache.ask(at=70)).body == b"content"
    await cache.settle()
    assert (await cache.ask(at=71)).body == b"2"


async def test_an_error_of_the_moment_leaves_what_is_stored() -> None:
    cache = Cached(page(BOTH), page(status=500, body=b"oops"), page({"Date": date(80)}, b"", 304))
    await cache.ask(at=0)
    assert (await cache.ask(at=70)).status == 500
    assert (await cache.ask(at=80)).body == b"content"


async def test_an_answer_for_one_user_leaves_what_is_stored_for_all() -> None:
    cache = Cached(page(TAGGED), page({"Cache-Control": "private"}, b"yours"))
    await cache.ask(at=0)
    assert (await cache.ask(fields={"Cache-Control": "no-cache"}, at=1)).body == b"yours"
    assert (await cache.ask(at=2)).body == b"content"


async def test_304_about_something_else_is_asked_again_without_conditions() -> None:
    cache = Cached(page(TAGGED), page({"ETag": '"other"'}, b"", 304), page({**TAGGED, "Date": date(70)}, b"new"))
    await cache.ask(at=0)
    assert (await cache.ask(at=70)).body == b"new"
    assert cache.sent("If-None-Match") is None
    await cache.calls(3)
    assert cache.counted("stale") == 1


async def test_no_cache_is_stored_and_confirmed_each_time() -> None:
    cache = Cached(page({"Cache-Control": "no-cache", "ETag": '"a"'}), page({"ETag": '"a"'}, b"", 304))
    for at in range(3):
        assert (await cache.ask(at=at)).body == b"content"
    await cache.calls(3)


async def test_a_client_may_want_a_fresh_answer_confirmed() -> None:
    cache = Cached(page(TAGGED), page({"Date": date(5)}, b"", 304))
    await cache.ask(at=0)
    for fields in ({"Cache-Control": "no-cache"}, {"Cache-Control": "max-age=0"}, {"Pragma": "no-cache"}):
        assert (await cache.ask(fields=fields, at=5)).body == b"content"
    await cache.calls(3)  # max-age=0 is content with what was confirmed in the same instant


async def test_it_may_not_where_the_route_does_not_listen() -> None:
    cache = Cached(page(TAGGED), honour_request_directives=False)
    await cache.ask(at=0)
    await cache.ask(fields={"Cache-Control": "no-cache"}, at=5)
    await cache.ask(fields={"Cache-Control": "only-if-cached"}, at=5)
    await cache.calls(1)


async def test_a_confirmation_that_forbids_storing_answers_this_client_and_nobody_after() -> None:
    cache = Cached(page(TAGGED), page({"Cache-Control": "no-store"}, b"", 304), page({"Cache-Control": "no-store"}))
    await cache.ask(at=0)
    got = await cache.ask(at=70)
    assert (got.status, got.body) == (200, b"content")
    assert got.why == "fwd=stale; fwd-status=304; detail=revalidated"
    await cache.ask(at=71)
    assert cache.sent("If-None-Match") is None


async def test_a_purge_while_it_is_confirmed_counts() -> None:
    """The answer was asked for before the purge: it may be what the purge was to remove."""
    asked, go_on = asyncio.Event(), asyncio.Event()
    answers = [page(TAGGED), page({"Date": date(70)}, b"", 304), page({**TAGGED, "Date": date(80)}, b"new")]

    async def origin(request: Request) -> Response:
        answer = answers.pop(0)
        if len(answers) == 1:
            asked.set()
            await go_on.wait()
        return answer(request)

    cache = Cached(origin=origin)
    await cache.plugin.open()
    await cache.ask(at=0)
    confirming = asyncio.create_task(cache.ask(at=70))
    await asyncio.wait_for(asked.wait(), 5)
    assert (await cache.control.ask("purge", url="http://shop.example/"))["count"] == 1
    go_on.set()
    assert (await confirming).body == b"content"
    assert (await cache.ask(at=71)).body == b"new"


async def test_the_content_of_an_answer_that_is_not_needed_is_given_up() -> None:
    failing = Streaming(status=503)
    cache = Cached(page({**TAGGED, "Cache-Control": "max-age=60, stale-if-error=100"}), failing)
    await cache.ask(at=0)
    assert (await cache.ask(at=70)).body == b"content"
    assert failing.sources[0].told == ["cancel"]
    assert failing.sent == [False]
