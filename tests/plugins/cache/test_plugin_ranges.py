"""Parts: of what is stored, of what is fetched for them, stored and made whole (RFC 9110 §14, RFC 9111 §3.4)."""

import asyncio
import contextlib

import pytest

from gateway.api import BodyStream, Request, Response, UpstreamClosedError
from tests.support.cached import FRESH, TAGGED, Cached, Streaming, page
from tests.support.plugins import make_response
from tests.support.streams import RecordingSink, RecordingSource, stream_of

CONTENT = b"0123456789"


def ranging(request: Request) -> Response:
    """An origin that knows `bytes=A-B`."""
    wanted = request.fields.get(b"range")
    if wanted is None:
        return make_response(200, TAGGED, CONTENT)
    start, _, end = wanted.removeprefix(b"bytes=").partition(b"-")
    part = CONTENT[int(start) : int(end) + 1]
    return make_response(206, {**TAGGED, "Content-Range": f"bytes {start.decode()}-{end.decode()}/10"}, part)


@pytest.mark.parametrize(
    ("wanted", "status", "body", "where"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("items=1-2", 200, CONTENT, None),
        ("bytes=nonsense", 200, CONTENT, None),
        ("bytes=" + ",".join(["0-"] * 1000), 200, CONTENT, None),
    ],
)
async def test_parts_come_from_the_whole_that_is_stored(
    wanted: str, status: int, body: bytes, where: str | None
) -> None:
    cache = Cached(page(TAGGED, CONTENT))
    await cache.ask()
    got = await cache.ask(fields={"Range": wanted})
    assert (got.status, got.body, got["Content-Range"]) == (status, body, where)
    await cache.calls(1)


async def test_several_parts_come_as_one_multipart_answer() -> None:
    cache = Cached(page({**TAGGED, "Content-Type": "text/plain"}, CONTENT))
    await cache.ask()
    got = await cache.ask(fields={"Range": "bytes=0-1,8-9"})
    kind, _, boundary = (got["Content-Type"] or "").partition("; boundary=")
    assert (got.status, kind) == (206, "multipart/byteranges")
    assert got.body.count(b"--" + boundary.strip('"').encode()) == 3
    assert b"Content-Range: bytes 8-9/10\r\n" in got.body


async def test_if_range_counts() -> None:
    cache = Cached(page(TAGGED, CONTENT))
    await cache.ask()
    statuses = [(await cache.ask(fields={"Range": "bytes=0-1", "If-Range": tag})).status for tag in ('"a"', '"b"')]
    assert statuses == [206, 200]


async def test_for_a_part_of_something_small_the_whole_is_fetched_and_stored() -> None:
    cache = Cached(page({**TAGGED, "X-Field": "yes"}, CONTENT))
    got = await cache.ask(fields={"Range": "bytes=2-4", "If-Range": '"a"'})
    assert (got.status, got.body, got["X-Field"], got["Age"]) == (206, b"234", "yes", None)
    assert got.why == "fwd=uri-miss; fwd-status=200; stored; detail=uri_miss"
    assert (cache.sent("Range"), cache.sent("If-Range")) == (None, None)
    assert (await cache.ask()).body == CONTENT
    await cache.calls(1)


async def test_a_small_whole_that_comes_bit_by_bit_is_read_for_the_part() -> None:
    def streaming(request: Request) -> Response:
        return make_response(200, TAGGED, stream_of(b"01234", b"56789", length=10))

    cache = Cached(streaming)
    assert (await cache.ask(fields={"Range": "bytes=4-5"})).body == b"45"
    assert (await cache.ask()).body == CONTENT
    await cache.calls(1)


@pytest.mark.parametrize("length", [5_000_000, None])
async def test_for_a_part_of_something_large_the_part_is_asked_for(length: int | None) -> None:
    whole = Streaming(TAGGED, length)
    cache = Cached(whole, ranging)
    assert (await cache.ask(fields={"Range": "bytes=2-4"})).body == b"234"
    assert whole.sources[0].told == ["cancel"]
    assert whole.sent == [False]
    assert cache.sent("Range") == "bytes=2-4"
    await cache.calls(2)
    await cache.ask(fields={"Range": "bytes=6-7"})  # now that is known
    await cache.calls(3)
    assert cache.counted("uri_miss") + cache.counted("partial") == 2


async def test_that_ends_too_where_nothing_is_remembered() -> None:
    cache = Cached(Streaming(TAGGED, 5_000_000), ranging, hit_for_miss="0s")
    assert (await cache.ask(fields={"Range": "bytes=2-4"})).status == 206
    await cache.calls(2)


async def test_a_part_of_something_that_may_not_be_stored_is_still_a_part() -> None:
    whole = Streaming({"Cache-Control": "no-store"}, 100)
    cache = Cached(whole, ranging)
    assert (await cache.ask(fields={"Range": "bytes=2-4"})).status == 206
    assert whole.sources[0].told == ["cancel"]


async def test_parts_are_asked_for_as_they_come_where_the_route_says_so() -> None:
    cache = Cached(ranging, range_fetch_whole_up_to="0")
    assert (await cache.ask(fields={"Range": "bytes=2-4"})).body == b"234"
    assert cache.sent("Range") == "bytes=2-4"


async def test_a_stored_part_answers_what_lies_within_it_and_is_made_whole() -> None:
    cache = Cached(ranging, range_fetch_whole_up_to="0")
    await cache.ask(fields={"Range": "bytes=0-4"})
    got = await cache.ask(fields={"Range": "bytes=1-3"})
    assert (got.status, got.body, got["Content-Range"]) == (206, b"123", "bytes 1-3/10")
    await cache.calls(1)
    await cache.ask(fields={"Range": "bytes=5-9"})
    assert cache.trail == ["partial"]
    await cache.calls(2)
    got = await cache.ask()
    assert (got.status, got.body, got["Content-Range"]) == (200, CONTENT, None)
    await cache.calls(2)


async def test_a_part_that_is_shorter_than_it_says_is_not_stored() -> None:
    short = page({**TAGGED, "Content-Range": "bytes 0-4/10"}, b"012", 206)
    cache = Cached(short, range_fetch_whole_up_to="0")
    for _ in range(2):
        await cache.ask(fields={"Range": "bytes=0-4"})
    await cache.calls(2)
    assert cache.not_stored("incomplete") == 2


async def test_a_part_for_everybody_is_not_made_of_one_without_a_strong_validator() -> None:
    weak = page({**FRESH, "ETag": 'W/"a"', "Content-Range": "bytes 0-4/10"}, b"01234", 206)
    cache = Cached(weak, range_fetch_whole_up_to="0")
    for _ in range(2):
        await cache.ask(fields={"Range": "bytes=0-4"})
    await cache.calls(2)


async def test_a_part_of_what_has_changed_meanwhile_is_of_the_new_one() -> None:
    cache = Cached(page(TAGGED, CONTENT), page({**TAGGED, "ETag": '"b"'}, b"abcdefghij"))
    await cache.ask(at=0)
    got = await cache.ask(fields={"Range": "bytes=2-4"}, at=70)
    assert (got.status, got.body, got["ETag"]) == (206, b"cde", '"b"')


async def test_a_part_of_what_is_confirmed_is_a_part() -> None:
    cache = Cached(page(TAGGED, CONTENT), page({"ETag": '"a"'}, b"", 304))
    await cache.ask(at=0)
    got = await cache.ask(fields={"Range": "bytes=2-4"}, at=70)
    assert (got.status, got.body) == (206, b"234")
    assert cache.sent("Range") is None


async def test_a_cookie_for_the_first_client_reaches_it_though_it_wanted_a_part() -> None:
    cache = Cached(page({**TAGGED, "Set-Cookie": "session=1"}, CONTENT), set_cookie="strip")
    got = await cache.ask(fields={"Range": "bytes=2-4"})
    assert (got.body, got["Set-Cookie"]) == (b"234", "session=1")
    assert (await cache.ask(fields={"Range": "bytes=2-4"}))["Set-Cookie"] is None


async def test_a_whole_that_breaks_off_while_it_is_read_is_an_error_and_lets_go_of_everything() -> None:
    origin = Streaming(TAGGED, 100)
    cache = Cached(origin)
    asking = asyncio.create_task(cache.ask(fields={"Range": "bytes=2-4"}))
    await asyncio.sleep(0)
    origin.stream.feed(b"01234")
    origin.stream.fail(UpstreamClosedError("gone"))
    with pytest.raises(UpstreamClosedError):
        await asking
    assert origin.sent == [False]


async def test_a_client_that_leaves_while_a_whole_is_read_stops_it() -> None:
    origin = Streaming(TAGGED, 100)
    cache = Cached(origin)
    asking = asyncio.create_task(cache.ask(fields={"Range": "bytes=2-4"}))
    await asyncio.sleep(0)
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking
    assert origin.sources[0].told == ["cancel"]
    assert origin.sent == [False]


async def test_a_streamed_part_is_stored_while_it_passes() -> None:
    source = RecordingSource()
    stream = BodyStream(5, source)

    def streaming(request: Request) -> Response:
        return make_response(206, {**TAGGED, "Content-Range": "bytes 0-4/10"}, stream)

    cache = Cached(streaming, range_fetch_whole_up_to="0")
    got = await cache.ask(fields={"Range": "bytes=0-4"})
    got.stream.attach(RecordingSink())
    stream.feed(b"01234")
    stream.finish()
    assert (await cache.ask(fields={"Range": "bytes=4-4"})).body == b"4"
    await cache.calls(1)
