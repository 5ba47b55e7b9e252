"""How an exchange with a server ends that does not end well: time-outs, loss, and giving up."""

import time

import pytest

from gateway.chain.deadlines import NEVER
from gateway.errors import UpstreamBrokenError, UpstreamClosedError, UpstreamProtocolError, UpstreamTimeoutError
from gateway.http.body import BodyStream
from gateway.upstream.http1 import GATHER_UP_TO
from tests.support.roads import FakeServer, read_now, turns
from tests.support.transports import as_callback

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ncontent"


def large(size: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size


class TestTime:
    async def test_an_answer_that_does_not_begin_is_504(self) -> None:
        server = FakeServer()
        asking = server.ask()
        assert 2 < server.transport.protocol.deadline - time.monotonic() <= 3
        server.expire()
        assert isinstance(asking.error, UpstreamTimeoutError)
        assert server.pool.size == 0

    async def test_a_head_that_drips_has_the_total_time_and_no_more(self) -> None:
        server = FakeServer()
        asking = server.ask()
        for octet in b"HTTP/1.1 200":
            server.transport.receive(bytes([octet]))
        deadline = server.transport.protocol.deadline
        assert 9 < deadline - time.monotonic() <= 10
        server.transport.receive(b" OK\r\nA: ")
        assert server.transport.protocol.deadline == deadline
        server.expire()
        assert isinstance(asking.error, UpstreamTimeoutError)

    async def test_a_small_body_that_takes_its_time_goes_on_as_a_stream(self) -> None:
        server = FakeServer()
        asking = server.ask()
        server.transport.receive(large(7) + b"con")
        assert not asking.finished
        server.expire()
        sink = read_now(asking.result)
        assert bytes(sink.data) == b"con"
        server.transport.receive(b"tent")
        assert bytes(sink.data) == b"content"
        assert server.pool.idle == 1

    async def test_a_small_body_that_stalls_breaks_off_like_a_large_one(self) -> None:
        server = FakeServer()
        asking = server.ask()
        server.transport.receive(large(7) + b"con")
        server.expire()
        sink = read_now(asking.result)
        server.expire()
        assert isinstance(sink.error, UpstreamBrokenError)

    async def test_a_stream_that_stalls_breaks_off(self) -> None:
        server = FakeServer()
        asking = server.ask()
        server.transport.receive(large(100_000) + b"con")
        sink = read_now(asking.result)
        server.expire()
        assert isinstance(sink.error, UpstreamBrokenError)
        assert server.pool.size == 0

    async def test_a_paused_stream_does_not_time_out_and_one_that_goes_on_does(self) -> None:
        server = FakeServer()
        asking = server.ask()
        server.transport.receive(large(100_000))
        body = asking.result.body
        body.pause()
        assert server.transport.protocol.deadline == NEVER
        assert not server.transport.is_reading()
        body.resume()
        assert server.transport.protocol.deadline > time.monotonic()
        assert server.transport.is_reading()

    async def test_an_idle_connection_is_retired(self) -> None:
        server = FakeServer()
        server.ask()
        server.transport.receive(EMPTY)
        server.expire()
        assert server.transport.was_aborted
        assert (server.pool.size, server.pool.idle) == (0, 0)


class TestLoss:
    async def test_before_an_answer(self) -> None:
        server = FakeServer()
        asking = server.ask()
        server.transport.end()
        await turns()
        assert isinstance(asking.error, UpstreamClosedError)
        assert server.pool.size == 0

    async def test_in_the_middle_of_a_head(self) -> None:
        server = FakeServer()
        asking = server.ask()
        server.transport.receive(b"HTTP/1.1 200")
        server.transport.end()
        await turns()
        assert isinstance(asking.error, UpstreamProtocolError)

    @pytest.mark.parametrize("size", [7, 100_000])
    async def test_in_the_middle_of_a_body(self, size: int) -> None:
        server = FakeServer()
        asking = server.ask()
        server.transport.receive(large(size) + b"con")
        sink = read_now(asking.result) if size > GATHER_UP_TO else None
        server.transport.end()
        await turns()
        assert isinstance(sink.error if sink else asking.error, UpstreamBrokenError)
        assert server.pool.size == 0

    async def test_while_idle(self) -> None:
        server = FakeServer()
        server.ask()
        server.transport.receive(EMPTY)
        server.transport.end()
        await turns()
        assert (server.pool.size, server.pool.idle) == (0, 0)


class TestGivingUp:
    async def test_a_request_that_is_cancelled_ends_its_connection(self) -> None:
        server = FakeServer()
        asking = server.ask()
        asking.cancel()
        await turns()
        assert server.transport.was_aborted
        assert server.pool.size == 0

    async def test_a_stream_that_nobody_wants_ends_its_connection(self) -> None:
        server = FakeServer()
        asking = server.ask()
        server.transport.receive(large(100_000))
        asking.result.discard()
        assert server.transport.was_aborted
        assert server.pool.size == 0
        server.transport.receive(b"late")

    @pytest.mark.parametrize("begun", [b"", b"HTTP", large(7), large(100_000)])
    async def test_a_connection_may_be_closed_whatever_it_is_doing(self, begun: bytes) -> None:
        server = FakeServer()
        asking = server.ask()
        if begun:
            server.transport.receive(begun)
        with as_callback():
            server.transport.protocol.close()
            server.transport.protocol.close()
        await turns()
        assert (server.pool.size, server.transport.protocol.deadline) == (0, NEVER)
        asking.cancel()
        await turns()

    async def test_a_finished_stream_has_no_say_in_the_next_exchange(self) -> None:
        server = FakeServer()
        asking = server.ask()
        server.transport.receive(large(100_000))
        body: BodyStream = asking.result.body
        server.transport.receive(bytes(100_000))
        following = server.ask()
        body.pause()
        body.abort()
        server.transport.receive(SMALL)
        assert following.result.body == b"content"
        assert server.transport.is_reading()
