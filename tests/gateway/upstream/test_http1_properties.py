"""Any answers, in any pieces, on kept connections: each to its own request, or an error and the end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.http.body import BodyStream
from gateway.http.message import Request
from tests.support.plugins import make_request
from tests.support.roads import Asking, Collecting, FakeServer, chunked, read_now, run, turns
from tests.support.streams import RecordingSource

CONTENTS = [b"", b"x", b"some content", bytes(40_000), bytes(range(256)) * 700]


@dataclass(frozen=True)
class Given:
    """An answer of the origin."""

    octets: bytes
    content: bytes
    closes: bool


@st.composite
def answers(draw: st.DrawFn) -> Given:
    content = draw(st.sampled_from(CONTENTS))
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n", b"HTTP/1.1 100 Go\r\n\r\n" * 3]))
    close = draw(st.sampled_from([b"", b"", b"", b"Connection: close\r\n"]))
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    head = b"HTTP/1.1 200 OK\r\n" + close
    if framing == "length":
        message = head + b"Content-Length: %d\r\n\r\n" % len(content) + content
    elif framing == "chunked":
        cut = draw(st.integers(0, len(content)))
        pieces = [piece for piece in (content[:cut], content[cut:]) if piece]
        trailers = draw(st.sampled_from([b"", b"X-End: 1\r\n"]))
        message = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(*pieces, trailers=trailers)
    else:
        message = head + b"\r\n" + content
    return Given(interim + message, content, framing == "close" or bool(close))


SIZES = st.lists(st.integers(1, 60_000), min_size=1, max_size=8).map(lambda sizes: [*sizes, 20_000])
"""The last one keeps large contents from coming octet by octet, which takes long."""


@given(given_answers=st.lists(answers(), min_size=1, max_size=5), sizes=SIZES, behind=st.sampled_from([b"", b"x"]))
def test_every_answer_reaches_its_own_request_whole(
    given_answers: list[Given], sizes: list[int], behind: bytes
) -> None:
    async def main() -> None:
        server = FakeServer(connections=1)
        askings = [server.ask(make_request(target=f"/{number}")) for number in range(len(given_answers))]
        for number, (asking, answer) in enumerate(zip(askings, given_answers, strict=True)):
            transport = server.transport
            assert transport.sent.endswith(b"GET /%d HTTP/1.1\r\nHost: shop.example\r\n\r\n" % number)
            sink: Collecting | None = None
            octets, at, turn = answer.octets, 0, 0
            while at < len(octets):
                piece = octets[at : at + sizes[turn % len(sizes)]]
                at, turn = at + len(piece), turn + 1
                if at == len(octets) and not answer.closes:
                    piece += behind
                transport.receive(piece)
                if sink is None and asking.result is not None:
                    sink = read_now(asking.result)
            if answer.closes:
                transport.end()
            await turns(8)
            assert asking.error is None
            sink = sink or read_now(asking.result)
            assert (sink.data, sink.end) == (answer.content, "finished")
        server.transport.lose()
        await turns(8)
        assert (server.pool.size, server.pool.idle) == (0, 0)
        assert len(server.opened) <= len(given_answers) + 1

    run(main())


@settings(max_examples=200)
@given(
    answer=answers(),
    at=st.integers(0, 3000),
    instead=st.binary(max_size=12),
    skips=st.integers(0, 12),
    sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=5),
    ends=st.booleans(),
)
def test_a_spoiled_answer_is_an_answer_or_an_error_and_never_hangs(
    answer: Given, at: int, instead: bytes, skips: int, sizes: list[int], ends: bool
) -> None:
    async def main() -> None:
        server = FakeServer()
        asking = server.ask()
        octets = answer.octets[:at] + instead + answer.octets[at + skips :]
        begin, turn = 0, 0
        while begin < len(octets):
            size = sizes[turn % len(sizes)]
            server.transport.receive(octets[begin : begin + size])
            begin, turn = begin + size, turn + 1
        if ends:
            server.transport.end()
        await turns(8)
        sink = read_now(asking.result) if asking.result is not None else None
        connection = server.transport.protocol
        if not server.transport.is_closing():
            assert connection.deadline < float("inf"), "nothing ends the wait"
            server.expire()
        await turns(8)
        assert asking.finished
        assert asking.error is None or isinstance(asking.error, GatewayError)
        assert sink is None or sink.end
        assert server.pool.size == 0

    run(main())


class Uploading:
    """A request with a body on its way up, and what may happen to it."""

    def __init__(self, length: int | None) -> None:
        self.server = FakeServer()
        self.source = RecordingSource()
        self.body = BodyStream(length, self.source)
        self.request: Request = make_request("PUT", body=self.body)
        self.asking: Asking = self.server.ask(self.request)
        self.sink: Collecting | None = None

    def look(self) -> None:
        """Take the answer, once there is one."""
        if self.sink is None and self.asking.result is not None:
            self.sink = read_now(self.asking.result)


EVENTS: dict[str, Callable[[Uploading], object]] = {
    "feed": lambda up: up.body.feed(b"abc"),
    "feed much": lambda up: up.body.feed(bytes(300_000)),
    "finish": lambda up: up.body.finish(),
    "fail": lambda up: up.body.fail(ValueError("broken")),
    "abort": lambda up: up.body.abort(),
    "stall": lambda up: setattr(up.server.transport, "is_stalled", True),
    "take": lambda up: up.server.transport.take(),
    "answer": lambda up: up.server.transport.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    "begin an answer": lambda up: up.server.transport.receive(b"HTTP/1.1 200 OK\r\n\r\nbegun"),
    "half a head": lambda up: up.server.transport.receive(b"HTTP/1.1 "),
    "end": lambda up: up.server.transport.end(),
    "lose": lambda up: up.server.transport.lose(ConnectionResetError()),
    "cancel": lambda up: up.asking.cancel(),
    "discard": lambda up: up.asking.result.discard() if up.asking.result is not None else None,
    "expire": lambda up: up.server.expire() if up.server.transport.protocol.deadline < float("inf") else None,
}


@settings(max_examples=300)
@given(
    length=st.sampled_from([None, 3, 300_003]),
    names=st.lists(st.sampled_from(sorted(EVENTS)), max_size=10),
    waits=st.booleans(),
)
def test_whatever_happens_to_an_upload_it_ends(length: int | None, names: list[str], waits: bool) -> None:
    async def main() -> None:
        up = Uploading(length)
        for name in names:
            if up.server.transport.is_lost:
                break
            EVENTS[name](up)
            up.look()
            if waits:
                await turns(3)
        up.server.transport.take()
        up.body.finish()  # as the downstream's own time-out would, in one way or another
        await turns(5)
        up.look()
        if not up.server.transport.is_closing():
            assert up.server.transport.protocol.deadline < float("inf"), "nothing ends the wait"
            up.server.expire()
        await turns(5)
        up.look()
        assert up.asking.finished
        assert "discard" in names or up.sink is None or up.sink.end
        assert (up.server.pool.size, up.server.pool.idle) == (0, 0)

    run(main())


@given(
    names=st.lists(
        st.sampled_from(["ask", "task", "answer", "trailers", "lose", "give up", "turn", "retire"]), max_size=25
    ),
    connections=st.integers(1, 3),
)
def test_a_pool_keeps_count_whatever_happens_and_nobody_waits_for_ever(names: list[str], connections: int) -> None:
    async def main() -> None:
        server = FakeServer(connections=connections)
        askings: list[Asking] = []
        tasks: list[asyncio.Task[object]] = []
        for name in names:
            busy = [transport for transport in server.opened if not transport.is_closing()]
            if name == "ask":
                askings.append(server.ask())
            elif name == "task":
                tasks.append(asyncio.ensure_future(server.forward()))
            elif name == "answer" and busy:
                busy[0].receive(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            elif name == "trailers" and busy:
                body = chunked(b"ok", trailers=b"A: b\r\n")
                busy[-1].receive(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
            elif name == "lose" and busy:
                busy[0].lose()
            elif name == "give up" and (askings or tasks):
                (askings or tasks)[-1].cancel()
            elif name == "retire":
                server.pool.retire()
            elif name == "turn":
                await turns(1)
            assert 0 <= server.pool.size <= connections
        for _ in range(len(askings) + len(tasks) + connections):
            await turns(8)
            for transport in server.opened:
                if not transport.is_closing():
                    transport.lose()
        await turns(8)
        assert all(asking.finished for asking in askings)
        assert all(task.done() for task in tasks)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (server.pool.size, server.pool.idle) == (0, 0)

    run(main())
