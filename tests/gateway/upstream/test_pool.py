import asyncio
import gc
import time
from collections.abc import AsyncIterator

import pytest

from gateway.errors import PoolTimeoutError, UpstreamConnectError, UpstreamTimeoutError
from gateway.http.message import Response
from gateway.upstream.http1 import UpstreamConnection
from tests.support.plugins import make_request
from tests.support.roads import Asking, FakeServer, chunked, read_now, turns
from tests.support.transports import FakeTransport, as_callback

SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
WITH_TRAILERS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"first", trailers=b"A: b\r\n")
STREAMED = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
LATER = 1e12


@pytest.fixture(autouse=True)
async def ends() -> AsyncIterator[None]:
    """What a test leaves waiting ends while its loop is there."""
    yield
    gc.collect()


def acquire(server: FakeServer) -> Asking:
    return Asking(server.pool.acquire(LATER))


async def test_the_connection_used_last_is_taken_first() -> None:
    server = FakeServer()
    first, second = server.ask(), server.ask()
    server.opened[1].receive(SMALL)
    server.opened[0].receive(SMALL)
    assert first.result.status == second.result.status == 200
    assert server.pool.take() is server.opened[0].protocol
    assert server.pool.take() is server.opened[1].protocol
    assert server.pool.take() is None


async def test_a_connection_that_is_closing_is_not_taken() -> None:
    server = FakeServer()
    server.ask()
    server.transport.receive(SMALL)
    server.transport.close()
    assert server.pool.take() is None
    assert server.pool.size == 0
    await turns()
    assert server.pool.size == 0


async def test_an_idle_connection_is_kept_for_its_time() -> None:
    server = FakeServer()
    server.ask()
    server.transport.receive(SMALL)
    assert 49 < server.transport.protocol.deadline - time.monotonic() <= 52


async def test_a_failure_to_connect_gives_the_place_back() -> None:
    server = FakeServer(refuses=[UpstreamConnectError("refused")])
    asking = server.ask()
    assert isinstance(asking.error, UpstreamConnectError)
    assert server.pool.size == 0


async def test_giving_up_while_connecting_gives_the_place_back_once() -> None:
    server = FakeServer()
    server.may_open = asyncio.Event()
    asking = server.ask()
    assert server.pool.size == 1
    asking.cancel()
    await turns()
    assert server.pool.size == 0


async def test_a_connection_that_stands_but_nobody_gets_gives_its_place_back_once() -> None:
    server = FakeServer()
    made: list[FakeTransport] = []

    async def connect_and_fail(pool: object, until: float) -> UpstreamConnection:
        server.connect()
        made.append(server.transport)
        server.transport.close()
        raise UpstreamConnectError("the handshake came too late")

    server.connects = connect_and_fail
    assert isinstance(acquire(server).error, UpstreamConnectError)
    await turns()
    assert made[0].is_lost
    assert server.pool.size == 0


async def test_a_connection_that_ends_at_once_is_no_connection() -> None:
    server = FakeServer()

    async def connect(pool: object, until: float) -> UpstreamConnection:
        connection = server.connect()
        server.transport.lose()
        return connection

    server.connects = connect
    assert isinstance(acquire(server).error, UpstreamConnectError)
    assert server.pool.size == 0


class TestLine:
    async def test_a_request_that_finds_none_free_gets_the_first_that_becomes_free(self) -> None:
        server = FakeServer(connections=1)
        first, second = server.ask(make_request(target="/1")), server.ask(make_request(target="/2"))
        assert len(server.opened) == 1
        server.transport.receive(SMALL)
        assert first.result.status == 200
        assert b"GET /2 " in server.transport.sent
        server.transport.receive(SMALL)
        assert second.result.status == 200
        assert (len(server.opened), server.pool.size, server.pool.idle) == (1, 1, 1)

    async def test_whoever_waits_gets_its_own_answer_and_not_the_one_just_complete(self) -> None:
        server = FakeServer(connections=1)
        first, second = server.ask(make_request(target="/1")), server.ask(make_request(target="/2"))
        server.transport.receive(WITH_TRAILERS)
        assert read_now(first.result).data == b"first"
        assert not second.finished
        server.transport.receive(SMALL)
        assert second.result.body == b"ok"

    async def test_a_streamed_answer_hands_its_connection_over_at_its_end(self) -> None:
        server = FakeServer(connections=1)
        first, second = server.ask(), server.ask()
        server.transport.receive(STREAMED)
        sink = read_now(first.result)
        server.transport.receive(bytes(100_000))
        assert (sink.end, second.finished) == ("finished", False)
        server.transport.receive(SMALL)
        assert second.result.body == b"ok"

    async def test_requests_get_their_turn_in_the_order_they_came(self) -> None:
        server = FakeServer(connections=1)
        askings = [server.ask(make_request(target=f"/{number}")) for number in range(4)]
        for number, asking in enumerate(askings):
            assert not asking.finished
            assert b"GET /%d " % number in server.transport.sent
            server.transport.receive(SMALL)
            assert asking.result.status == 200

    async def test_when_a_connection_is_lost_whoever_waits_opens_another(self) -> None:
        server = FakeServer(connections=1)
        server.ask()
        second = server.ask()
        server.transport.lose()
        await turns()
        assert len(server.opened) == 2
        server.transport.receive(SMALL)
        assert second.result.status == 200
        assert server.pool.size == 1

    async def test_when_connecting_fails_whoever_waits_tries(self) -> None:
        server = FakeServer(connections=1)
        server.may_open = asyncio.Event()
        server.refuses = [UpstreamConnectError("refused")]
        first, second = server.ask(), server.ask()
        server.may_open.set()
        await turns(10)
        assert isinstance(first.error, UpstreamConnectError)
        server.transport.receive(SMALL)
        assert second.result.status == 200

    async def test_it_has_a_length(self) -> None:
        server = FakeServer(connections=1, waiting=1)
        server.ask()
        server.ask()
        third = server.ask()
        assert isinstance(third.error, PoolTimeoutError)
        assert third.error.limit == "pool.waiting"

    async def test_nobody_waits_longer_than_the_limit(self) -> None:
        server = FakeServer(connections=1, wait=0.0)
        server.ask()
        second = server.ask()
        await asyncio.sleep(0.01)
        assert isinstance(second.error, PoolTimeoutError)
        assert second.error.limit == "pool.wait"
        assert second.error.status == 503

    async def test_nobody_waits_longer_than_the_request_may_take(self) -> None:
        server = FakeServer(connections=1)
        server.ask()
        second = Asking(server.forward(until=time.monotonic()))
        await asyncio.sleep(0.01)
        assert isinstance(second.error, UpstreamTimeoutError)

    async def test_whoever_gives_up_leaves_the_line(self) -> None:
        server = FakeServer(connections=1)
        server.ask()
        second, third = server.ask(), server.ask()
        second.cancel()
        await turns()
        server.transport.receive(SMALL)
        assert not third.finished
        server.transport.receive(SMALL)
        assert third.result.status == 200

    async def test_giving_up_while_a_connection_is_on_its_way_loses_no_connection(self) -> None:
        server = FakeServer(connections=1)
        server.ask()
        waiting = asyncio.ensure_future(server.pool.acquire(LATER))
        third = server.ask()
        await turns()
        server.transport.receive(SMALL)  # handed to a task that will only see it at its next turn
        waiting.cancel()
        await turns()
        server.transport.receive(SMALL)
        assert third.result.status == 200
        assert (server.pool.size, server.pool.idle) == (1, 1)

    async def test_giving_up_while_a_place_is_on_its_way_loses_no_place(self) -> None:
        server = FakeServer(connections=1)
        server.ask()
        waiting = asyncio.ensure_future(server.pool.acquire(LATER))
        await turns()
        server.transport.lose()
        waiting.cancel()
        await turns()
        assert server.pool.size == 0

    async def test_a_connection_that_ends_on_its_way_is_replaced(self) -> None:
        server = FakeServer(connections=1)
        server.ask()
        waiting = asyncio.ensure_future(server.pool.acquire(LATER))
        await turns()
        server.transport.receive(SMALL)
        server.transport.lose()
        connection = await waiting
        assert connection is server.opened[1].protocol
        assert server.pool.size == 1

    async def test_giving_up_a_connection_that_ended_on_its_way_keeps_the_count_right(self) -> None:
        server = FakeServer(connections=1)
        server.ask()
        waiting = asyncio.ensure_future(server.pool.acquire(LATER))
        await turns()
        server.transport.receive(SMALL)
        server.transport.lose()
        waiting.cancel()
        await turns()
        assert (server.pool.size, server.pool.idle) == (0, 0)


async def test_an_answer_given_up_late_does_not_touch_who_uses_the_connection_by_then() -> None:
    server = FakeServer(connections=1)
    first = asyncio.ensure_future(server.forward(make_request(target="/1")))
    await turns()
    server.transport.receive(SMALL)  # an ordinary task sees its answer only at its next turn
    second = server.ask(make_request(target="/2"))
    first.cancel()
    await turns()
    assert first.cancelled()
    server.transport.receive(SMALL)
    assert second.result.body == b"ok"


async def test_a_streamed_answer_given_up_before_it_was_seen_ends_its_connection() -> None:
    server = FakeServer()
    first: asyncio.Task[Response] = asyncio.ensure_future(server.forward())
    await turns()
    server.transport.receive(STREAMED)
    first.cancel()
    await turns()
    assert server.transport.was_aborted
    assert server.pool.size == 0


async def test_a_new_connection_is_had_even_when_all_places_are_idle() -> None:
    server = FakeServer(connections=1)
    server.ask()
    server.transport.receive(SMALL)
    assert acquire(server).result is server.opened[1].protocol
    assert server.opened[0].was_aborted
    assert (server.pool.size, server.pool.idle) == (1, 0)


async def test_a_retired_pool_closes_what_is_idle_now_and_the_rest_with_its_exchange() -> None:
    server = FakeServer()
    busy = server.ask()
    server.ask()
    server.transport.receive(SMALL)
    with as_callback():
        server.pool.retire()
    assert server.opened[1].was_aborted
    assert not server.opened[0].is_closing()
    server.opened[0].receive(SMALL)
    assert busy.result.status == 200
    assert server.opened[0].was_aborted
    assert server.pool.size == 0


@pytest.mark.parametrize("number", [1, 3])
async def test_opened_connections_are_counted(number: int) -> None:
    server = FakeServer()
    for _ in range(number):
        server.ask()
    assert server.figures.value("upstream_connections_opened_total", upstream="app") == number
