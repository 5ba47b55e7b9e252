"""What a worker does for warming, on a real road before a scripted origin."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.chain.registry import settings_of
from gateway.chain.runtime import SystemClock
from gateway.config import load_text
from gateway.errors import CircuitOpenError
from gateway.figures import Figures
from gateway.http.message import Request, Response, WallTime
from gateway.listener.front import Front
from gateway.worker import warming as module
from gateway.worker.explain import QuestionError
from gateway.worker.road import Road
from gateway.worker.warming import Warmer, seconds_of
from tests.support.loopback import listening
from tests.support.plugins import make_response
from tests.support.roads import LogSink, make_front

Answer = dict[str, Any]


class Origin:
    """Answers each target with what `pages` has for it."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.pages: dict[bytes, bytes] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            answer = self.pages.get(head.split(b" ")[1])
            if answer is None:
                answer = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\nhello"
            writer.write(answer)


class Desk:
    """A control channel of which the test is the other end."""

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[[Answer], Awaitable[Answer]]] = {}

    def on(self, kind: str, handler: Any) -> None:
        self.handlers[kind] = handler

    def off(self, kind: str) -> None:
        self.handlers.pop(kind, None)

    def send(self, kind: str, **fields: Any) -> None:
        pass

    async def call(self, kind: str, *, timeout: float = 5.0, **fields: Any) -> Answer:
        raise ConnectionError("nobody is there")

    async def hand(self, kind: str, message: Answer) -> Answer | None:
        return None

    async def ask(self, kind: str, **fields: Any) -> Answer:
        usual = {"fields": [("User-Agent", "warming")], "seconds": 10.0, "largest": 1 << 20}
        return await self.handlers[kind]({**usual, **fields})


class Running:
    """A road, its figures, its origin and its log."""

    def __init__(self) -> None:
        self.origin, self.desk, self.log = Origin(), Desk(), LogSink()
        self.figures = Figures.in_memory(columns=16_384)
        self.road = Road(self.figures, self.desk, self.log)

    async def warm(self, path: str, **more: Any) -> Answer:
        return await self.desk.ask("warm", url=f"http://shop.example{path}", **more)


CONFIGURATION = """
listen: 127.0.0.1:1
upstreams: {app: {servers: [http://127.0.0.1:PORT]}, gone: {servers: [http://127.0.0.1:9]}}
plugins: [{cache: {}}]
routes:
  - {name: dead, match: {host: dead.example}, upstream: gone}
  - {name: shop, match: {host: shop.example}, upstream: app}
"""


@asynccontextmanager
async def on_a_road() -> AsyncIterator[Running]:
    running = Running()
    async with listening(running.origin.serve) as port:
        configuration = load_text(CONFIGURATION.replace("PORT", str(port)), settings_of)
        await running.road.commit(await running.road.prepare(configuration))
        yield running
        await running.road.drain(0)
        await running.road.close()


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with on_a_road() as running:
        yield running


async def test_what_is_fetched_is_stored_and_then_there(running: Running) -> None:
    first = await running.warm("/a")
    assert (first["kind"], first["reason"], first["octets"]) == ("stored", "uri_miss", 5)
    assert first["origin_seconds"] > 0
    again = await running.warm("/a")
    assert (again["kind"], len(running.origin.heads)) == ("hit", 1)


async def test_it_is_no_clients_request(running: Running) -> None:
    answer = b"HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Length: 5\r\n\r\nhello"
    running.origin.pages[b"/private"] = answer
    await running.warm("/a?token=secret")
    await running.warm("/a?token=secret")
    await running.warm("/private")
    record = running.log.records[0]
    assert (record["client"], record["status"], record["route"]) == ("warming", 200, "shop")
    assert record["trail"][0] == "warming:asked"
    assert record["target"] == "/a?token=***"
    value = running.figures.value
    assert value("warming_requests_total", outcome="stored") == 1
    assert value("warming_requests_total", outcome="hit") == 1
    assert value("warming_octets_total") == 15
    for outcome in ("uri_miss", "fresh", "uncacheable"):
        assert value("cache_requests_total", route="shop", outcome=outcome) == 0
    assert b"X-Forwarded-For: unknown" in running.origin.heads[0]
    assert b"User-Agent: warming" in running.origin.heads[0]


async def test_the_route_of_each_url_is_known(running: Running) -> None:
    urls = ["http://shop.example/", "http://dead.example/", "http://other.example/", "nonsense", "http://a b/"]
    assert await running.desk.ask("warm_routes", urls=urls) == {"upstreams": ["app", "gone", None, None, None]}


async def test_without_a_route_nobody_is_asked(running: Running) -> None:
    outcome = await running.desk.ask("warm", url="http://other.example/")
    assert (outcome["kind"], outcome["reason"]) == ("skipped", "no_route")
    outcome = await running.desk.ask("warm", url="nonsense")
    assert outcome["kind"] == "skipped"


async def test_what_may_not_be_stored_says_why(running: Running) -> None:
    running.origin.pages[b"/me"] = b"HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Length: 0\r\n\r\n"
    outcome = await running.warm("/me")
    assert (outcome["kind"], outcome["reason"], outcome["may_retry"]) == ("not_stored", "private", False)


async def test_an_origin_that_is_not_there_wants_rest(running: Running) -> None:
    outcome = await running.desk.ask("warm", url="http://dead.example/")
    assert (outcome["kind"], outcome["may_retry"], outcome["wants_rest"]) == ("failed", True, True)
    assert running.log.records[-1]["error"] == outcome["reason"]


async def test_retry_after_is_handed_on(running: Running) -> None:
    head = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
    running.origin.pages[b"/busy"] = head
    outcome = await running.warm("/busy")
    assert (outcome["kind"], outcome["reason"], outcome["retry_after"]) == ("failed", "503", 7.0)
    assert outcome["wants_rest"]


async def test_too_much_is_given_up(running: Running) -> None:
    head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 1000000\r\n\r\n"
    running.origin.pages[b"/large"] = head + bytes(1_000_000)
    outcome = await running.warm("/large", largest=100_000)
    assert (outcome["kind"], outcome["reason"]) == ("not_stored", "too_large")


async def test_what_takes_too_long_is_given_up(running: Running) -> None:
    running.origin.pages[b"/slow"] = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    outcome = await running.warm("/slow", seconds=0.1)
    assert (outcome["kind"], outcome["reason"], outcome["may_retry"]) == ("failed", "timeout", True)
    assert running.log.records[-1]["status"] == 504


async def read(running: Running, path: str) -> bytes:
    told = await running.desk.ask("warm_read", url=f"http://shop.example{path}")
    found, last = b"", False
    while not last:
        more = await running.desk.ask("warm_more", handle=told["handle"])
        found, last = found + base64.b64decode(more["data"]), more["last"]
    return found


async def test_a_list_comes_in_pieces(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE_OCTETS", 1000)
    content = bytes(range(256)) * 1000
    head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n" % len(content)
    running.origin.pages[b"/list"] = head + content
    assert await read(running, "/list") == content
    assert await read(running, "/list") == content  # stored: at hand in one piece
    assert len(running.origin.heads) == 1


async def test_a_list_that_is_elsewhere_says_where(running: Running) -> None:
    running.origin.pages[b"/list"] = b"HTTP/1.1 301 Moved\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"
    told = await running.desk.ask("warm_read", url="http://shop.example/list")
    assert told == {"status": 301, "location": "/new"}


async def test_lists_that_nobody_fetches_are_few_and_let_go_of(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.origin.pages[b"/list"] = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    url = "http://shop.example/list"
    handles = [(await running.desk.ask("warm_read", url=url))["handle"] for _ in range(module.MOST_READINGS)]
    with pytest.raises(QuestionError, match="too many"):
        await running.desk.ask("warm_read", url=url)
    assert await running.desk.ask("warm_more", handle=handles[0], enough=True) == {"data": "", "last": True}
    with pytest.raises(TimeoutError):
        await running.desk.ask("warm_more", handle=handles[1], seconds=0.05)
    for handle in handles[:2]:
        with pytest.raises(QuestionError, match="not fetched in time"):
            await running.desk.ask("warm_more", handle=handle)
    monkeypatch.setattr(module, "READING_SECONDS", 0.0)
    late = (await running.desk.ask("warm_read", url=url))["handle"]
    await asyncio.sleep(0.01)
    with pytest.raises(QuestionError, match="not fetched in time"):
        await running.desk.ask("warm_more", handle=late)


def warmer(answer: Callable[[Request], Response]) -> tuple[Warmer, Front]:
    async def dispatch(request: Request) -> Response:
        return answer(request)

    front, figures, _ = make_front(None)
    return Warmer(front, SystemClock(), figures, lambda route: "", dispatch), front


async def asked(answer: Callable[[Request], Response], **fields: str) -> Answer:
    subject, _ = warmer(answer)
    message = {"url": "http://a/", "fields": list(fields.items()), "seconds": 5.0, "largest": 100}
    return await subject.ask(message)


async def test_an_open_circuit_says_when_to_come_again() -> None:
    def refuse(request: Request) -> Response:
        raise CircuitOpenError("open", 4.0)

    outcome = await asked(refuse)
    assert (outcome["reason"], outcome["retry_after"], outcome["wants_rest"]) == ("circuit_open", 4.0, True)


async def test_forwarding_fields_of_the_settings_are_believed() -> None:
    seen: list[Request] = []

    def keep(request: Request) -> Response:
        seen.append(request)
        return make_response()

    await asked(keep, **{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "a"})
    (request,) = seen
    assert (request.scheme, request.downstream.trusted, request.deadline is not None) == ("https", True, True)


async def test_while_it_is_under_way_a_request_is_known() -> None:
    known: list[bool] = []

    def look(request: Request) -> Response:
        known.append(request in subject.under_way)
        return make_response()

    subject, _ = warmer(look)
    await subject.ask({"url": "http://a/", "fields": [], "seconds": 5.0, "largest": 100})
    assert known == [True]
    assert not subject.under_way


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"120", 120.0),
        (b"0", 0.0),
        (b"Thu, 01 Jan 1970 00:01:40 GMT", 90.0),
        (b"Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        (b"soon", None),
        (b"-1", None),
        (b"", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: bytes, seconds: float | None) -> None:
    assert seconds_of(value, WallTime(10.0)) == seconds
