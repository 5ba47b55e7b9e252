"""What is known not to be storable passes with little ado: with the answers, reasons and figures of the long way."""

from typing import Any

import pytest

from gateway.api import Fields, RefusedError, Request, Response, UpstreamConnectError
from tests.support.cached import Cached, page

NO_STORE = {"Cache-Control": "no-store", "Date": "Sat, 21 Nov 2026 00:00:00 GMT"}


def origin_of(*answers: Any) -> Any:
    """An origin whose answers share their fields with all that have the same octets, as the reader of heads has it."""
    heads: dict[Any, Fields] = {}
    left = list(answers)

    async def answer(request: Request) -> Response:
        make = left.pop(0) if len(left) > 1 else left[0]
        response: Response = make(request)
        response.fields = heads.setdefault(tuple(response.fields), response.fields.copy()).again()
        return response

    return answer


async def ask(cached: Cached, times: int, **how: Any) -> list[str | None]:
    return [(await cached.ask(**how))["Cache-Status"] for _ in range(times)]


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"Cache-Control": "no-store"}, "no_store"),
        ({"Cache-Control": "private"}, "private"),
        ({"Vary": "*", "Cache-Control": "max-age=9"}, "vary_star"),
        ({}, "no_freshness"),
        ({"Set-Cookie": "a=b", "Cache-Control": "max-age=9"}, "set_cookie"),
        ({"Last-Modified": "nonsense"}, "no_freshness"),
    ],
)
async def test_every_answer_says_the_same(fields: dict[str, str], detail: str) -> None:
    cached = Cached(origin=origin_of(page(fields)))
    first = (await cached.ask())["Cache-Status"]
    assert cached.trail == ["uri_miss", detail]
    others = await ask(cached, 4)
    assert cached.trail == ["uncacheable", detail]
    assert first == f"slipstream; fwd=uri-miss; fwd-status=200; detail={detail}"
    assert set(others) == {f"slipstream; fwd=bypass; fwd-status=200; detail={detail}"}
    assert cached.counted("uncacheable") == 4
    assert cached.not_stored(detail) == 5


async def test_the_same_octets_of_an_answer_are_told_apart_by_what_was_asked() -> None:
    cached = Cached(origin=origin_of(page(NO_STORE)))
    await ask(cached, 4)
    assert (await cached.ask(method="HEAD"))["Cache-Status"] == "slipstream; fwd=bypass; fwd-status=200; detail=head"
    assert (await ask(cached, 1)) == ["slipstream; fwd=bypass; fwd-status=200; detail=no_store"]


async def test_what_may_be_stored_after_all_is_stored() -> None:
    cached = Cached(origin=origin_of(page(NO_STORE), page(NO_STORE), page({"Cache-Control": "max-age=60"})))
    said = await ask(cached, 4)
    assert said[2] == "slipstream; fwd=bypass; fwd-status=200; stored; detail=uncacheable"
    assert said[3] is not None
    assert "; hit;" in said[3]


async def test_the_memory_lasts_while_the_answers_stay_so() -> None:
    cached = Cached(origin=origin_of(page(NO_STORE)), hit_for_miss="10s")
    for at in range(0, 60, 3):
        await cached.ask(at=at)
    assert cached.counted("uri_miss") == 1
    assert (await cached.ask(at=80))["Cache-Status"] == "slipstream; fwd=uri-miss; fwd-status=200; detail=no_store"


@pytest.mark.parametrize("fields", [{"Authorization": "Basic x"}, {"X-Original-Host": "evil.example"}])
async def test_a_request_that_is_not_plain_goes_the_long_way(fields: dict[str, str]) -> None:
    seen: list[Request] = []

    def shop(request: Request) -> Response:
        seen.append(request)
        return page(NO_STORE)(request)

    cached = Cached(origin=origin_of(shop))
    await ask(cached, 3)
    await ask(cached, 2, fields=fields)
    assert cached.trail == ["uncacheable", "no_store"]
    assert not any(b"x-original-host" in request.fields for request in seen)


async def test_a_client_that_wants_nothing_from_the_origin_is_refused() -> None:
    cached = Cached(origin=origin_of(page(NO_STORE)))
    await ask(cached, 3)
    with pytest.raises(RefusedError):
        await cached.ask(fields={"Cache-Control": "only-if-cached"})


async def test_an_unsafe_method_is_never_taken_for_a_plain_request() -> None:
    cached = Cached(origin=origin_of(page(NO_STORE)))
    await ask(cached, 3)
    assert (await cached.ask(method="DELETE"))[
        "Cache-Status"
    ] == "slipstream; fwd=method; fwd-status=200; detail=method"


async def test_a_failing_origin_fails_as_ever_and_is_counted() -> None:
    def fail(request: Request) -> Response:
        raise UpstreamConnectError("no connection")

    cached = Cached(origin=origin_of(page(NO_STORE), page(NO_STORE), fail))
    await ask(cached, 2)
    with pytest.raises(UpstreamConnectError):
        await cached.ask()
    assert cached.counted("uncacheable") == 2


async def test_a_rewritten_target_is_another_question() -> None:
    cached = Cached(origin=origin_of(page(NO_STORE)), key={"drop": ["utm_*"]})
    await ask(cached, 3, target="/a")
    request = next(iter(cached.heads.values()))
    request.fields, request.target = request.fields.again(), b"/a?utm_x=1"
    response = await cached.handle(request)
    assert b"bypass" in (response.fields.get(b"cache-status") or b"")
    assert request.target == b"/a?utm_x=1", "what goes upstream is a request of its own"
