import asyncio

import pytest

from gateway.errors import BadRequestError, BodyTooLargeError, StreamAbortedError
from gateway.http.body import HIGH_WATER, BodyStream
from gateway.http.message import Request, Response
from tests.support.plugins import make_response
from tests.support.roads import Collecting, Lane, Later, answering, chunked, echo, get, turns


class Taking:
    """A handler that takes the content as an upstream does, and answers when it has ended."""

    def __init__(self) -> None:
        self.sink = Collecting()
        self.body: BodyStream | None = None

    async def __call__(self, request: Request) -> Response:
        if isinstance(request.body, bytes):
            return make_response(body=request.body)
        self.body = request.body
        over = asyncio.Event()
        self.body.on_end(lambda end: over.set())
        self.body.attach(self.sink)
        await over.wait()
        if self.sink.error is not None:
            raise self.sink.error
        return make_response(body=self.sink.data)


def post(*fields: str) -> bytes:
    return get("/", *fields, method="POST")


CHUNKED = post("Transfer-Encoding: chunked")


async def test_a_body_that_comes_with_its_head_is_there_at_once() -> None:
    lane = Lane(later := Later())
    lane.send(get("/", method="POST", body=b"all of it"))
    assert later.requests[0].body == b"all of it"


async def test_a_request_without_content_has_an_empty_body() -> None:
    lane = Lane(later := Later())
    lane.send(post("Content-Length: 0"))
    assert later.requests[0].body == b""


@pytest.mark.parametrize("message", [get("/", method="POST", body=b"content"), CHUNKED + chunked(b"con", b"tent")])
async def test_a_body_may_come_in_any_pieces_and_another_request_behind_it(message: bytes) -> None:
    for cut in range(1, len(message)):
        lane = Lane(Taking())
        lane.send(message[:cut], message[cut:] + get("/next"))
        await turns()
        assert [answer.body for answer in lane.answers("POST", "GET")] == [b"content", b""]


async def test_a_body_with_a_length_is_a_stream_of_that_length() -> None:
    lane = Lane(taking := Taking())
    lane.send(post("Content-Length: 10") + b"half")
    assert taking.body is not None
    assert taking.body.length == 10
    assert taking.sink.data == b"half"


async def test_trailers_arrive_behind_the_content() -> None:
    lane = Lane(taking := Taking())
    lane.send(CHUNKED, chunked(b"content", trailers=b"X-Digest: 1\r\nHost: evil\r\n"))
    assert list(taking.sink.trailers) == [(b"X-Digest", b"1")]


async def test_a_consumer_that_cannot_follow_pauses_the_reading_and_stops_the_clock() -> None:
    lane = Lane(later := Later())
    lane.send(post("Content-Length: 200000"), bytes(HIGH_WATER + 1), b"more")
    assert not lane.transport.is_reading()
    assert lane.connection.deadline == float("inf")
    body = later.requests[0].body
    assert isinstance(body, BodyStream)
    body.attach(sink := Collecting())
    await turns()
    assert len(sink.data) == HIGH_WATER + 5
    assert lane.connection.deadline < float("inf")


async def test_a_consumer_that_is_full_at_the_end_of_a_body_does_not_hold_up_the_next_request() -> None:
    lane = Lane(later := Later())
    lane.send(post("Content-Length: 70000"), bytes(HIGH_WATER), bytes(70_000 - HIGH_WATER), get("/next"))
    await later.answer()
    await later.answer()
    assert lane.answers("POST", "GET")[1].body == b"/next"


async def test_a_body_above_the_limit_is_413_before_a_handler_sees_it() -> None:
    lane = Lane(later := Later(), body=10)
    lane.send(post("Content-Length: 11"), bytes(11))
    assert lane.answer("POST").status == 413
    assert lane.limit_hits("body") == 1
    assert not later.requests
    assert not lane.is_open


async def test_a_chunked_body_fails_once_it_is_above_the_limit() -> None:
    lane = Lane(taking := Taking(), body=10)
    lane.send(CHUNKED, b"8\r\n12345678\r\n", b"3\r\n123\r\n")
    await turns()
    assert isinstance(taking.sink.error, BodyTooLargeError)
    answer = lane.answer("POST")
    assert (answer.status, answer.closes) == (413, True)
    assert lane.limit_hits("body") == 1


@pytest.mark.parametrize("framing", [b"zz\r\n", b"1\r\nab\r\n", b"1;\x00\r\n", b"0\r\nbad\r\n\r\n", b"2\n"])
async def test_broken_framing_fails_the_body_and_ends_the_connection(framing: bytes) -> None:
    lane = Lane(taking := Taking())
    lane.send(CHUNKED, b"3\r\nabc\r\n", framing, get("/smuggled"))
    await turns()
    assert isinstance(taking.sink.error, BadRequestError)
    assert taking.sink.data.startswith(b"abc")
    assert lane.answer("POST").status == 400
    assert not lane.is_open


async def test_broken_framing_that_comes_with_the_head_fails_the_body_as_well() -> None:
    lane = Lane(echo)
    lane.send(CHUNKED + b"zz\r\n" + get("/smuggled"))
    assert lane.answer("POST").status == 400


async def test_after_broken_framing_the_client_may_still_read_its_answer() -> None:
    lane = Lane(echo)
    lane.send(CHUNKED, b"zz\r\n", b"much more of it")
    assert lane.transport.has_ended
    assert not lane.transport.is_closing()
    lane.transport.end()
    await turns()
    lane.assert_gone()


async def test_an_answer_before_the_body_ended_is_the_last_and_lingers() -> None:
    lane = Lane(answering(b"no", 403))
    lane.send(post("Content-Length: 100000"), bytes(50_000))
    answer = lane.answer("POST")
    assert (answer.status, answer.closes) == (403, True)
    assert lane.transport.has_ended
    lane.send(bytes(50_000), get("/next"))
    assert lane.answers("POST")
    lane.transport.end()
    await turns()
    lane.assert_gone()


async def test_an_answer_before_the_end_of_a_paused_body_reads_on_while_it_lingers() -> None:
    lane = Lane(later := Later())
    lane.send(post("Content-Length: 200000"), bytes(HIGH_WATER + 1))
    assert not lane.transport.is_reading()
    await later.answer()
    assert lane.transport.is_reading()
    body = later.requests[0].body
    assert isinstance(body, BodyStream)
    assert isinstance(body.error, StreamAbortedError)


async def test_a_body_that_nobody_wants_any_more_is_read_and_dropped() -> None:
    lane = Lane(later := Later())
    lane.send(post("Content-Length: 200000"), bytes(HIGH_WATER + 1))
    body = later.requests[0].body
    assert isinstance(body, BodyStream)
    body.abort()
    assert lane.transport.is_reading()
    lane.send(bytes(200_000 - HIGH_WATER - 1))
    await later.answer()
    assert lane.answer("POST").closes
    await turns()
    lane.assert_gone()


async def test_a_body_that_was_given_up_has_no_say_in_later_requests() -> None:
    lane = Lane(later := Later())
    lane.send(post("Content-Length: 4"), b"body")
    body = later.requests[0].body
    await later.answer()
    lane.send(get("/next"))
    assert isinstance(body, BodyStream)
    body.pause()
    body.abort()
    await later.answer()
    assert [answer.closes for answer in lane.answers("POST", "GET")] == [False, False]


async def test_a_client_that_leaves_fails_its_body() -> None:
    taking = Taking()
    lane = Lane(taking)
    lane.send(post("Content-Length: 10"), b"half")
    lane.transport.lose()
    assert isinstance(taking.sink.error, StreamAbortedError)
    await turns()
    lane.assert_gone()


class TestExpect:
    EXPECTING = post("Content-Length: 4", "Expect: 100-continue")

    async def test_a_handler_that_reads_the_body_itself_invites_it(self) -> None:
        lane = Lane(echo)
        lane.send(self.EXPECTING)
        assert lane.sent == b"HTTP/1.1 100 Continue\r\n\r\n"
        lane.send(b"body")
        answer = lane.answer("POST")
        assert ([each.status for each in answer.interim], answer.body) == ([100], b"/ body")

    async def test_the_upstream_is_left_to_invite_it_and_its_100_is_relayed_once(self) -> None:
        lane = Lane(taking := Taking())
        lane.send(self.EXPECTING)
        assert lane.sent == b""
        exchange = lane.connection.exchange
        assert exchange is not None
        for _ in range(2):
            assert exchange.request.interim is not None
            exchange.request.interim(100, make_response().fields)
        lane.send(b"body")
        await turns()
        assert [each.status for each in lane.answer("POST").interim] == [100]
        assert taking.sink.data == b"body"

    async def test_a_client_that_does_not_wait_is_not_invited(self) -> None:
        lane = Lane(echo)
        lane.send(self.EXPECTING + b"bo", b"dy")
        assert lane.answer("POST").interim == []

    async def test_a_100_that_nobody_waits_for_is_not_relayed(self) -> None:
        lane = Lane(later := Later())
        lane.send(get("/"))
        interim = later.requests[0].interim
        assert interim is not None
        interim(100, make_response().fields)
        assert lane.sent == b""

    async def test_a_final_answer_instead_of_100_ends_the_connection(self) -> None:
        lane = Lane(answering(b"", 417))
        lane.send(self.EXPECTING)
        answer = lane.answer("POST")
        assert (answer.status, answer.closes, answer.interim) == (417, True, [])
