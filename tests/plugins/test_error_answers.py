"""What plugins leave for error answers arrives on them."""

import asyncio
from typing import Any

from gateway.api import GatewayError, UpstreamTimeoutError
from gateway.http.message import Response
from gateway.listener.error_response import error_response
from plugins.cors import PLUGIN as CORS
from plugins.headers import PLUGIN as HEADERS
from tests.support.plugins import ScriptedUpstream, chain_of, make_request


def answer_of_both(origin: str, **headers: Any) -> Response:
    """The error answer after an exchange through both rooms, the upstream having timed out."""
    inner = chain_of(CORS, ScriptedUpstream(UpstreamTimeoutError()), allow_origins=["https://app.example.com"])
    handler = chain_of(HEADERS, inner, request_id={}, **headers)
    request = make_request(fields={"Origin": origin})

    async def exchange() -> GatewayError:
        try:
            await handler(request)
        except GatewayError as error:
            return error
        raise AssertionError("no error came out")

    return error_response(asyncio.run(exchange()), request, "slipstream")


def test_a_page_can_read_the_answer_and_quote_its_id() -> None:
    fields = answer_of_both("https://app.example.com").fields
    assert fields.get(b"access-control-allow-origin") == b"https://app.example.com"
    assert fields.get(b"vary") == b"Origin"
    assert b"x-request-id" in fields


def test_a_page_of_a_stranger_cannot() -> None:
    assert b"access-control-allow-origin" not in answer_of_both("https://evil.test").fields


def test_what_the_gateway_says_of_its_own_answer_stays() -> None:
    response = answer_of_both("https://evil.test", response={"set": {"Content-Type": "text/html", "X-Frame": "no"}})
    assert response.fields.values(b"content-type") == [b"text/plain; charset=utf-8"]
    assert response.fields.get(b"x-frame") == b"no"
