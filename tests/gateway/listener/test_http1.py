import asyncio

import pytest

from gateway.http.body import StreamEnd
from gateway.http.fields import Fields
from gateway.http.message import Request, Response
from tests.support.plugins import make_response
from tests.support.roads import CLIENT, Lane, Later, answering, chunked, echo, get, turns

HEAD = get("/a")


async def test_a_request_is_answered_in_the_call_that_brought_it() -> None:
    lane = Lane(answering(b"hello"))
    lane.send(get("/"))
    assert lane.answer().body == b"hello"
    assert lane.is_open


@pytest.mark.parametrize("cut", range(1, len(HEAD)))
async def test_a_head_may_come_in_two_pieces_cut_anywhere(cut: int) -> None:
    lane = Lane(echo)
    lane.send(HEAD[:cut], HEAD[cut:])
    assert lane.answer().body == b"/a "


async def test_a_head_may_come_octet_by_octet() -> None:
    lane = Lane(echo)
    lane.send(*(bytes([octet]) for octet in HEAD * 2))
    assert [answer.body for answer in lane.answers("GET", "GET")] == [b"/a "] * 2


async def test_pipelined_requests_are_answered_in_order() -> None:
    lane, later = Lane(handler := Later()), handler
    lane.send(get("/1") + get("/2"), get("/3"))
    assert [request.target for request in later.requests] == [b"/1"]
    for _ in range(3):
        await later.answer()
    assert [answer.body for answer in lane.answers(*["GET"] * 3)] == [b"/1", b"/2", b"/3"]


async def test_more_pipelined_requests_than_the_limit_take_several_turns_of_the_loop() -> None:
    lane = Lane(echo, pipelined=2)
    lane.send(get("/") * 5)
    assert lane.sent.count(b"HTTP/1.1 200") == 2
    await turns()
    assert len(lane.answers(*["GET"] * 5)) == 5


async def test_too_many_waiting_requests_stop_the_reading_until_there_is_room() -> None:
    lane = Lane(later := Later())
    flood = get("/") * 2000
    lane.send(flood[:1000], flood[1000:])
    assert not lane.transport.is_reading()
    assert lane.limit_hits("pipelined") == 1
    for _ in range(2000):
        await later.answer()
    assert len(lane.answers(*["GET"] * 2000)) == 2000
    assert lane.transport.is_reading()


async def test_reading_goes_on_after_a_flood_that_was_answered_at_once() -> None:
    lane = Lane(echo)
    lane.send(get("/") * 4000)
    await turns(200)
    assert lane.transport.is_reading()
    lane.send(get("/last"))
    assert lane.answers(*["GET"] * 4001)[-1].body == b"/last "


async def test_a_body_behind_a_flood_is_read_to_its_end() -> None:
    lane = Lane(later := Later())
    lane.send(get("/"), get("/") * 2000 + get("/upload", "Content-Length: 20", method="POST") + b"half a body")
    lane.send(b"and more.")
    while later.requests[-1].target != b"/upload":
        await later.answer()
    assert await _content(later.requests[-1]) == b"half a bodyand more."


async def _content(request: Request) -> bytes:
    return request.body if isinstance(request.body, bytes) else await request.body.read(1000)


async def test_a_request_behind_a_chunked_body_in_the_same_piece_is_answered_too() -> None:
    lane = Lane(echo)
    post = get("/1", "Transfer-Encoding: chunked", method="POST") + chunked(b"content")
    lane.send(post + get("/2") + post + post)
    assert [answer.body for answer in lane.answers("POST", "GET", "POST", "POST")] == [
        b"/1 content",
        b"/2 ",
        b"/1 content",
        b"/1 content",
    ]


async def test_what_comes_while_the_downstream_takes_nothing_waits() -> None:
    lane = Lane(answering(bytes(200_000)))
    lane.transport.is_stalled = True
    lane.send(get("/1"), get("/2"))
    assert lane.sent.count(b"HTTP/1.1 200") == 1
    lane.transport.take()
    assert lane.sent.count(b"HTTP/1.1 200") == 2


async def test_empty_lines_before_a_request_are_skipped() -> None:
    lane = Lane(echo)
    lane.send(b"\r\n" + get("/1") + b"\r\n\r", b"\n" + get("/2"))
    assert [answer.body for answer in lane.answers("GET", "GET")] == [b"/1 ", b"/2 "]


async def test_a_request_without_a_route_is_404() -> None:
    lane = Lane(None)
    lane.send(get("/"))
    assert lane.answer().status == 404
    assert lane.is_open


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"\r\n" * 5, 400),
        (b"GET\x00", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET /" + b"x" * 9000, 414),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 33_000, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 6000 + b"\r\n", 431),
    ],
)
async def test_what_can_never_be_a_request_is_refused_and_nothing_behind_it_read(octets: bytes, status: int) -> None:
    lane = Lane(echo)
    lane.send(octets, get("/"))
    answer = lane.answer()
    assert (answer.status, answer.closes) == (status, True)
    assert not lane.is_open
    lane.transport.end()
    await turns()
    lane.assert_gone()


async def test_requests_before_a_bad_one_are_answered() -> None:
    lane = Lane(later := Later())
    lane.send(get("/1") + b"nonsense\r\n\r\n" + get("/2"))
    await later.answer()
    assert [answer.status for answer in lane.answers("GET", "GET")] == [200, 400]
    assert len(later.requests) == 1


@pytest.mark.parametrize(
    ("request_octets", "minor", "stays"),
    [
        (get("/"), 1, True),
        (get("/", "Connection: close"), 1, False),
        (get("/", version="1.0"), 0, False),
        (get("/", "Connection: keep-alive", version="1.0"), 0, True),
    ],
)
async def test_the_connection_stays_as_the_request_wants(request_octets: bytes, minor: int, stays: bool) -> None:
    lane = Lane(answering(b"x"))
    lane.send(request_octets)
    assert lane.answer(minor=minor).closes is not stays
    assert lane.is_open is stays


async def test_nothing_behind_a_last_request_is_answered() -> None:
    lane = Lane(later := Later())
    lane.send(get("/1", "Connection: close") + get("/2"), get("/3"))
    await later.answer()
    assert len(lane.answers("GET")) == 1
    lane.transport.end()
    await turns()
    lane.assert_gone()


async def test_a_connection_carries_no_more_requests_than_its_limit() -> None:
    lane = Lane(echo, requests_per_connection=2)
    lane.send(get("/1"), get("/2"))
    assert [answer.closes for answer in lane.answers("GET", "GET")] == [False, True]
    await turns()
    lane.assert_gone()


async def test_a_client_that_leaves_cancels_its_request() -> None:
    lane = Lane(later := Later())
    lane.send(get("/"))
    lane.transport.end()
    await turns()
    assert later.cancelled == 1
    assert lane.sent == b""
    assert lane.log.records[-1]["status"] == 499
    lane.assert_gone()


async def test_a_client_that_leaves_in_the_middle_of_its_upload_is_no_failure_of_the_gateway() -> None:
    lane = Lane(echo)
    lane.send(get("/", "Content-Length: 10", method="POST") + b"half")
    lane.transport.lose(ConnectionResetError())
    await turns()
    assert (lane.requests("4xx", "POST"), lane.requests("5xx", "POST")) == (1, 0)
    assert lane.figures.value("http_errors_total", reason="aborted") == 0
    lane.assert_gone()


async def test_a_place_is_given_back_even_when_a_plugin_fails_over_the_loss() -> None:
    def fail(end: StreamEnd) -> None:
        raise ZeroDivisionError

    async def handle(request: Request) -> Response:
        assert not isinstance(request.body, bytes)
        request.body.on_end(fail)
        await asyncio.Event().wait()
        return make_response()

    lane = Lane(handle)
    lane.send(get("/", "Content-Length: 10", method="POST"))
    with pytest.raises(ZeroDivisionError):
        lane.transport.lose()
    assert (lane.front.occupied, lane.front.by_address) == (0, {})
    await turns()


async def test_an_interim_response_is_relayed_before_the_answer_and_not_after_it() -> None:
    hints = Fields([(b"Link", b"</style.css>")])
    lane = Lane(later := Later())
    lane.send(get("/"))
    interim = later.requests[0].interim
    assert interim is not None
    interim(103, hints)
    await later.answer()
    interim(103, hints)
    answer = lane.answer()
    assert [(each.status, each.one(b"link")) for each in answer.interim] == [(103, b"</style.css>")]


async def test_a_client_of_http_1_0_gets_no_interim_response() -> None:
    lane = Lane(later := Later())
    lane.send(get("/", version="1.0"))
    interim = later.requests[0].interim
    assert interim is not None
    interim(103, Fields())
    await later.answer()
    assert lane.answer(minor=0).status == 200


async def test_the_address_of_a_connection_is_counted_until_it_ends() -> None:
    lane = Lane(echo)
    assert lane.front.by_address == {CLIENT: 1}
    room: list[bool] = []
    lane.front.room = lambda: room.append(True)
    lane.transport.end()
    await turns()
    assert room == [True]
    lane.assert_gone()


async def test_a_refusal_stands_in_the_access_log() -> None:
    lane = Lane(echo)
    lane.send(b"nonsense\r\n\r\n")
    assert (lane.log.records[0]["status"], lane.log.records[0]["error"]) == (400, "bad_request")
