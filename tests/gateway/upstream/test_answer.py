"""Who steers the connection while an answer streams."""

import pytest

from gateway.http.body import HIGH_WATER
from gateway.upstream.answer import MAX_CHUNK_OVERHEAD
from tests.support.roads import FakeServer, chunked, read_now, turns

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"


@pytest.mark.parametrize("head", [LARGE, b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_an_answer_that_nobody_takes_yet_pauses_the_reading(head: bytes) -> None:
    server = FakeServer()
    asking = server.ask()
    server.transport.receive(head + bytes(HIGH_WATER + 1))
    assert not server.transport.is_reading()
    server.transport.receive(b"more")
    sink = read_now(asking.result)
    await turns()
    assert len(sink.data) == HIGH_WATER + 5


async def test_a_connection_whose_answer_was_paused_to_the_end_reads_the_next_one() -> None:
    server = FakeServer()
    asking = server.ask()
    server.transport.receive(LARGE)
    sink = read_now(asking.result)
    asking.result.body.pause()
    server.transport.receive(bytes(200_000))
    asking.result.body.resume()
    await turns()
    assert (sink.end, server.pool.idle) == ("finished", 1)
    following = server.ask()
    server.transport.receive(CHUNKED + chunked(b"next"))
    assert following.result.body == b"next"


async def test_content_comes_before_the_end_when_both_are_in_one_piece() -> None:
    server = FakeServer()
    asking = server.ask()
    server.transport.receive(CHUNKED)
    sink = read_now(asking.result)
    server.transport.receive(chunked(b"a", b"b", trailers=b"X-End: 1\r\n"))
    assert (sink.data, sink.end, list(sink.trailers)) == (b"ab", "finished", [(b"X-End", b"1")])


async def test_framing_that_is_no_content_is_bounded() -> None:
    server = FakeServer()
    asking = server.ask()
    server.transport.receive(CHUNKED)
    sink = read_now(asking.result)
    server.transport.receive((b"1;" + b"x" * 1000 + b"\r\na\r\n") * (MAX_CHUNK_OVERHEAD // 1000 + 1))
    assert sink.end == "failed"
    assert server.pool.size == 0
