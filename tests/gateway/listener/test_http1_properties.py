"""Any requests, in any pieces, before handlers of every temper: answers in order, or an error and the end."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.errors import RefusedError
from gateway.http.body import BodyStream
from gateway.http.message import Request, Response
from tests.support.answer import Answer
from tests.support.plugins import make_response
from tests.support.roads import Lane, chunked, get, run, turns
from tests.support.wire import TruncatedError

KINDS = ["/now", "/later", "/echo", "/ignore", "/refuse", "/fail", "/stream", "/known", "/short"]
LARGE = bytes(range(256)) * 600


@dataclass(frozen=True)
class Sent:
    """A request and what it is about."""

    kind: str
    method: str
    octets: bytes
    body: bytes


class Fed:
    """The source of a stream that is fed a little at each turn of the loop, unless it is paused."""

    def __init__(self, length: int | None, data: bytes) -> None:
        self.stream = BodyStream(length, self)
        self._data = data
        self._is_paused = False
        self._is_over = False
        self._step()

    def _step(self) -> None:
        if self._is_paused or self._is_over:
            return
        piece, self._data = self._data[:50_000], self._data[50_000:]
        if piece:
            self.stream.feed(piece)
            asyncio.get_running_loop().call_soon(self._step)
        else:
            self._is_over = True
            self.stream.finish()

    def pause(self) -> None:
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False
        asyncio.get_running_loop().call_soon(self._step)

    def cancel(self) -> None:
        self._is_over = True

    def waiter(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()


async def handle(request: Request) -> Response:
    """Does what its target says."""
    kind = request.target.decode()
    if kind == "/later":
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    elif kind == "/refuse":
        raise RefusedError("no")
    elif kind == "/fail":
        raise ValueError("broken")
    elif kind == "/stream":
        return make_response(body=Fed(None, LARGE).stream)
    elif kind == "/known":
        return make_response(body=Fed(len(LARGE), LARGE).stream)
    elif kind == "/short":
        return make_response(body=Fed(len(LARGE) + 1, LARGE).stream)
    elif kind == "/echo":
        body = request.body if isinstance(request.body, bytes) else await request.body.read(1 << 20)
        return make_response(body=b"echo " + body)
    return make_response(body=kind.encode())


def expected(sent: Sent) -> tuple[int, bytes]:
    """Status and content of the answer to a request."""
    if sent.kind in ("/refuse", "/fail"):
        return (403 if sent.kind == "/refuse" else 500), b""
    contents = {"/stream": LARGE, "/known": LARGE, "/echo": b"echo " + sent.body}
    return 200, contents.get(sent.kind, sent.kind.encode())


@st.composite
def requests(draw: st.DrawFn) -> Sent:
    kind = draw(st.sampled_from(KINDS))
    method = draw(st.sampled_from(["GET", "POST", "HEAD"]))
    body = draw(st.sampled_from([b"", b"x", b"content", bytes(3000)]))
    if body and draw(st.booleans()):
        cut = draw(st.integers(0, len(body) - 1))
        pieces = [piece for piece in (body[:cut], body[cut:]) if piece]
        octets = get(kind, "Transfer-Encoding: chunked", method=method) + chunked(*pieces)
    else:
        octets = get(kind, method=method, body=body)
    return Sent(kind, method, octets, body)


NOISE = st.one_of(
    st.just(b""),
    st.binary(min_size=1, max_size=60),
    st.sampled_from([b"\r\n", b"GET", b"GET / HTTP/1.1\r\n\r\n", get("/echo", "Content-Length: 9") + b"half"]),
)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """`data` in pieces of these sizes, in turn."""
    pieces, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        pieces.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return pieces


async def settle(lane: Lane) -> None:
    """Let everything run that does not wait for the peer, who takes all there is."""
    quiet = 0
    for _ in range(2000):
        lane.transport.take()
        await asyncio.sleep(0)
        quiet = quiet + 1 if lane.connection.exchange is None and not lane.transport.is_waiting else 0
        if quiet == 20:
            break


def read_all(lane: Lane, sent: list[Sent]) -> list[Answer]:
    """Every whole answer; whatever is behind them broke off."""
    found: list[Answer] = []
    reader = lane.reader()
    with contextlib.suppress(TruncatedError, TimeoutError):
        while True:
            found.append(reader(sent[len(found)].method if len(found) < len(sent) else "GET"))
    return found


def check(lane: Lane, sent: list[Sent]) -> None:
    """The answers are those to the requests, in their order; one may be an error, and then it is the last."""
    answers = read_all(lane, sent)
    for number, answer in enumerate(answers):
        if number >= len(sent) or answer.status in (400, 408, 413, 414, 431, 501, 505):
            assert answer.closes
            assert number == len(answers) - 1
            return
        status, content = expected(sent[number])
        assert answer.status == status
        if sent[number].method != "HEAD" and status == 200:
            assert answer.body == content


@given(
    sent=st.lists(requests(), max_size=6),
    noise=NOISE,
    sizes=st.lists(st.integers(1, 4000), min_size=1, max_size=8),
    waits=st.booleans(),
    stalls=st.booleans(),
    leaves=st.booleans(),
)
def test_every_request_is_answered_in_order_or_the_connection_ends(
    sent: list[Sent], noise: bytes, sizes: list[int], waits: bool, stalls: bool, leaves: bool
) -> None:
    async def main() -> None:
        lane = Lane(handle, pipelined=3)
        lane.transport.is_stalled = stalls
        for piece in cut(b"".join(request.octets for request in sent) + noise, sizes):
            lane.send(piece)
            if waits:
                await turns(1)
        if not leaves:
            await settle(lane)
            if lane.connection.exchange is not None:  # it waits for a body
                lane.expire()
                await settle(lane)
            assert lane.connection.exchange is None, "an exchange that never ends"
            if not noise and not any(request.kind == "/short" for request in sent) and lane.is_open:
                assert len(read_all(lane, sent)) == len(sent)
        lane.transport.end()
        lane.transport.take()
        await turns(20)
        if not lane.transport.is_lost:  # it waits for its time-out or for what nobody takes
            lane.transport.lose()
            await turns(20)
        if not leaves:
            check(lane, sent)
        lane.assert_gone()

    with capture_logs():
        run(main())


@settings(max_examples=200)
@given(pieces=st.lists(st.binary(max_size=30), max_size=10))
def test_no_octets_whatsoever_make_it_stumble(pieces: list[bytes]) -> None:
    async def main() -> None:
        lane = Lane(handle)
        for piece in pieces:
            if piece:
                lane.send(piece)
        await turns(10)
        assert lane.connection.exchange is None
        lane.transport.lose()
        await turns(10)
        lane.assert_gone()

    with capture_logs():
        run(main())


EVENTS: dict[str, Callable[[Lane], object]] = {
    "stall": lambda lane: setattr(lane.transport, "is_stalled", True),
    "take": lambda lane: lane.transport.take(),
    "take a little": lambda lane: lane.transport.take(1000),
    "request": lambda lane: lane.send(get("/later")),
    "stream": lambda lane: lane.send(get("/stream")),
    "flood": lambda lane: lane.send(get("/now") * 2500),
    "upload": lambda lane: lane.send(get("/echo", method="POST", body=bytes(100_000))),
    "half an upload": lambda lane: lane.send(get("/ignore", "Content-Length: 9", method="POST") + b"half"),
    "last": lambda lane: lane.send(get("/now", "Connection: close")),
    "drain": lambda lane: lane.connection.drain(),
    "expire": lambda lane: lane.expire() if lane.connection.deadline < float("inf") else None,
    "end": lambda lane: lane.transport.end(),
}


@given(names=st.lists(st.sampled_from(sorted(EVENTS)), max_size=12), waits=st.booleans())
def test_nothing_that_happens_to_a_connection_leaves_it_hanging(names: list[str], waits: bool) -> None:
    async def main() -> None:
        lane = Lane(handle)
        for name in names:
            if lane.transport.is_lost:
                break
            EVENTS[name](lane)
            if waits:
                await turns(3)
        await settle(lane)
        assert lane.connection.exchange is None, "an exchange that never ends"
        if lane.is_open:
            assert not lane.transport.is_waiting, "what has come is never read"
            assert lane.connection.deadline < float("inf"), "an idle connection without a time-out"
        lane.transport.lose()
        await turns(20)
        lane.assert_gone()

    with capture_logs():
        run(main())
