import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.redis import connection as module
from gateway.redis.connection import MOST_UNDER_WAY, Connection
from gateway.redis.errors import RedisDownError, RedisReplyError
from tests.support.redis import until


class Transport(asyncio.Transport):
    """Keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.is_aborted = False

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def abort(self) -> None:
        self.is_aborted = True

    def get_write_buffer_size(self) -> int:
        return 0


class Case:
    """A connection between two ends of a test."""

    def __init__(self, timeout: float = 60.0) -> None:
        self.pushed: list[Any] = []
        self.stalls = 0
        self.lost: list[str] = []
        self.transport = Transport()
        self.connection = Connection(timeout, self.pushed.append, self._stall, self._lost)
        self.connection.connection_made(self.transport)

    def _stall(self, connection: Connection) -> None:
        self.stalls += 1
        connection.fail("too late")

    def _lost(self, connection: Connection, reason: str) -> None:
        self.lost.append(reason)


async def test_answers_belong_to_commands_in_their_order() -> None:
    case = Case()
    one, two = case.connection.send(("GET", b"a")), case.connection.send(("INCR", "b"))
    assert case.transport.sent == b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$4\r\nINCR\r\n$1\r\nb\r\n"
    case.connection.data_received(b"$1\r\nx\r\n:7\r\n")
    assert (await one, await two) == (b"x", 7)
    assert case.connection.under_way == 0


async def test_an_answer_in_pieces_is_one_answer() -> None:
    case = Case()
    future = case.connection.send(("GET", b"a"))
    for octet in b"$3\r\nxyz\r\n":
        assert not future.done()
        case.connection.data_received(bytes([octet]))
    assert await future == b"xyz"


async def test_a_refusal_is_an_error() -> None:
    case = Case()
    future = case.connection.send(("SET", "a"))
    case.connection.data_received(b"-ERR wrong number\r\n")
    with pytest.raises(RedisReplyError, match="wrong number"):
        await future


async def test_one_that_gave_up_leaves_a_gap() -> None:
    case = Case()
    gone, stays = case.connection.send(("GET", "a")), case.connection.send(("GET", "b"))
    gone.cancel()
    case.connection.data_received(b"$1\r\n1\r\n$1\r\n2\r\n")
    assert await stays == b"2"


async def test_what_the_server_says_by_itself_is_no_answer() -> None:
    case = Case()
    future = case.connection.send(("GET", "a"))
    case.connection.data_received(b">3\r\n+message\r\n+c\r\n+hello\r\n$1\r\n1\r\n")
    assert await future == b"1"
    assert case.pushed == [[b"message", b"c", b"hello"]]


async def test_a_subscription_is_answered_by_a_push() -> None:
    case = Case()
    subscribed, refused = case.connection.send(("SUBSCRIBE", "c")), case.connection.send(("SUBSCRIBE", "d"))
    case.connection.data_received(b">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n-NOPERM no\r\n")
    assert (await subscribed)[1] == b"c"
    with pytest.raises(RedisReplyError):
        await refused
    assert case.pushed == []


@pytest.mark.parametrize("nonsense", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"+OK\r\n+OK\r\n", b"\0\1\2", b"$-7\r\n"])
async def test_what_does_not_speak_as_redis_does_is_left(nonsense: bytes) -> None:
    case = Case()
    future = case.connection.send(("GET", "a"))
    case.connection.data_received(nonsense)
    assert case.transport.is_aborted
    case.connection.connection_lost(None)
    assert future.done()
    assert len(case.lost) == 1
    assert not case.connection.is_open


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_whatever_comes_nothing_breaks(pieces: list[bytes]) -> None:
    async def run() -> None:
        case = Case()
        futures = [case.connection.send(("GET", "a")) for _ in range(3)]
        for piece in pieces:
            if not case.transport.is_aborted:
                case.connection.data_received(piece)
        case.connection.connection_lost(None)
        assert all(future.done() for future in futures)
        for future in futures:
            future.exception()

    asyncio.run(run())


async def test_a_lost_connection_fails_what_is_under_way_and_what_comes() -> None:
    case = Case()
    future = case.connection.send(("GET", "a"))
    case.connection.connection_lost(OSError("reset"))
    with pytest.raises(RedisDownError, match="reset"):
        await future
    with pytest.raises(RedisDownError):
        await case.connection.send(("GET", "a"))


async def test_nobody_waits_longer_than_the_time_out_and_late_answers_are_nobodys() -> None:
    case = Case(timeout=0.005)
    late = case.connection.send(("GET", "a"))
    with pytest.raises(RedisDownError, match="too late"):
        await late
    assert case.stalls == 1
    case.connection.timeout = 60.0
    soon = case.connection.send(("GET", "b"))
    case.connection.data_received(b"$1\r\na\r\n$1\r\nb\r\n")
    assert await soon == b"b"
    assert case.connection.answered == 2


async def test_a_shorter_time_out_counts_at_once_for_what_is_sent_next() -> None:
    case = Case(timeout=3600.0)
    first = case.connection.send(("PING",))
    case.connection.data_received(b"+PONG\r\n")
    await first
    case.connection.timeout = 0.005
    with pytest.raises(RedisDownError, match="too late"):
        await case.connection.send(("GET", "a"))


async def test_an_answer_in_time_is_no_stall() -> None:
    case = Case(timeout=0.005)
    for _ in range(3):
        future = case.connection.send(("GET", "a"))
        case.connection.data_received(b"$1\r\na\r\n")
        await future
    last = case.connection.send(("GET", "b"))  # the timer of the first ones finds this one
    await until(lambda: last.done())
    assert case.stalls == 1


async def test_what_is_under_way_is_bounded() -> None:
    case = Case()
    futures = [case.connection.send(("PING",)) for _ in range(MOST_UNDER_WAY)]
    with pytest.raises(RedisDownError, match="too much"):
        await case.connection.send(("PING",))
    case.connection.connection_lost(None)
    assert all(future.exception() for future in futures)
    assert case.connection.unsent == 0


async def test_a_loop_that_was_busy_does_not_take_the_server_for_slow() -> None:
    case = Case(timeout=0.02)
    future = case.connection.send(("GET", "a"))
    await asyncio.sleep(0)
    time.sleep(0.1)  # noqa: ASYNC251 - that is what happens
    await asyncio.sleep(0)
    assert case.stalls == 0
    case.connection.data_received(b"$1\r\na\r\n")
    assert await future == b"a"


@pytest.mark.parametrize("answers", [True, False])
async def test_what_has_come_is_read_before_the_verdict(monkeypatch: pytest.MonkeyPatch, answers: bool) -> None:
    now = 100.0
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    case = Case(timeout=10.0)
    future = case.connection.send(("GET", "a"))
    now += 60.0
    case.connection._look()
    assert case.stalls == 0
    if answers:
        case.connection.data_received(b"$1\r\na\r\n")
    case.connection._look()
    assert case.stalls == (not answers)
    assert future.done()


async def test_time_in_which_nobody_came_to_read_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    case = Case(timeout=10.0)
    future = case.connection.send(("GET", "a"))
    for seconds in (10.5, 0.05, 0.05):
        now += seconds
        case.connection._look()
    assert not future.done()


async def test_a_loop_that_is_always_busy_gives_up_in_the_end() -> None:
    case = Case(timeout=0.02)
    future = case.connection.send(("GET", "a"))
    while not future.done():
        time.sleep(0.02)  # noqa: ASYNC251 - that is what happens
        await asyncio.sleep(0)
    assert case.stalls == 1
    with pytest.raises(RedisDownError, match="too late"):
        await future
