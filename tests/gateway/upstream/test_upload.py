import time

import pytest

from gateway.chain.deadlines import NEVER
from gateway.errors import BadRequestError, StreamAbortedError, UpstreamBrokenError, UpstreamTimeoutError
from gateway.http.body import BodyStream, StreamEnd
from gateway.http.fields import Fields
from tests.support.plugins import make_request
from tests.support.roads import Asking, FakeServer, read_now, turns
from tests.support.streams import RecordingSource

SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Uploading:
    """A request on its way up, with a body that the test feeds."""

    def __init__(self, length: int | None = None) -> None:
        self.server = FakeServer()
        self.source = RecordingSource()
        self.body = BodyStream(length, self.source)

    def begin(self) -> Asking:
        self.asking = self.server.ask(make_request("POST", body=self.body))
        return self.asking

    @property
    def content(self) -> bytes:
        return bytes(self.server.transport.sent).partition(b"\r\n\r\n")[2]


async def test_a_body_of_known_length_goes_up_as_it_comes() -> None:
    up = Uploading(6)
    up.body.feed(b"abc")
    asking = up.begin()
    up.body.feed(b"def")
    up.body.finish()
    assert up.content == b"abcdef"
    up.server.transport.receive(SMALL)
    assert asking.result.status == 200
    assert up.server.pool.idle == 1


async def test_a_body_of_unknown_length_goes_up_in_chunks_with_its_trailers() -> None:
    up = Uploading()
    up.begin()
    up.body.feed(b"abc")
    up.body.finish(Fields([(b"X-Digest", b"1")]))
    assert up.content == b"3\r\nabc\r\n0\r\nX-Digest: 1\r\n\r\n"


async def test_the_wait_for_the_answer_begins_with_the_last_octet() -> None:
    up = Uploading(3)
    up.begin()
    assert up.server.transport.protocol.deadline == NEVER
    up.body.feed(b"abc")
    up.body.finish()
    assert 2 < up.server.transport.protocol.deadline - time.monotonic() <= 3


@pytest.mark.parametrize("length", [None, 10])
async def test_a_body_that_breaks_off_never_looks_whole(length: int | None) -> None:
    up = Uploading(length)
    asking = up.begin()
    up.body.feed(b"abc")
    up.body.fail(error := BadRequestError("a bad chunk"))
    await turns()
    assert asking.error is error
    assert b"0\r\n\r\n" not in up.content
    assert up.server.transport.was_aborted
    assert up.server.pool.size == 0


async def test_an_error_of_nobody_is_the_gateways_word_for_it() -> None:
    up = Uploading()
    asking = up.begin()
    up.body.fail(ValueError("of a plugin"))
    await turns()
    assert isinstance(asking.error, UpstreamBrokenError)


async def test_a_body_that_had_failed_before_fails_the_request() -> None:
    up = Uploading()
    up.body.fail(error := BadRequestError("a bad chunk"))
    assert up.begin().error is error
    assert up.server.pool.size == 0


async def test_a_body_that_somebody_else_aborts_fails_the_request() -> None:
    up = Uploading()
    asking = up.begin()
    up.body.feed(b"abc")
    up.body.abort()
    await turns()
    assert isinstance(asking.error, StreamAbortedError)
    assert up.server.pool.size == 0


@pytest.mark.parametrize("pieces", [[b"ab"], [b"ab", b"cdef"]])
async def test_a_body_that_does_not_have_its_length_fails_and_nothing_passes_for_another_request(
    pieces: list[bytes],
) -> None:
    up = Uploading(4)
    asking = up.begin()
    for piece in pieces:
        up.body.feed(piece)
    up.body.finish()
    await turns()
    assert isinstance(asking.error, UpstreamBrokenError)
    assert len(up.content) < 4
    assert up.server.transport.was_aborted


async def test_a_server_that_reads_slowly_pauses_the_body() -> None:
    up = Uploading()
    up.begin()
    up.server.transport.is_stalled = True
    up.body.feed(bytes(300_000))
    assert up.source.told == ["pause"]
    assert up.server.transport.protocol.deadline < NEVER
    up.server.transport.take()
    assert up.source.told == ["pause", "resume"]
    assert up.server.transport.protocol.deadline == NEVER


async def test_a_server_that_takes_nothing_is_504() -> None:
    up = Uploading()
    asking = up.begin()
    up.server.transport.is_stalled = True
    up.body.feed(bytes(300_000))
    up.server.expire()
    assert isinstance(asking.error, UpstreamTimeoutError)
    assert up.body.end is StreamEnd.ABORTED


async def test_a_server_that_has_caught_up_in_the_middle_of_its_answer_still_has_a_time_out() -> None:
    up = Uploading()
    asking = up.begin()
    up.server.transport.is_stalled = True
    up.body.feed(bytes(300_000))
    up.server.transport.receive(b"HTTP/1.1 200 OK\r\n\r\nbegun")
    sink = read_now(asking.result)
    up.server.transport.take()
    up.body.finish()
    up.server.expire()
    assert isinstance(sink.error, UpstreamBrokenError)


async def test_an_answer_before_the_end_of_the_body_stops_the_upload_and_ends_the_connection() -> None:
    up = Uploading()
    asking = up.begin()
    up.body.feed(b"abc")
    up.server.transport.receive(b"HTTP/1.1 413 Too much\r\nContent-Length: 2\r\n\r\nno")
    assert (asking.result.status, asking.result.body) == (413, b"no")
    assert up.source.told == ["cancel"]
    assert up.server.transport.was_aborted
    assert up.server.pool.size == 0


async def test_an_answer_may_stream_while_the_body_still_goes_up() -> None:
    up = Uploading()
    asking = up.begin()
    up.server.transport.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n")
    sink = read_now(asking.result)
    up.body.feed(b"abc")
    up.server.transport.receive(bytes(20_000))
    up.body.finish()
    up.server.transport.receive(bytes(20_000))
    assert (up.content, sink.end) == (b"3\r\nabc\r\n0\r\n\r\n", "finished")
    assert up.server.pool.idle == 1


async def test_a_body_that_breaks_off_breaks_off_the_answer_too() -> None:
    up = Uploading()
    asking = up.begin()
    up.server.transport.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n")
    sink = read_now(asking.result)
    up.body.fail(error := StreamAbortedError("the client left"))
    assert sink.error is error
    assert up.server.pool.size == 0


async def test_a_server_that_leaves_stops_the_upload() -> None:
    up = Uploading()
    asking = up.begin()
    up.server.transport.end()
    await turns()
    assert up.source.told == ["cancel"]
    assert asking.error is not None
    up.body.feed(b"late")
    up.body.finish()
