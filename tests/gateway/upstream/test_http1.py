import base64
import hashlib

import pytest

from gateway.errors import (
    UpstreamBrokenError,
    UpstreamProtocolError,
)
from gateway.http.fields import Fields
from gateway.http.message import Request
from gateway.http.response_head import MAX_HEAD
from gateway.upstream.http1 import GATHER_UP_TO, MAX_INTERIM
from gateway.upstream.http1 import WRITE_HIGH_WATER as HIGH
from tests.support.plugins import make_request
from tests.support.roads import FakeServer, chunked, read_now, turns

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"Content-Length: 0\r\n\r\n"
SMALL = OK + b"Content-Length: 7\r\n\r\ncontent"


def large(size: int) -> bytes:
    return OK + b"Content-Length: %d\r\n\r\n" % size


async def test_a_small_body_comes_with_its_response() -> None:
    server = FakeServer()
    asking = server.ask()
    server.transport.receive(SMALL)
    assert asking.result.body == b"content"
    assert (server.pool.size, server.pool.idle) == (1, 1)


@pytest.mark.parametrize("message", [SMALL, OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b"content")])
async def test_an_answer_may_come_in_any_two_pieces(message: bytes) -> None:
    for cut in range(1, len(message)):
        server = FakeServer()
        asking = server.ask()
        server.transport.receive(message[:cut])
        server.transport.receive(message[cut:])
        assert read_now(asking.result).data == b"content"
        assert server.pool.idle == 1


async def test_a_small_body_that_comes_late_is_gathered() -> None:
    server = FakeServer()
    asking = server.ask()
    server.transport.receive(large(GATHER_UP_TO))
    server.transport.receive(bytes(GATHER_UP_TO - 1))
    assert not asking.finished
    server.transport.receive(b"x")
    assert asking.result.body == bytes(GATHER_UP_TO - 1) + b"x"


async def test_a_large_body_is_streamed() -> None:
    server = FakeServer()
    asking = server.ask()
    server.transport.receive(large(GATHER_UP_TO + 1) + b"abc")
    sink = read_now(asking.result)
    assert sink.data == b"abc"
    server.transport.receive(bytes(GATHER_UP_TO - 2))
    assert (sink.end, server.pool.idle) == ("finished", 1)


async def test_a_chunked_body_that_has_all_arrived_is_octets() -> None:
    server = FakeServer()
    asking = server.ask()
    server.transport.receive(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b"con", b"tent"))
    assert asking.result.body == b"content"
    assert server.pool.idle == 1


async def test_trailers_of_a_body_that_has_all_arrived_are_kept() -> None:
    server = FakeServer()
    asking = server.ask()
    body = chunked(b"content", trailers=b"X-Digest: 1\r\n")
    server.transport.receive(OK + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    sink = read_now(asking.result)
    assert (sink.data, sink.end, list(sink.trailers)) == (b"content", "finished", [(b"X-Digest", b"1")])


async def test_a_body_without_framing_ends_with_the_connection() -> None:
    server = FakeServer()
    asking = server.ask()
    server.transport.receive(OK + b"\r\nsome ")
    sink = read_now(asking.result)
    server.transport.receive(b"more")
    server.transport.end()
    await turns()
    assert (sink.data, sink.end) == (b"some more", "finished")
    assert server.pool.size == 0


async def test_a_reset_is_no_end_of_a_body() -> None:
    server = FakeServer()
    asking = server.ask()
    server.transport.receive(OK + b"\r\nsome ")
    sink = read_now(asking.result)
    server.transport.lose(ConnectionResetError())
    assert (sink.end, type(sink.error)) == ("failed", UpstreamBrokenError)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ],
)
async def test_octets_behind_an_answer_without_content_end_the_connection(method: str, answer: bytes) -> None:
    server = FakeServer()
    asking = server.ask(make_request(method))
    server.transport.receive(answer)
    assert (asking.result.body, server.pool.idle) == (b"", 1)
    asking = server.ask(make_request(method))
    server.transport.receive(answer + b"content")
    assert asking.result.body == b""
    assert (server.pool.idle, server.pool.size) == (0, 0)
    assert server.transport.was_aborted


@pytest.mark.parametrize(
    "pieces",
    [
        [SMALL + b"x"],
        [large(7), b"contentx"],
        [OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b"a") + b"x"],
        [OK + b"Transfer-Encoding: chunked\r\n\r\n", chunked(b"a") + b"x"],
        [large(GATHER_UP_TO + 1), bytes(GATHER_UP_TO + 2)],
        [EMPTY + b"x"],
    ],
)
async def test_octets_behind_an_answer_end_the_connection_and_not_the_answer(pieces: list[bytes]) -> None:
    server = FakeServer()
    asking = server.ask()
    sink = None
    for piece in pieces:
        server.transport.receive(piece)
        if asking.result is not None and sink is None:
            sink = read_now(asking.result)
    assert sink is not None
    assert sink.end == "finished"
    assert not sink.data.endswith(b"x")
    assert (server.pool.size, server.transport.was_aborted) == (0, True)


async def test_octets_on_an_idle_connection_end_it() -> None:
    server = FakeServer()
    server.ask()
    server.transport.receive(EMPTY)
    server.transport.receive(b"HTTP/1.1 408 Too slow\r\n\r\n")
    assert (server.pool.size, server.pool.idle) == (0, 0)
    assert server.pool.take() is None


@pytest.mark.parametrize("field", [b"Connection: close\r\n", b"Transfer-Encoding: chunked\r\n"])
async def test_a_connection_that_may_not_be_kept_is_closed(field: bytes) -> None:
    server = FakeServer()
    asking = server.ask()
    chunks = chunked(b"content") if b"chunked" in field else b"content"
    server.transport.receive(OK + field + b"Content-Length: 7\r\n\r\n" + chunks)
    assert asking.result.body == b"content"
    assert server.pool.size == 0


async def test_a_kept_connection_serves_the_next_request() -> None:
    server = FakeServer()
    for number in range(3):
        asking = server.ask(make_request(target=f"/{number}"))
        server.transport.receive(SMALL)
        assert asking.result.status == 200
    assert len(server.opened) == 1
    assert server.transport.sent.count(b"GET /") == 3


@pytest.mark.parametrize(
    "garbage",
    [
        b"garbage",
        b"HTTP/2",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        OK + b"A: " + b"x" * MAX_HEAD,
        OK + b"A: b\r\n" * (MAX_HEAD // 6) + b"\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
)
async def test_what_is_no_answer_is_an_error_and_the_end_of_the_connection(garbage: bytes) -> None:
    server = FakeServer()
    asking = server.ask()
    server.transport.receive(garbage)
    assert isinstance(asking.error, UpstreamProtocolError)
    assert (server.pool.size, server.transport.was_aborted) == (0, True)


async def test_a_bad_chunk_in_the_middle_of_a_stream_breaks_it_off() -> None:
    server = FakeServer()
    asking = server.ask()
    server.transport.receive(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    sink = read_now(asking.result)
    server.transport.receive(b"zz\r\n")
    assert (sink.data, sink.end) == (b"abc", "failed")
    assert isinstance(sink.error, UpstreamProtocolError)
    assert server.pool.size == 0


class TestInterim:
    async def test_interim_answers_are_relayed_in_order_before_the_final_one(self) -> None:
        server, request = FakeServer(), make_request()
        seen: list[tuple[int, Fields]] = []
        request.interim = lambda status, fields: seen.append((status, fields))
        asking = server.ask(request)
        hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        server.transport.receive(b"HTTP/1.1 100 Continue\r\n\r\n" + hints[:9])
        server.transport.receive(hints[9:] + SMALL)
        assert [(status, list(fields)) for status, fields in seen] == [(100, []), (103, [(b"Link", b"</a>")])]
        assert asking.result.status == 200

    async def test_their_number_is_bounded(self) -> None:
        server = FakeServer()
        asking = server.ask()
        server.transport.receive(b"HTTP/1.1 102 Processing\r\n\r\n" * MAX_INTERIM)
        assert asking.error is None
        server.transport.receive(b"HTTP/1.1 102 Processing\r\n\r\n")
        assert isinstance(asking.error, UpstreamProtocolError)

    async def test_they_do_not_prolong_the_wait_for_the_answer(self) -> None:
        server = FakeServer()
        server.ask()
        before = server.transport.protocol.deadline
        server.transport.receive(b"HTTP/1.1 102 Processing\r\n\r\n")
        assert server.transport.protocol.deadline == before


class TestUpgrade:
    KEY = b"dGhlIHNhbXBsZSBub25jZQ=="

    def request(self) -> Request:
        request = make_request(fields={"Sec-WebSocket-Key": self.KEY.decode()})
        request.upgrade = b"websocket"
        return request

    def answer(self, key: bytes = KEY) -> bytes:
        digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
        head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n"
        return head + b"Sec-WebSocket-Accept: %b\r\n\r\n" % base64.b64encode(digest)

    async def test_a_real_101_hands_the_connection_over(self) -> None:
        server = FakeServer()
        asking = server.ask(self.request())
        server.transport.receive(self.answer() + b"first frame")
        upgraded = asking.result.upgraded
        assert (upgraded.transport, upgraded.received) == (server.transport, b"first frame")
        assert not server.transport.is_reading()
        assert not server.transport.is_closing()
        assert server.pool.size == 0

    async def test_a_wrong_proof_is_refused(self) -> None:
        server = FakeServer()
        asking = server.ask(self.request())
        server.transport.receive(self.answer(b"another key"))
        assert isinstance(asking.error, UpstreamProtocolError)
        assert server.transport.was_aborted

    async def test_any_other_answer_is_an_ordinary_one(self) -> None:
        server = FakeServer()
        asking = server.ask(self.request())
        server.transport.receive(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n")
        assert asking.result.status == 426
        assert server.pool.idle == 1

    async def test_a_tunnel_that_nobody_wants_any_more_is_closed(self) -> None:
        server = FakeServer()
        asking = server.ask(self.request())
        server.transport.receive(self.answer())
        asking.result.discard()
        assert server.transport.was_aborted


async def test_a_request_larger_than_the_buffer_is_written_whole() -> None:
    server = FakeServer()
    asking = server.ask(make_request("POST", body=bytes(HIGH + 1)))
    assert server.transport.sent.endswith(bytes(HIGH + 1))
    server.transport.receive(SMALL)
    assert asking.result.status == 200
