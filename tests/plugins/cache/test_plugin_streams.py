"""Answers whose content comes bit by bit: stored while they pass, whole or not at all (RFC 9111 §3.3)."""

import pytest

from gateway.api import StreamAbortedError, UpstreamClosedError
from tests.support.cached import FRESH, TAGGED, Cached, Streaming, page
from tests.support.caching import date
from tests.support.streams import RecordingSink

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
