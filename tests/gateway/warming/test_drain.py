import asyncio

import pytest

from gateway.http.body import BodyStream
from gateway.http.message import Response
from gateway.warming.drain import Drain, Ended
from tests.support.plugins import make_response
from tests.support.roads import turns


def streaming(length: int | None = None) -> tuple[Response, BodyStream, list[bool]]:
    response = make_response()
    sent: list[bool] = []
    response.body = stream = BodyStream(length)
    response.on_sent(sent.append)
    return response, stream, sent


async def test_content_at_hand_is_counted() -> None:
    response, drain = make_response(body=b"12345"), Drain(3)
    sent: list[bool] = []
    response.on_sent(sent.append)
    assert await drain.take(response) is Ended.WHOLE
    assert (drain.octets, sent) == (5, [True])


async def test_a_stream_is_taken_to_its_end() -> None:
    response, stream, sent = streaming()
    drain = Drain(100)
    taking = asyncio.ensure_future(drain.take(response))
    await turns()
    stream.feed(b"123")
    stream.feed(b"45")
    assert not taking.done()
    stream.finish()
    assert await taking is Ended.WHOLE
    assert (drain.octets, sent) == (5, [True])


@pytest.mark.parametrize("how", ["fail", "abort"])
async def test_a_stream_that_breaks_off_is_told(how: str) -> None:
    response, stream, sent = streaming()
    taking = asyncio.ensure_future(Drain(100).take(response))
    await turns()
    if how == "fail":
        stream.fail(ConnectionError("gone"))
    else:
        stream.abort()
    assert await taking is Ended.BROKEN
    assert sent == [False]


async def test_what_says_that_it_is_too_large_is_not_begun() -> None:
    response, stream, sent = streaming(101)
    assert await Drain(100).take(response) is Ended.TOO_LARGE
    assert stream.end is not None
    assert sent == [False]


async def test_what_becomes_too_large_is_given_up() -> None:
    response, stream, sent = streaming()
    taking = asyncio.ensure_future(Drain(100).take(response))
    await turns()
    stream.feed(bytes(101))
    assert await taking is Ended.TOO_LARGE
    assert stream.end is not None
    assert sent == [False]


async def test_who_leaves_gives_the_rest_up() -> None:
    response, stream, sent = streaming()
    taking = asyncio.ensure_future(Drain(100).take(response))
    await turns()
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert stream.end is not None
    assert sent == [False]
