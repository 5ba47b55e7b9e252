import json
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.demo import origin, shop

Visitor = TestClient[web.Request, web.Application]


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    async with TestClient(TestServer(origin.Shop().application())) as client:
        yield client


@pytest.fixture
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STREAM_EVERY", "EVENT_EVERY", "TICK_EVERY", "PRICES_EVERY", "SLOW"):
        monkeypatch.setattr(origin, name, 0.0)


async def test_products_may_be_stored_and_validated(visitor: Visitor) -> None:
    async with visitor.get("/api/products/3") as answer:
        assert answer.status == 200
        assert (await answer.json())["id"] == 3
        assert "max-age=" in answer.headers["Cache-Control"]
        validator = answer.headers["ETag"]
    async with visitor.get("/api/products/3", headers={"If-None-Match": validator}) as again:
        assert (again.status, await again.read()) == (304, b"")


async def test_the_whole_catalogue_is_one_document(visitor: Visitor) -> None:
    async with visitor.get("/api/products") as answer:
        assert len((await answer.json())["products"]) == shop.PRODUCTS


async def test_an_unknown_product_is_not_found(visitor: Visitor) -> None:
    assert (await visitor.get("/api/products/999")).status == 404


async def test_a_cart_belongs_to_the_visitor_of_the_cookie(visitor: Visitor) -> None:
    async with visitor.get("/api/cart", headers={"Cookie": "visitor=ann"}) as answer:
        assert (await answer.json())["visitor"] == "ann"
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert "visitor=ann" in answer.headers["Set-Cookie"]


async def test_orders_are_numbered_and_must_be_json(visitor: Visitor) -> None:
    async with visitor.post("/api/orders", data=b'{"product": 1}') as answer:
        assert (answer.status, answer.headers["Location"]) == (201, "/api/orders/1")
        assert (await answer.json())["received"] == {"product": 1}
    assert (await visitor.post("/api/orders", data=b"{")).status == 400


@pytest.mark.usefixtures("_hurry")
async def test_the_stream_gives_all_its_lines_without_a_length(visitor: Visitor) -> None:
    async with visitor.get("/api/stream") as answer:
        assert "Content-Length" not in answer.headers
        assert len((await answer.read()).splitlines()) == origin.STREAM_LINES


@pytest.mark.usefixtures("_hurry")
async def test_events_follow_the_format_of_server_sent_events(visitor: Visitor) -> None:
    async with visitor.get("/api/events") as answer:
        assert answer.content_type == "text/event-stream"
        assert (await answer.read()).count(b"event: price\ndata: {") == origin.EVENTS


async def test_the_large_download_has_the_size_it_says(visitor: Visitor) -> None:
    async with visitor.get("/api/large") as answer:
        assert answer.content_length == len(await answer.read()) == shop.LARGE_BYTES


async def test_the_failing_endpoint_fails_in_turn(visitor: Visitor) -> None:
    assert [(await visitor.get("/api/fail")).status for _ in range(2)] == [500, 503]
    with pytest.raises(aiohttp.ClientError):
        await visitor.get("/api/fail")


@pytest.mark.usefixtures("_hurry")
async def test_slow_answers_say_how_long_they_took(visitor: Visitor) -> None:
    async with visitor.get("/api/slow") as answer:
        assert "waited_ms" in await answer.json()
        assert answer.headers["Cache-Control"] == "no-store"


async def test_the_ticker_sends_prices_and_returns_what_it_is_told(visitor: Visitor) -> None:
    async with visitor.ws_connect("/ws") as connection:
        await connection.send_str("hello")
        messages = [await connection.receive(timeout=10) for _ in range(2)]
    assert {message.type for message in messages} == {aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT}
    assert "hello" in {message.data for message in messages}


@pytest.mark.parametrize("target", ["/ws/prices", "/ws/prices/batched"])
async def test_prices_say_when_they_were_told(visitor: Visitor, target: str) -> None:
    before = time.time() * 1000
    async with visitor.ws_connect(target) as connection:
        told = [json.loads((await connection.receive(timeout=10)).data) for _ in range(30)]
    assert {each["symbol"] for each in told} == set(shop.SYMBOLS)
    assert all(before - 1 <= each["at"] <= time.time() * 1000 for each in told)


async def test_the_page_shows_both_tickers(visitor: Visitor) -> None:
    async with visitor.get("/ticker") as answer:
        assert answer.content_type == "text/html"
        text = await answer.text()
    assert "/ws/prices`" in text
    assert "/ws/prices/batched`" in text


async def test_the_front_page_tells_what_there_is(visitor: Visitor) -> None:
    async with visitor.get("/") as answer:
        assert "/api/products" in (await answer.json())["see"]
