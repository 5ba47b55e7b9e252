"""The demonstration's origin: a small shop as an aiohttp application, in a process of its own."""

import asyncio
import itertools
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from importlib import resources
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from gateway.demo import shop

STREAM_LINES = 20
STREAM_EVERY = 0.05
"""Seconds between two lines of the stream: one second for all of it."""
EVENTS = 30
EVENT_EVERY = 1.0
SLOW = 0.3
"""Seconds the slow endpoint thinks."""
TICK_EVERY = 0.2
PRICES_EVERY = 0.025
"""Seconds between two bursts of prices."""
PRICES_AT_ONCE = 5
"""Messages in a burst: 200 a second."""

_LARGE = bytes(range(32, 127)) * (shop.LARGE_BYTES // 95 + 1)


class Shop:
    """The shop's handlers and what it remembers: orders taken and visits to the failing endpoint."""

    def __init__(self) -> None:
        self._orders = itertools.count(1)
        self._visits = itertools.count()

    def application(self) -> web.Application:
        """Everything the shop serves."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/", self.front),
                web.get("/api/products", self.products),
                web.get("/api/products/{number:[0-9]+}", self.product),
                web.get("/api/slow", self.slow),
                web.get("/api/cart", self.cart),
                web.post("/api/orders", self.order),
                web.get("/api/stream", self.stream),
                web.get("/api/events", self.events),
                web.get("/api/large", self.large),
                web.get("/api/fail", self.fail),
                web.get("/ws", self.ticker),
                web.get("/ws/prices", self.prices),
                web.get("/ws/prices/batched", self.prices),
                web.get("/ticker", self.page),
            ]
        )
        return application

    async def front(self, request: web.Request) -> web.Response:
        """What there is to see."""
        return _json(
            {
                "shop": "Slipstream demonstration",
                "see": ["/api/products", "/api/stream", "/api/events", "/ws", "/ticker"],
            }
        )

    async def products(self, request: web.Request) -> web.Response:
        """The catalogue: may be stored by anybody, has a validator."""
        return _cacheable(request, shop.catalogue(shop.revision(time.time())))

    async def product(self, request: web.Request) -> web.Response:
        """One product: may be stored by anybody, has a validator."""
        found = shop.product(int(request.match_info["number"]), shop.revision(time.time()))
        if found is None:
            return _json({"error": "no such product"}, status=404)
        return _cacheable(request, orjson.dumps(found))

    async def slow(self, request: web.Request) -> web.Response:
        """Takes its time, and nobody may store what it says."""
        await asyncio.sleep(SLOW)
        response = _json({"waited_ms": int(SLOW * 1000)})
        response.headers["Cache-Control"] = "no-store"
        return response

    async def cart(self, request: web.Request) -> web.Response:
        """Belongs to one visitor: a cookie comes and goes, nobody may store it."""
        visitor = request.cookies.get("visitor", "new")
        response = _json({"visitor": visitor, "items": [{"product": 1 + len(visitor) % shop.PRODUCTS, "quantity": 1}]})
        response.headers["Cache-Control"] = "private, no-store"
        response.set_cookie("visitor", visitor, httponly=True, samesite="Lax")
        return response

    async def order(self, request: web.Request) -> web.Response:
        """Takes an order of JSON."""
        try:
            wanted = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            return _json({"error": "an order is a JSON document"}, status=400)
        number = next(self._orders)
        response = _json({"order": number, "received": wanted}, status=201)
        response.headers["Location"] = f"/api/orders/{number}"
        return response

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Lines of JSON one by one, in chunks of unknown total length."""
        lines = (orjson.dumps({"line": line, "of": STREAM_LINES}) + b"\n" for line in range(STREAM_LINES))
        return await _bit_by_bit(request, "application/x-ndjson", lines, STREAM_EVERY)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events, one a second."""
        events = (b"id: %d\nevent: price\ndata: %s\n\n" % (n, orjson.dumps(shop.price_tick(n))) for n in range(EVENTS))
        return await _bit_by_bit(request, "text/event-stream", events, EVENT_EVERY)

    async def large(self, request: web.Request) -> web.Response:
        """A download."""
        return web.Response(body=_LARGE[: shop.LARGE_BYTES], content_type="application/octet-stream")

    async def fail(self, request: web.Request) -> web.Response:
        """Has spells of going wrong, each time in another way, and is well in between."""
        match shop.mishap(next(self._visits)):
            case shop.Mishap.INTERNAL_ERROR:
                return _json({"error": "the shop tripped"}, status=500)
            case shop.Mishap.UNAVAILABLE:
                response = _json({"error": "the shop is busy"}, status=503)
                response.headers["Retry-After"] = "1"
                return response
            case shop.Mishap.RESET:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            case shop.Mishap.NONE:
                return _json({"ok": True})

    async def ticker(self, request: web.Request) -> web.WebSocketResponse:
        """Prices as WebSocket messages; what the visitor says comes back."""
        return await _talk(request, _tick)

    async def prices(self, request: web.Request) -> web.WebSocketResponse:
        """Many prices as WebSocket messages, one after the other; the origin knows nothing of batches."""
        return await _talk(request, _tell_prices)

    async def page(self, request: web.Request) -> web.Response:
        """Both tickers for a browser, side by side."""
        text = resources.files(__package__).joinpath("ticker.html").read_text(encoding="utf-8")
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-cache"})


async def _bit_by_bit(
    request: web.Request, content_type: str, bits: Iterable[bytes], every: float
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type, "Cache-Control": "no-store"})
    with suppress(ConnectionResetError):  # the visitor left
        await response.prepare(request)
        for bit in bits:
            await response.write(bit)
            await asyncio.sleep(every)
        await response.write_eof()
    return response


async def _talk(
    request: web.Request, tell: Callable[[web.WebSocketResponse], Coroutine[Any, Any, None]]
) -> web.WebSocketResponse:
    """Tell until the visitor leaves; what the visitor says comes back."""
    connection = web.WebSocketResponse(heartbeat=20.0)
    await connection.prepare(request)
    telling = asyncio.create_task(tell(connection))
    try:
        async for message in connection:
            if message.type is WSMsgType.TEXT:
                await connection.send_str(message.data)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
    return connection


async def _tell_prices(connection: web.WebSocketResponse) -> None:
    for number in itertools.count():
        for at_once in range(PRICES_AT_ONCE):
            symbol = (number * PRICES_AT_ONCE + at_once) % len(shop.SYMBOLS)
            await connection.send_str(orjson.dumps(shop.price_of(symbol, number, time.time() * 1000)).decode())
        await asyncio.sleep(PRICES_EVERY)


async def _tick(connection: web.WebSocketResponse) -> None:
    for number in itertools.count():
        await connection.send_bytes(orjson.dumps(shop.price_tick(number)))
        await asyncio.sleep(TICK_EVERY)


def _json(document: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")


def _cacheable(request: web.Request, content: bytes) -> web.Response:
    validator = shop.etag(content)
    fields = {"ETag": validator, "Cache-Control": "public, max-age=10, stale-while-revalidate=30"}
    if shop.is_current(request.headers.get("If-None-Match"), validator):
        return web.Response(status=304, headers=fields)
    return web.Response(body=content, content_type="application/json", headers=fields)


def main(descriptor: int) -> None:
    """Serve on the inherited listening socket of that number until SIGTERM."""
    listener = socket.socket(fileno=descriptor)
    web.run_app(Shop().application(), sock=listener, print=None, access_log=None, shutdown_timeout=1.0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
