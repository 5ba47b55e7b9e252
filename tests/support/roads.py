"""The two ends of the road on fake transports: a listener's connection to a handler, an upstream's behind a pool."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from gateway.chain.compile import CompiledRoute
from gateway.chain.deadlines import Deadlines
from gateway.chain.eager import EagerTask, Waiter
from gateway.chain.plugin import Handler
from gateway.chain.runtime import SystemClock
from gateway.config import GatewaySettings
from gateway.config.limits import LimitSettings
from gateway.figures import Figures
from gateway.http.body import BodyStream
from gateway.http.message import Request, Response
from gateway.http.request_head import HeadLimits, RequestHeads
from gateway.listener.figures import ListenerFigures, RouteFigures
from gateway.listener.front import Front
from gateway.listener.http1 import Http1Connection
from gateway.listener.replay import ReplayLane
from gateway.upstream.figures import UpstreamFigures
from gateway.upstream.forward import ExchangeTimeouts
from gateway.upstream.http1 import UpstreamConnection
from gateway.upstream.pool import Connect, Pool, PoolLimits
from gateway.worker.road import UPGRADES, limits_of
from tests.support.answer import Answer, read_answer
from tests.support.plugins import make_request, make_response
from tests.support.transports import FakeTransport, as_callback
from tests.support.wire import Wire

T = TypeVar("T")
CLIENT = "192.0.2.7"
TIMEOUTS = ExchangeTimeouts(first_byte=3.0, idle=5.0, total=10.0)


async def turns(number: int = 4) -> None:
    """Let the loop run what it was asked to run soon."""
    for _ in range(number):
        await asyncio.sleep(0)


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work` on a loop of its own. Whatever a callback raised fails the test."""
    raised: list[dict[str, Any]] = []

    async def watched() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: raised.append(context))
        return await work

    result = asyncio.run(watched())
    assert not raised, raised
    return result


class LogSink:
    """An access log in memory."""

    def __init__(self) -> None:
        self.enabled = True
        self.records: list[dict[str, Any]] = []

    def write(self, record: dict[str, Any], /) -> None:
        self.records.append(record)


def make_front(handler: Handler | None, **limits: Any) -> tuple[Front, Figures, LogSink]:
    """A front whose only route is `handler`, or that has none."""
    figures, log = Figures.in_memory(), LogSink()
    loop = asyncio.get_running_loop()
    front = Front(loop, SystemClock(), Deadlines(loop), ListenerFigures(figures), log, ReplayLane(figures))
    own = LimitSettings.model_validate(limits)
    upstreams: Any = {"app": {"servers": ["http://127.0.0.1:1"]}}
    front.limits = limits_of(GatewaySettings.model_validate({"upstreams": upstreams, "limits": own}))
    front.heads = RequestHeads(HeadLimits(own.target, own.field, own.fields), UPGRADES)
    front.lane.configure(1 << 20, ["X-Request-Id"])
    route = None
    if handler is not None:
        route = CompiledRoute("default", None, handler, (), RouteFigures(figures, "default", front.figures.lately))
    front.router = lambda request: route
    return front, figures, log


class _Recording:
    """What a fake transport sent, as a socket that a strict reader reads from."""

    def __init__(self, transport: FakeTransport) -> None:
        self._data = bytes(transport.sent)
        self._is_over = transport.is_closing() or transport.has_ended

    def recv(self, size: int) -> bytes:
        data, self._data = self._data, b""
        if not data and not self._is_over:
            raise TimeoutError("the answer is not complete, and the connection open")
        return data


class Lane:
    """A downstream's connection to a handler."""

    def __init__(
        self, handler: Handler | None, *, front: Front | None = None, tls: bool = False, **limits: Any
    ) -> None:
        if front is None:
            front, self.figures, self.log = make_front(handler, **limits)
        self.front = front
        self.transport = FakeTransport(half_closes=not tls)
        self.connection = Http1Connection(front, "https" if tls else "http", CLIENT)
        front.occupied += 1
        front.by_address[CLIENT] += 1
        self.transport.connect(self.connection)

    def send(self, *pieces: bytes) -> None:
        """The downstream sends."""
        for piece in pieces:
            self.transport.receive(piece)

    def reader(self) -> Callable[[str], Answer]:
        """Reads one answer after the other, each to a request of the method given."""
        wire = Wire(cast(socket.socket, _Recording(self.transport)))
        return lambda method: read_answer(wire, method)

    def answers(self, *methods: str, minor: int = 1) -> list[Answer]:
        """The answers to requests of these methods, which must be all that was sent."""
        wire = Wire(cast(socket.socket, _Recording(self.transport)))
        found = [read_answer(wire, method, minor=minor) for method in methods]
        assert not wire.unclaimed, f"behind the answers came {wire.unclaimed[:200]!r}"
        return found

    def answer(self, method: str = "GET", minor: int = 1) -> Answer:
        """The only answer."""
        return self.answers(method, minor=minor)[0]

    @property
    def sent(self) -> bytes:
        """All that was sent downstream."""
        return bytes(self.transport.sent)

    @property
    def is_open(self) -> bool:
        """Whether the connection may bring another request."""
        return not self.transport.is_closing() and not self.transport.has_ended

    def expire(self) -> None:
        """The time of reading that the connection waits for has passed."""
        assert self.connection.deadline < float("inf"), "nothing is waited for"
        with as_callback():
            self.connection.expire(self.connection.deadline)

    def limit_hits(self, name: str) -> float:
        """How often that limit was counted."""
        return self.figures.value("limits_hit_total", limit=name)

    def requests(self, status_class: str, method: str = "GET") -> float:
        """How many requests were counted with that class of status."""
        self.front.figures.tally()
        return self.figures.value("http_requests_total", method=method, route="default", status_class=status_class)

    def assert_gone(self) -> None:
        """The connection has ended and left nothing behind."""
        front = self.front
        assert self.transport.is_lost
        assert (front.occupied, front.connections, front.by_address, front.busy) == (0, set(), {}, 0)
        assert not self.transport.raised


def get(target: str = "/", *fields: str, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    """A request."""
    lines = [f"{method} {target} HTTP/{version}", "Host: shop.example", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(*pieces: bytes, trailers: bytes = b"") -> bytes:
    """Pieces in the chunked coding."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailers + b"\r\n"


def answering(body: bytes = b"", status: int = 200, fields: Sequence[tuple[str, str]] = ()) -> Handler:
    """A handler that gives that response at once."""

    async def handle(request: Request) -> Response:
        return make_response(status, fields, body)

    return handle


async def echo(request: Request) -> Response:
    """A handler that answers with target and content of the request."""
    body = request.body if isinstance(request.body, bytes) else await request.body.read(1 << 20)
    return make_response(body=request.target + b" " + body)


class Later:
    """A handler whose answers the test gives, one after the other."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._waiting: deque[asyncio.Future[Response]] = deque()
        self.cancelled = 0

    async def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def answer(self, response: Response | Exception | None = None) -> None:
        """Let the request that has waited longest have its answer."""
        future = self._waiting.popleft()
        if isinstance(response, Exception):
            future.set_exception(response)
        else:
            future.set_result(response or make_response(body=self.requests[-1 - len(self._waiting)].target))
        await turns()


# --- upstream ------------------------------------------------------------------------------------


class Asking(EagerTask):
    """A coroutine run as a request is. Keeps how it ended."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        super().__init__(work, asyncio.get_running_loop())
        self.result: Any = None
        self.error: BaseException | None = None
        with as_callback():
            self.resume()

    def succeeded(self, result: Any) -> None:
        self.result = result

    def failed(self, error: BaseException) -> None:
        self.error = error


@dataclass
class FakeServer:
    """Opens fake connections for a pool, as often as it is asked to, and keeps them."""

    connections: int = 100
    wait: float = 1.0
    waiting: int = 1000
    refuses: list[Exception] = field(default_factory=list)
    """Raised instead of a connection, one each time."""
    connects: Connect | None = None
    """Opens connections in another way."""

    def __post_init__(self) -> None:
        self.opened: list[FakeTransport] = []
        self.may_open: asyncio.Event | None = None
        """When set, connections stand only once it is."""
        self.figures = Figures.in_memory()
        limits = PoolLimits(self.connections, self.wait, self.waiting, idle=50.0)
        self.deadlines = Deadlines(asyncio.get_running_loop())
        self.pool = Pool(limits, self._connect, self.deadlines, UpstreamFigures(self.figures, "app"))

    async def _connect(self, pool: Pool, until: float) -> UpstreamConnection:
        if self.may_open is not None:
            await self.may_open.wait()
        if self.connects is not None:
            return await self.connects(pool, until)
        if self.refuses:
            raise self.refuses.pop(0)
        return self.connect()

    def connect(self) -> UpstreamConnection:
        """A connection of the pool that nobody asked for."""
        transport, connection = FakeTransport(), UpstreamConnection(self.pool)
        self.opened.append(transport)
        transport.connect(connection)
        return connection

    async def forward(self, request: Request | None = None, *, until: float | None = None) -> Response:
        """Send a request as the end of the chain does, without second attempts."""
        request = request or make_request()
        until = time.monotonic() + TIMEOUTS.total if until is None else until
        connection = self.pool.take() or await self.pool.acquire(until)
        head = b"%b %b HTTP/1.1\r\nHost: shop.example\r\n\r\n" % (request.method.encode(), request.target)
        try:
            waiter: Waiter[Response] = Waiter()
            connection.begin(request, head, TIMEOUTS, time.monotonic(), until, waiter)
            return await waiter
        except BaseException:
            connection.abandon(request)
            raise

    def ask(self, request: Request | None = None) -> Asking:
        """The same, as a request runs: in a light task, its first step in this call."""
        return Asking(self.forward(request))

    @property
    def transport(self) -> FakeTransport:
        """The latest connection."""
        return self.opened[-1]

    def expire(self, transport: FakeTransport | None = None) -> None:
        """The time that a connection waits for has passed."""
        connection = (transport or self.transport).protocol
        assert connection.deadline < float("inf"), "nothing is waited for"
        with as_callback():
            connection.expire(connection.deadline)


def read_now(response: Response) -> Collecting:
    """Start to take the content of a response."""
    sink = Collecting()
    if isinstance(response.body, BodyStream):
        response.body.attach(sink)
    else:
        sink.data, sink.end = response.body, "finished"
    return sink


class Collecting:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.data = b""
        self.end = ""
        self.error: Exception | None = None
        self.trailers: Any = None

    def feed(self, data: bytes) -> None:
        assert not self.end
        self.data += data

    def finish(self, trailers: Any) -> None:
        assert not self.end
        self.end, self.trailers = "finished", trailers

    def fail(self, error: Exception) -> None:
        assert not self.end
        self.end, self.error = "failed", error
