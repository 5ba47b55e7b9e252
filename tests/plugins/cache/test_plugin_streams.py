"""Answers whose content comes bit by bit: stored while they pass, whole or not at all (RFC 9111 §3.3)."""

import pytest

from gateway.api import BodyStream, Request, Response, StreamAbortedError, StreamEnd, UpstreamClosedError
from tests.support.cached import FRESH, TAGGED, Cached, Streaming, page
from tests.support.caching import date
from tests.support.plugins import make_request, make_response
from tests.support.streams import RecordingSink, RecordingSource

HALF = b"x" * 50_000


async def test_a_streamed_answer_is_stored_while_it_passes() -> None:
    origin = Streaming(FRESH)
    cache = Cached(origin)
    client = RecordingSink()
    (await cache.ask(at=0)).stream.attach(client)
    for piece in (b"one ", b"two"):
        origin.stream.feed(piece)
        assert client.pieces[-1] == piece
    origin.stream.finish()
    assert client.ends == ["finish"]
    assert (await cache.ask(at=10)).body == b"one two"
    await cache.calls(1)


async def test_a_slow_client_holds_up_neither_the_origin_nor_the_store() -> None:
    origin = Streaming(FRESH, length=2 * len(HALF))
    cache = Cached(origin)
    client = RecordingSink()
    got = await cache.ask()
    got.stream.attach(client)
    got.stream.pause()
    origin.stream.feed(HALF)
    origin.stream.feed(HALF)
    origin.stream.finish()
    assert not origin.sources[0].paused
    assert (await cache.ask()).body == HALF + HALF
    got.stream.resume()
    assert client.data == HALF + HALF
    assert client.ends == ["finish"]


async def test_when_the_client_leaves_the_store_still_gets_the_whole() -> None:
    origin = Streaming(FRESH)
    cache = Cached(origin)
    got = await cache.ask()
    origin.stream.feed(b"one ")
    got.response.discard()
    assert origin.sources[0].told == []
    origin.stream.feed(b"two")
    origin.stream.finish()
    assert (await cache.ask()).body == b"one two"
    await cache.calls(1)


async def test_when_the_client_leaves_and_the_answer_is_too_large_the_origin_is_stopped() -> None:
    origin = Streaming(FRESH)
    cache = Cached(origin, max_entry="1KiB")
    (await cache.ask()).response.discard()
    origin.stream.feed(HALF)
    assert origin.sources[0].told[-1] == "cancel"
    assert cache.not_stored("too_large") == 1


@pytest.mark.parametrize("length", [None, 100])
async def test_what_breaks_off_is_never_stored(length: int | None) -> None:
    origin = Streaming(FRESH, length=length)
    cache = Cached(origin)
    client = RecordingSink()
    (await cache.ask()).stream.attach(client)
    origin.stream.feed(b"half")
    origin.stream.fail(UpstreamClosedError("gone"))
    assert client.ends == ["fail"]
    await cache.ask()
    await cache.calls(2)
    assert cache.not_stored("incomplete") == 1


async def test_the_trail_says_at_the_end_why_an_answer_was_not_stored() -> None:
    origin = Streaming(FRESH, length=100)
    cache = Cached(origin)
    request = make_request()
    response = await cache.handle(request)
    assert [decision.reason.value for decision in request.trail] == ["uri_miss"]
    origin.stream.fail(UpstreamClosedError("gone"))
    assert [decision.reason.value for decision in request.trail] == ["uri_miss", "incomplete"]
    response.discard()


async def test_what_somebody_here_aborts_is_never_stored() -> None:
    origin = Streaming(FRESH)
    cache = Cached(origin)
    client = RecordingSink()
    (await cache.ask()).stream.attach(client)
    origin.stream.feed(b"half")
    origin.stream.abort()
    assert isinstance(client.error, StreamAbortedError)
    await cache.ask()
    await cache.calls(2)


async def test_what_turns_out_too_large_passes_all_the_same() -> None:
    origin = Streaming(FRESH)
    cache = Cached(origin, max_entry="60KiB")
    client = RecordingSink()
    (await cache.ask()).stream.attach(client)
    for _ in range(4):
        origin.stream.feed(HALF)
    origin.stream.finish()
    assert len(client.data) == 4 * len(HALF)
    await cache.ask()
    await cache.calls(2)
    assert cache.not_stored("too_large") == 1


async def test_what_is_known_to_be_too_large_passes_untouched() -> None:
    origin = Streaming(FRESH, length=4 * len(HALF))
    cache = Cached(origin, max_entry="60KiB")
    got = await cache.ask()
    assert got.stream is origin.stream
    assert got.why == "fwd=uri-miss; fwd-status=200; detail=too_large"


async def test_a_purge_while_it_comes_keeps_it_out() -> None:
    origin = Streaming(FRESH)
    cache = Cached(origin)
    await cache.plugin.open()
    client = RecordingSink()
    (await cache.ask()).stream.attach(client)
    await cache.control.ask("purge", url="http://shop.example/", soft=False)
    origin.stream.feed(b"old")
    origin.stream.finish()
    assert client.data == b"old"
    await cache.ask()
    await cache.calls(2)
    assert cache.not_stored("invalidated") == 1


async def test_a_client_that_has_it_gets_304_and_the_store_gets_the_content() -> None:
    origin = Streaming(TAGGED)
    cache = Cached(origin)
    got = await cache.ask(fields={"If-None-Match": '"a"'})
    assert (got.status, got.body) == (304, b"")
    assert origin.sent == []  # the exchange with the origin still goes on
    origin.stream.feed(b"content")
    origin.stream.finish()
    assert origin.sent == [True]
    assert (await cache.ask()).body == b"content"
    await cache.calls(1)


async def test_whoever_waits_for_the_end_of_an_answer_that_breaks_off_behind_a_304_hears_of_it() -> None:
    origin = Streaming(TAGGED)
    cache = Cached(origin)
    await cache.ask(fields={"If-None-Match": '"a"'})
    origin.stream.fail(UpstreamClosedError("gone"))
    assert origin.sent == [False]


async def test_a_stored_stream_has_its_validator_of_ours_only_once_it_is_whole() -> None:
    origin = Streaming(FRESH)
    cache = Cached(origin)
    got = await cache.ask()
    assert got["ETag"] is None
    got.stream.attach(RecordingSink())
    origin.stream.feed(b"content")
    origin.stream.finish()
    assert (await cache.ask())["ETag"] is not None


async def test_trailers_pass_and_are_not_stored() -> None:
    origin = Streaming(FRESH)
    cache = Cached(origin)
    client = RecordingSink()
    (await cache.ask()).stream.attach(client)
    origin.stream.feed(b"content")
    trailers = page({"X-Trailer": "1"})(cache.origin.requests[0]).fields
    origin.stream.finish(trailers)
    assert client.trailers == trailers
    assert (await cache.ask())["X-Trailer"] is None


async def test_a_streamed_answer_takes_the_place_of_a_stale_one_when_it_is_whole() -> None:
    new = Streaming({**TAGGED, "ETag": '"b"', "Date": date(70)})
    cache = Cached(page({**TAGGED, "Cache-Control": "max-age=60, stale-while-revalidate=100"}), new)
    await cache.ask(at=0)
    await cache.ask(at=70)
    await cache.settle()
    new.stream.feed(b"half ")
    assert (await cache.ask(at=71)).body == b"content"
    new.stream.feed(b"whole")
    new.stream.finish()
    assert (await cache.ask(at=72)).body == b"half whole"


# --- room -------------------------------------------------------------------------------------------


def fed(origin: Streaming, number: int, data: bytes) -> None:
    """Let one of the answers come to its end."""
    origin.streams[number].feed(data)
    origin.streams[number].finish()


async def test_of_several_answers_to_the_same_request_one_is_stored_and_the_others_pass() -> None:
    origin = Streaming(FRESH)
    cache = Cached(origin)
    clients = [RecordingSink() for _ in range(3)]
    gots = [await cache.ask() for _ in clients]
    assert [got.why.rpartition("=")[2] for got in gots] == ["uri_miss", "filling", "filling"]
    for got, client in zip(gots, clients, strict=True):
        got.stream.attach(client)
    assert [got.stream is stream for got, stream in zip(gots, origin.streams, strict=True)] == [False, True, True]
    for number, data in enumerate((b"first", b"second", b"third")):
        fed(origin, number, data)
    assert [client.data for client in clients] == [b"first", b"second", b"third"]
    assert (await cache.ask()).body == b"first"
    assert cache.not_stored("filling") == 2


async def test_one_that_was_asked_for_after_a_purge_is_stored_though_an_older_one_is_coming() -> None:
    origin = Streaming(FRESH)
    cache = Cached(origin)
    await cache.plugin.open()
    old = await cache.ask(at=0)
    await cache.control.ask("purge", url="http://shop.example/")
    new = await cache.ask(at=1)
    for got in (old, new):
        got.stream.attach(RecordingSink())
    fed(origin, 1, b"new")
    fed(origin, 0, b"old")
    assert (await cache.ask(at=2)).body == b"new"
    assert cache.not_stored("overtaken") == 1


async def test_all_together_have_so_much_room_and_the_rest_passes() -> None:
    origin = Streaming(FRESH)
    cache = Cached(origin, max_filling="100KiB")
    clients = [RecordingSink() for _ in range(2)]
    for number, client in enumerate(clients):
        (await cache.ask(f"/{number}")).stream.attach(client)
        origin.streams[number].feed(HALF)
    origin.streams[0].feed(HALF)
    assert cache.not_stored("crowded") == 1
    for stream in origin.streams:
        stream.feed(b"end")
        stream.finish()
    assert [len(client.data) for client in clients] == [2 * len(HALF) + 3, len(HALF) + 3]
    assert (await cache.ask("/1")).body == HALF + b"end"
    assert cache.shown("cache_filling_bytes") == 0


async def test_what_says_how_long_it_is_takes_its_room_at_once() -> None:
    origin = Streaming(FRESH, length=60_000)
    cache = Cached(origin, max_filling="100KiB")
    await cache.plugin.open()
    first, second = await cache.ask("/1"), await cache.ask("/2")
    assert cache.shown("cache_filling_bytes") == 60_000
    assert second.why == "fwd=uri-miss; fwd-status=200; detail=crowded"
    assert second.stream is origin.streams[1]
    first.response.discard()
    origin.streams[0].fail(UpstreamClosedError("gone"))
    assert cache.shown("cache_filling_bytes") == 0


async def test_a_whole_that_is_fetched_for_a_part_needs_room_too() -> None:
    whole = BodyStream(10, RecordingSource())

    def origin(request: Request) -> Response:
        if b"range" in request.fields:
            return page({**TAGGED, "Content-Range": "bytes 0-1/10"}, b"01", 206)(request)
        return make_response(200, {**TAGGED, "Date": date()}, whole)

    cache = Cached(origin, max_filling=9)
    await cache.plugin.open()
    got = await cache.ask(fields={"Range": "bytes=0-1"})
    assert (got.status, got.body) == (206, b"01")
    assert whole.end is StreamEnd.ABORTED
    assert cache.shown("cache_filling_bytes") == 0
