import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.chain.eager import EagerTask
from gateway.chain.plugin import Handler
from gateway.errors import RefusedError, UpstreamBrokenError, UpstreamTimeoutError
from gateway.http.body import BodyStream
from gateway.http.fields import Fields
from gateway.http.message import Request, Response
from tests.support.plugins import make_response
from tests.support.roads import Lane, Later, answering, get, turns
from tests.support.streams import RecordingSource
from tests.support.wire import WireError


class Streaming:
    """A handler whose answer has a stream that the test feeds."""

    def __init__(self, length: int | None = None, status: int = 200) -> None:
        self.source = RecordingSource()
        self.stream = BodyStream(length, self.source)
        self.response = make_response(status, body=self.stream)
        self.ends: list[bool] = []
        self.response.on_sent(self.ends.append)

    async def __call__(self, request: Request) -> Response:
        return self.response


async def test_a_stream_of_known_length_goes_out_piece_by_piece() -> None:
    lane = Lane(streaming := Streaming(6))
    lane.send(get("/"))
    assert b"Content-Length: 6\r\n" in lane.sent
    assert lane.sent.endswith(b"\r\n\r\n")
    streaming.stream.feed(b"abc")
    assert lane.sent.endswith(b"abc")
    streaming.stream.feed(b"def")
    streaming.stream.finish()
    assert lane.answer().body == b"abcdef"
    assert streaming.ends == [True]
    assert lane.is_open


async def test_a_stream_of_unknown_length_is_chunked_with_its_trailers() -> None:
    lane = Lane(streaming := Streaming())
    lane.send(get("/"))
    streaming.stream.feed(b"abc")
    streaming.stream.feed(bytes(100_000))
    streaming.stream.finish(Fields([(b"X-Digest", b"1")]))
    answer = lane.answer()
    assert answer.body == b"abc" + bytes(100_000)
    assert answer.trailers == [(b"x-digest", b"1")]


async def test_what_has_come_of_a_stream_leaves_with_the_head_in_one_write() -> None:
    lane = Lane(streaming := Streaming(3))
    streaming.stream.feed(b"abc")
    streaming.stream.finish()
    lane.send(get("/"))
    assert len(lane.transport.writes) == 1
    assert lane.answer().body == b"abc"


async def test_a_client_of_http_1_0_gets_a_stream_that_ends_with_the_connection() -> None:
    lane = Lane(streaming := Streaming())
    lane.send(get("/", "Connection: keep-alive", version="1.0"))
    streaming.stream.feed(b"abc")
    streaming.stream.finish(Fields([(b"X-Digest", b"1")]))
    await turns()
    assert lane.answer(minor=0).body == b"abc"
    lane.assert_gone()


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_a_response_without_content_aborts_the_stream_it_was_given(method: str, status: int) -> None:
    lane = Lane(streaming := Streaming(5, status))
    lane.send(get("/", method=method) + get("/", method=method))
    assert streaming.source.told == ["cancel"]
    answer = lane.answers(method, method)[0]
    assert answer.one(b"content-length") == (None if status == 204 else b"5")
    assert streaming.ends == [True]


async def test_an_answer_to_head_tells_the_length_of_its_content_and_keeps_it() -> None:
    lane = Lane(answering(b"content"))
    lane.send(get("/", method="HEAD"))
    assert lane.answer("HEAD").one(b"content-length") == b"7"


async def test_a_large_body_is_sent_whole() -> None:
    lane = Lane(answering(body := bytes(range(256)) * 1000))
    lane.send(get("/"))
    assert lane.answer().body == body


async def test_a_date_is_added_only_where_there_is_none() -> None:
    lane = Lane(answering(fields=[("Date", "Mon, 01 Jan 2024 00:00:00 GMT")]))
    lane.send(get("/"))
    assert lane.answer().one(b"date") == b"Mon, 01 Jan 2024 00:00:00 GMT"
    lane = Lane(answering())
    lane.send(get("/"))
    assert lane.answer().one(b"date")


@pytest.mark.parametrize("pieces", [[b"ab"], [b"abc", b"def"], [b"abcdef"]])
async def test_a_stream_that_does_not_have_its_length_never_looks_whole_and_nothing_passes_for_more(
    pieces: list[bytes],
) -> None:
    lane = Lane(streaming := Streaming(4))
    lane.send(get("/"), get("/next"))
    for piece in pieces:
        streaming.stream.feed(piece)
    streaming.stream.finish()
    content = lane.sent.partition(b"\r\n\r\n")[2]
    assert len(content) < 4
    assert lane.transport.was_aborted
    assert streaming.ends == [False]
    await turns()
    lane.assert_gone()


async def test_a_stream_that_breaks_off_cuts_the_connection() -> None:
    lane = Lane(streaming := Streaming())
    lane.send(get("/"))
    streaming.stream.feed(b"abc")
    streaming.stream.fail(UpstreamBrokenError("reset"))
    await turns()
    with pytest.raises(WireError):
        lane.answer()
    assert streaming.ends == [False]
    assert lane.figures.value("http_errors_total", reason="broken") == 1
    assert lane.log.records[0]["broken"] is True
    lane.assert_gone()


async def test_a_stream_that_failed_before_anything_of_it_came_is_an_error_and_not_a_cut_connection() -> None:
    lane = Lane(streaming := Streaming(5))
    streaming.stream.fail(UpstreamBrokenError("reset"))
    lane.send(get("/"))
    assert lane.answer().status == 502
    assert lane.is_open
    assert streaming.ends == [False]


async def test_an_empty_stream_that_should_not_be_is_an_error_and_not_a_cut_connection() -> None:
    lane = Lane(streaming := Streaming(5))
    streaming.stream.finish()
    lane.send(get("/"))
    assert lane.answer().status == 500
    assert lane.is_open


async def test_a_slow_downstream_pauses_the_stream_until_it_has_caught_up() -> None:
    lane = Lane(streaming := Streaming())
    lane.transport.is_stalled = True
    lane.send(get("/"))
    streaming.stream.feed(bytes(200_000))
    assert streaming.source.told == ["pause"]
    lane.transport.take()
    assert streaming.source.told == ["pause", "resume"]
    streaming.stream.finish()
    assert lane.answer().body == bytes(200_000)


async def test_a_downstream_that_is_already_slow_pauses_what_waits_in_the_stream_once() -> None:
    lane = Lane(streaming := Streaming())
    lane.transport.is_stalled = True
    streaming.stream.feed(bytes(200_000))
    assert streaming.source.told == ["pause"]
    lane.send(get("/"))
    assert streaming.source.paused
    lane.transport.take()
    assert not streaming.source.paused


async def test_a_client_that_leaves_while_a_body_streams_stops_the_source() -> None:
    lane = Lane(streaming := Streaming())
    lane.send(get("/"))
    streaming.stream.feed(b"abc")
    lane.transport.end()
    await turns()
    assert streaming.source.told == ["cancel"]
    assert streaming.ends == [False]
    streaming.stream.feed(b"late")
    streaming.stream.finish()
    assert len(lane.log.records) == 1
    lane.assert_gone()


async def test_a_stream_that_somebody_else_aborts_while_it_is_sent_does_not_look_whole() -> None:
    lane = Lane(streaming := Streaming())
    lane.send(get("/"))
    streaming.stream.feed(b"abc")
    streaming.stream.abort()
    await turns()
    with pytest.raises(WireError):
        lane.answer()
    lane.assert_gone()


async def test_an_error_of_the_chain_becomes_an_answer() -> None:
    async def refuse(request: Request) -> Response:
        raise RefusedError("not you", 403)

    lane = Lane(refuse)
    lane.send(get("/"))
    assert lane.answer().status == 403
    assert lane.is_open
    assert lane.log.records[0]["error"] == "refused"


async def test_an_error_of_the_chain_that_comes_later_becomes_an_answer_too() -> None:
    lane = Lane(later := Later())
    lane.send(get("/"))
    await later.answer(UpstreamTimeoutError("too slow"))
    assert lane.answer().status == 504


def _two_readers() -> Response:
    stream = BodyStream(3, RecordingSource())
    stream.attach(_Nobody())
    return make_response(body=stream)


class _Nobody:
    def feed(self, data: bytes) -> None: ...

    def finish(self, trailers: Fields | None) -> None: ...

    def fail(self, error: Exception) -> None: ...


@pytest.mark.parametrize("make", [lambda: None, lambda: "text", lambda: make_response(101)])
@pytest.mark.parametrize("waits", [False, True])
async def test_what_is_no_response_is_500(make: Callable[[], Any], waits: bool) -> None:
    lane = Lane(_giving(make, waits))
    with capture_logs() as logs:
        lane.send(get("/"))
        await turns()
    assert lane.answer().status == 500
    assert lane.is_open
    assert [log["event"] for log in logs] == ["the chain failed"]


@pytest.mark.parametrize("waits", [False, True])
async def test_a_body_that_has_a_reader_already_cuts_the_connection(waits: bool) -> None:
    lane = Lane(_giving(_two_readers, waits))
    with capture_logs() as logs:
        lane.send(get("/"))
        await turns()
    assert lane.sent == b""
    assert [log["event"] for log in logs] == ["an answer cannot be sent"]
    lane.assert_gone()


def _giving(make: Callable[[], Any], waits: bool) -> Handler:
    async def handle(request: Request) -> Response:
        if waits:
            await asyncio.sleep(0)
        response: Response = make()
        return response

    return handle


async def test_a_plugin_that_fails_is_500_and_logged_without_telling_the_client_why() -> None:
    async def fail(request: Request) -> Response:
        raise ValueError("a secret")

    lane = Lane(fail)
    with capture_logs() as logs:
        lane.send(get("/"))
    assert lane.answer().status == 500
    assert b"secret" not in lane.sent
    assert lane.is_open
    assert logs[0]["event"] == "the chain failed"


async def test_a_plugin_that_fails_over_the_end_of_its_answer_holds_nobody_up() -> None:
    def fail(complete: bool) -> None:
        raise ValueError("broken")

    async def handle(request: Request) -> Response:
        await asyncio.sleep(0)
        response = make_response(body=b"x")
        response.on_sent(fail)
        return response

    lane = Lane(handle)
    with capture_logs() as logs:
        lane.send(get("/1") + get("/2"))
        await turns(10)
    assert len(lane.answers("GET", "GET")) == 2
    assert [log["event"] for log in logs] == ["a plugin failed after its answer"] * 2


async def test_an_answer_that_comes_after_the_client_has_left_is_given_up() -> None:
    source = RecordingSource()
    ends: list[bool] = []

    async def stubborn(request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass
        response = make_response(body=BodyStream(5, source))
        response.on_sent(ends.append)
        return response

    lane = Lane(stubborn)
    lane.send(get("/"))
    lane.transport.lose()
    await turns()
    assert source.told == ["cancel"]
    assert ends == [False]
    assert [record["status"] for record in lane.log.records] == [499]
    lane.assert_gone()


async def test_an_exchange_that_others_wait_for_goes_on_without_its_client() -> None:
    answered: list[bool] = []

    class Others:
        def keeps(self) -> bool:
            return True

    async def shared(request: Request) -> Response:
        task: Any = asyncio.current_task()
        assert isinstance(task, EagerTask)
        task.keeper = Others()
        await others_have_it.wait()
        answered.append(True)
        return make_response(body=b"late")

    others_have_it = asyncio.Event()
    lane = Lane(shared)
    lane.send(get("/"))
    lane.transport.lose()
    await turns()
    assert lane.log.records == []
    others_have_it.set()
    await turns()
    assert answered == [True]
    assert [record["status"] for record in lane.log.records] == [499]
    lane.assert_gone()


async def test_a_plugin_that_fails_after_the_client_has_left_is_logged() -> None:
    async def clumsy(request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("cannot clean up")

    lane = Lane(clumsy)
    lane.send(get("/"))
    with capture_logs() as logs:
        lane.transport.lose()
        await turns()
    assert logs[0]["event"] == "a plugin failed after the downstream left"
    lane.assert_gone()


async def test_an_exchange_is_counted_and_logged_once() -> None:
    lane = Lane(answering(b"hello"))
    lane.send(get("/x?token=1", "User-Agent: test"))
    assert lane.requests("2xx") == 1
    (record,) = lane.log.records
    assert (record["status"], record["octets"], record["route"]) == (200, 5, "default")
