"""An answer of the short way looks like one of the long way, and what cannot go the short way takes the long one."""

import pytest

from gateway.chain.plugin import AtOnce
from gateway.errors import OverloadedError
from gateway.http.body import BodyStream
from gateway.http.fields import Fields
from gateway.http.message import Monotonic, Request, Response
from tests.support.roads import Lane, answering, get


def dated(status: int = 200, body: bytes = b"content") -> Response:
    response = Response(status, Fields([(b"Date", b"Fri, 20 Nov 2026 23:15:10 GMT")]), body)
    response.dated = True
    return response


def lane_with(at_once: AtOnce, *, log: bool = False) -> Lane:
    lane = Lane(answering(b"the long way"))
    lane.log.enabled = log
    route = lane.front.router(Request("GET", b"/", Fields()))
    assert route is not None
    route.at_once = at_once
    return lane


async def test_it_is_written_counted_and_the_connection_goes_on() -> None:
    lane = lane_with(lambda request: dated())
    lane.send(get())
    assert lane.sent == (b"HTTP/1.1 200 OK\r\nDate: Fri, 20 Nov 2026 23:15:10 GMT\r\nContent-Length: 7\r\n\r\ncontent")
    lane.send(get())
    assert lane.requests("2xx") == 2
    assert lane.figures.value("http_downstream_bytes_total", direction="out") == len(lane.sent)


async def test_without_an_answer_the_chain_is_asked() -> None:
    lane = lane_with(lambda request: None)
    lane.send(get())
    assert lane.sent.endswith(b"the long way")


@pytest.mark.parametrize("size", [1, 200_000])
async def test_small_and_large_content_arrive_whole(size: int) -> None:
    lane = lane_with(lambda request: dated(body=b"x" * size))
    lane.send(get())
    assert lane.sent.endswith(b"\r\n\r\n" + b"x" * size)


async def test_a_client_that_wants_to_leave_is_told_and_let_go() -> None:
    lane = lane_with(lambda request: dated())
    lane.send(get("/", "Connection: close"))
    assert b"Connection: close\r\n" in lane.sent
    assert lane.transport.is_closing() or lane.transport.has_ended


@pytest.mark.parametrize(
    ("response", "begins"), [(dated(304, b""), b"HTTP/1.1 304"), (Response(200, Fields(), b"x"), b"HTTP/1.1 200")]
)
async def test_what_needs_more_care_gets_it(response: Response, begins: bytes) -> None:
    lane = lane_with(lambda request: response)
    lane.send(get())
    assert lane.sent.startswith(begins)
    assert b"Date: " in lane.sent
    assert lane.connection.exchange is None


async def test_a_stream_is_sent_as_it_comes() -> None:
    stream = BodyStream(4)
    response = dated()
    response.body = stream
    lane = lane_with(lambda request: response)
    lane.send(get())
    stream.feed(b"more")
    stream.finish()
    assert lane.sent.endswith(b"\r\n\r\nmore")


async def test_whoever_waits_for_its_end_is_told() -> None:
    told: list[bool] = []
    response = dated()
    response.on_sent(told.append)
    lane = lane_with(lambda request: response)
    lane.send(get())
    assert told == [True]


async def test_the_access_log_sees_it() -> None:
    lane = lane_with(lambda request: dated(), log=True)
    lane.send(get())
    assert [record["status"] for record in lane.log.records] == [200]


@pytest.mark.parametrize(("error", "status"), [(OverloadedError("too much"), b"503"), (ValueError("a bug"), b"500")])
async def test_what_it_raises_becomes_an_answer(error: Exception, status: bytes) -> None:
    def fail(request: Request) -> Response:
        raise error

    lane = lane_with(fail)
    lane.send(get())
    assert lane.sent.startswith(b"HTTP/1.1 " + status)


class Lasting:
    """What lets an answer be given again."""

    alive = True
    until = Monotonic(2e9)
    reads: frozenset[bytes] = frozenset()

    def lines(self, now: float) -> tuple[bytes, float]:
        return b"Date: now\r\n", 2e9

    def used(self, times: int) -> None:
        """Nobody counts."""


def refusing(*, log: bool = False) -> Lane:
    def refuse(request: Request) -> Response:
        response = Response(503, Fields([(b"Date", b"then")]), b"no")
        response.dated = True
        response.replay, response.replay_lines = Lasting(), b"Date: then\r\n"
        return response

    lane = lane_with(refuse, log=log)
    route = lane.front.router(Request("GET", b"/", Fields()))
    assert route is not None
    route.may_replay = True
    return lane


async def test_an_answer_that_may_be_given_again_is_offered_to_the_lane_when_its_head_has_come_before() -> None:
    lane = refusing()
    lane.send(get("/a"))
    lane.send(get("/a"))
    assert len(lane.front.lane) == 0
    lane.send(get("/a"))
    assert len(lane.front.lane) == 1
    lane.send(get("/a"))
    assert lane.sent.count(b"Date: then") == 3
    assert lane.sent.endswith(b"503 Service Unavailable\r\nDate: now\r\nContent-Length: 2\r\n\r\nno")


@pytest.mark.parametrize("head", [get("/a", method="HEAD"), get("/a", "Cookie: a=b"), get("/a", "Connection: close")])
async def test_it_is_offered_for_no_head_that_may_want_another_answer(head: bytes) -> None:
    lane = refusing()
    for _ in range(3):
        lane.send(head)
    assert len(lane.front.lane) == 0
