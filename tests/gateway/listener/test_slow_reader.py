import time

from gateway.chain.deadlines import NEVER
from gateway.http.body import BodyStream
from gateway.http.message import Request, Response
from gateway.listener.http1 import Http1Connection
from gateway.listener.slow_reader import SlowReader
from tests.support.plugins import make_response
from tests.support.roads import Lane, answering, get, turns
from tests.support.streams import RecordingSource

LARGE = bytes(200_000)


def slow_reader_of(connection: Http1Connection) -> SlowReader:
    """What the sweep would look at."""
    watched = connection.front.deadlines._members
    return next(member for member in watched if isinstance(member, SlowReader))


async def test_a_downstream_that_takes_nothing_is_cut_and_counted() -> None:
    lane = Lane(answering(LARGE), write_timeout="6s")
    lane.transport.is_stalled = True
    lane.send(get("/"))
    slow = slow_reader_of(lane.connection)
    assert 5 < slow.deadline - time.monotonic() <= 6
    slow.expire(slow.deadline)
    assert lane.transport.was_aborted
    assert lane.limit_hits("write_timeout") == 1
    await turns()
    assert slow.deadline == NEVER
    lane.assert_gone()


async def test_a_downstream_that_takes_a_little_gets_more_time() -> None:
    lane = Lane(answering(LARGE), write_timeout="6s")
    lane.transport.is_stalled = True
    lane.send(get("/"))
    slow = slow_reader_of(lane.connection)
    lane.transport.take(1)
    slow.expire(100.0)
    assert slow.deadline == 106.0
    slow.expire(106.0)
    assert lane.transport.was_aborted


async def test_a_downstream_that_catches_up_is_not_watched_any_more() -> None:
    lane = Lane(answering(LARGE))
    lane.transport.is_stalled = True
    lane.send(get("/"))
    slow = slow_reader_of(lane.connection)
    lane.transport.take()
    assert slow.deadline == NEVER
    assert slow not in lane.front.deadlines._members


async def test_a_downstream_that_stalls_in_the_middle_of_a_stream_is_cut() -> None:
    source = RecordingSource()
    stream = BodyStream(None, source)

    async def handle(request: Request) -> Response:
        return make_response(body=stream)

    lane = Lane(handle)
    lane.transport.is_stalled = True
    lane.send(get("/"))
    stream.feed(LARGE)
    assert source.told == ["pause"]
    slow = slow_reader_of(lane.connection)
    slow.expire(slow.deadline)
    await turns()
    assert source.told == ["pause", "cancel"]
    lane.assert_gone()


async def test_the_rest_of_a_last_answer_that_nobody_takes_is_given_up() -> None:
    lane = Lane(answering(LARGE))
    lane.transport.is_stalled = True
    lane.send(get("/", "Connection: close"))
    lane.transport.take(190_000)
    slow = slow_reader_of(lane.connection)
    slow.expire(100.0)
    assert not lane.transport.is_lost
    slow.expire(slow.deadline)
    await turns()
    lane.assert_gone()


async def test_the_rest_of_an_answer_before_a_lingering_end_is_given_up() -> None:
    lane = Lane(answering(LARGE))
    lane.transport.is_stalled = True
    lane.send(get("/", "Content-Length: 9", method="POST"))
    lane.transport.take(190_000)
    slow = slow_reader_of(lane.connection)
    slow.expire(100.0)
    slow.expire(slow.deadline)
    assert lane.transport.was_aborted
    await turns()
    lane.assert_gone()


async def test_a_lingering_connection_that_has_sent_everything_is_no_slow_reader() -> None:
    lane = Lane(answering(b"x"))
    lane.send(get("/", "Content-Length: 9", method="POST"))
    slow = slow_reader_of(lane.connection)
    slow.expire(slow.deadline)
    assert not lane.transport.was_aborted
    assert lane.limit_hits("write_timeout") == 0
