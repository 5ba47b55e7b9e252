"""Time-outs of a downstream connection, and its end."""

import time

from gateway.chain.deadlines import NEVER
from tests.support.roads import Lane, Later, answering, echo, get, turns


async def test_an_idle_connection_is_closed_after_its_time() -> None:
    lane = Lane(echo, keep_alive_timeout="7s")
    assert 6 < lane.connection.deadline - time.monotonic() <= 7
    lane.expire()
    await turns()
    assert lane.sent == b""
    lane.assert_gone()


async def test_an_answered_connection_is_closed_after_its_time() -> None:
    lane = Lane(echo, keep_alive_timeout="7s")
    lane.send(get("/"))
    assert 6 < lane.connection.deadline - time.monotonic() <= 7
    lane.expire()
    await turns()
    assert lane.answer().status == 200
    lane.assert_gone()


async def test_a_head_that_is_not_complete_in_time_is_408() -> None:
    lane = Lane(echo, head_timeout="3s")
    lane.send(b"GET / HT")
    assert 2 < lane.connection.deadline - time.monotonic() <= 3
    lane.expire()
    assert lane.answer().status == 408
    assert lane.limit_hits("head_timeout") == 1


async def test_a_head_has_its_whole_time_even_on_a_connection_that_was_nearly_over() -> None:
    lane = Lane(echo, head_timeout="30s")
    lane.connection.deadline = time.monotonic() + 0.1
    lane.send(b"GET / HT")
    assert lane.connection.deadline - time.monotonic() > 29


async def test_more_of_a_head_does_not_prolong_its_time() -> None:
    lane = Lane(echo, head_timeout="30s")
    lane.send(b"GET / HT")
    before = lane.connection.deadline
    lane.send(b"TP/1.1\r\nHost")
    assert lane.connection.deadline == before


async def test_empty_lines_do_not_prolong_the_time_of_an_idle_connection() -> None:
    lane = Lane(echo)
    before = lane.connection.deadline
    lane.send(b"\r", b"\n", b"\r\n\r", b"\n")
    assert lane.connection.deadline == before


async def test_half_a_head_behind_an_answered_request_has_its_time_too() -> None:
    lane = Lane(echo, head_timeout="3s")
    lane.send(get("/") + b"GET /2")
    assert lane.connection.deadline - time.monotonic() <= 3


async def test_a_request_under_way_is_not_a_matter_of_the_listener() -> None:
    lane = Lane(later := Later())
    lane.send(get("/") + get("/2"))
    assert lane.connection.deadline == NEVER
    await later.answer()
    assert lane.connection.deadline == NEVER


async def test_a_body_that_stops_is_408() -> None:
    lane = Lane(echo, body_idle_timeout="4s")
    lane.send(get("/", "Content-Length: 10", method="POST") + b"half")
    assert 3 < lane.connection.deadline - time.monotonic() <= 4
    lane.expire()
    answer = lane.answer("POST")
    assert (answer.status, answer.closes) == (408, True)
    assert lane.limit_hits("body_idle_timeout") == 1
    await turns()
    lane.assert_gone()


async def test_every_piece_of_a_body_begins_the_time_anew() -> None:
    lane = Lane(echo)
    lane.send(get("/", "Content-Length: 10", method="POST"))
    lane.connection.deadline = 0.0
    lane.send(b"x")
    assert lane.connection.deadline > time.monotonic()


async def test_a_connection_that_lingers_is_cut_when_the_client_goes_on_sending() -> None:
    lane = Lane(echo)
    lane.send(b"nonsense\r\n\r\n")
    assert lane.transport.has_ended
    assert not lane.transport.is_closing()
    for _ in range(65):
        lane.send(bytes(65536))
    assert lane.transport.was_aborted
    await turns()
    lane.assert_gone()


async def test_a_connection_that_lingers_is_cut_after_its_time() -> None:
    lane = Lane(echo)
    lane.send(b"nonsense\r\n\r\n")
    lane.expire()
    assert lane.transport.was_aborted
    await turns()
    lane.assert_gone()


async def test_a_connection_that_lingers_is_not_cut_while_its_answer_is_still_taken() -> None:
    lane = Lane(answering(bytes(100_000)))
    lane.transport.is_stalled = True
    lane.send(get("/", "Content-Length: 10", method="POST"))
    lane.expire()
    assert not lane.transport.is_closing()
    lane.transport.take()
    lane.expire()
    assert lane.transport.was_aborted


async def test_over_tls_which_cannot_half_close_an_answer_is_followed_by_the_end() -> None:
    lane = Lane(answering(b"early"), tls=True)
    lane.send(get("/", "Content-Length: 10", method="POST"))
    assert lane.answer("POST").body == b"early"
    await turns()
    lane.assert_gone()


async def test_draining_closes_an_idle_connection_at_once() -> None:
    lane = Lane(echo)
    lane.front.draining = True
    lane.connection.drain()
    await turns()
    lane.assert_gone()


async def test_draining_closes_a_busy_connection_with_its_answer() -> None:
    lane = Lane(later := Later())
    lane.send(get("/1"))
    lane.front.draining = True
    lane.connection.drain()
    assert lane.is_open
    await later.answer()
    assert lane.answer().closes
    await turns()
    lane.assert_gone()


async def test_draining_lets_a_head_that_has_begun_have_its_answer() -> None:
    lane = Lane(echo)
    lane.send(b"GET / HT")
    lane.front.draining = True
    lane.connection.drain()
    lane.send(b"TP/1.1\r\nHost: a\r\n\r\n")
    assert lane.answer().closes


async def test_no_time_out_stays_in_the_past() -> None:
    lane = Lane(later := Later())
    for octets in (b"GET / HT", b"TP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", b"x"):
        lane.send(octets)
    lane.expire()
    assert lane.connection.deadline > time.monotonic()
    await later.answer()
    assert lane.connection.deadline > time.monotonic()
