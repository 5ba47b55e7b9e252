"""The short way of requests whose head came before gives what the long way gives."""

import pytest

from gateway.api import Fields, Request, Response
from tests.support.coded import content_of
from tests.support.compressing import BROWSER, FRESH, PAGE, Compressing, page
from tests.support.plugins import FieldsLike, make_request, pairs


class Client:
    """Sends the same head again and again."""

    def __init__(self, chain: Compressing, fields: FieldsLike = BROWSER, target: str = "/") -> None:
        self.chain = chain
        self.head = make_request("GET", target, fields)
        at_once = chain.plugin.wrap_at_once(chain.cache.wrap_at_once(None) if chain.cache else None)
        assert at_once is not None
        self.at_once = at_once

    def request(self) -> Request:
        """One more request with the octets of the head."""
        head = self.head
        request = make_request()
        request.fields, request.target, request.authority = head.fields.again(), head.target, head.authority
        request.started = self.chain.clock.monotonic()
        return request

    def quickly(self) -> Response | None:
        request = self.request()
        came = request.fields
        response = self.at_once(request)
        assert request.fields is came
        return response

    async def slowly(self) -> Response:
        return await self.chain.handle(self.request())


async def test_a_head_that_came_before_is_answered_without_a_coroutine() -> None:
    async with Compressing(page(FRESH)) as chain:
        client = Client(chain)
        assert client.quickly() is None
        await client.slowly()
        await client.slowly()
        long, short = await client.slowly(), client.quickly()
        assert short is not None
        assert (short.body, pairs(short.fields)) == (long.body, pairs(long.fields))
        assert content_of(short) == PAGE
        assert len(chain.origin.requests) == 1


@pytest.mark.parametrize(
    "fields",
    [BROWSER, {}, {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}, {"Accept-Encoding": "br;q=0"}],
)
@pytest.mark.parametrize("content_type", ["text/html", "image/png"])
async def test_both_ways_give_the_same(fields: dict[str, str], content_type: str) -> None:
    async with Compressing(page({**FRESH, "Content-Type": content_type})) as chain:
        client = Client(chain, fields)
        for _ in range(3):
            long = await client.slowly()
        for _ in range(2):
            short = client.quickly()
            assert short is not None
            assert (short.body, pairs(short.fields)) == (long.body, pairs(long.fields))
        assert client.quickly() is short  # nothing is left to do but to write it


async def test_the_short_way_ends_with_the_stored_response() -> None:
    async with Compressing(page(FRESH)) as chain:
        client = Client(chain)
        for _ in range(3):
            await client.slowly()
        assert client.quickly() is not None
        chain.clock.advance(601)
        assert client.quickly() is None


async def test_a_request_that_goes_on_to_the_long_way_is_as_it_came() -> None:
    async with Compressing(page({"Content-Type": "text/html", "ETag": '"a"'})) as chain:
        client = Client(chain, {**BROWSER, "If-None-Match": '"a-br"'})
        await client.slowly()
        assert client.quickly() is None  # nothing is stored
        await client.slowly()
        assert chain.sent("If-None-Match") == '"a"'
        assert chain.sent("Accept-Encoding") == "zstd, br, gzip"


async def test_what_would_need_a_thread_is_left_as_it_is() -> None:
    async with Compressing(page(FRESH)) as chain:
        client = Client(chain)
        for _ in range(3):
            await client.slowly()
        chain.plugin._dresser._inline_up_to = 0
        assert chain.cache is not None
        (stored,) = chain.cache._shared.store
        stored._derived = {name: made for name, made in (stored._derived or {}).items() if "compress" not in name}
        short = client.quickly()
        assert short is not None
        assert (short.body, short.replay) == (PAGE, None)


def test_without_a_short_way_inside_there_is_none() -> None:
    assert Compressing(page(), caches=False).plugin.wrap_at_once(None) is None


async def test_heads_that_nobody_remembers_take_the_long_way() -> None:
    async with Compressing(page(FRESH)) as chain:
        client = Client(chain)
        request = make_request(fields=BROWSER)
        assert client.at_once(request) is None
        request = client.request()
        request.upgrade = b"websocket"
        assert client.at_once(request) is None
        assert Fields().notes is None
