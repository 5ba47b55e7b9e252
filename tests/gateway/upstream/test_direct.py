import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from gateway.config.settings import TimeoutSettings
from gateway.errors import UpstreamClosedError, UpstreamProtocolError, UpstreamTimeoutError
from gateway.http.fields import Fields
from gateway.http.message import Downstream, Request, Response
from gateway.upstream.direct import MOST_REMEMBERED, Attempt
from tests.gateway.upstream.forwarding import HANG_UP, OK, SILENCE, Forwarding, Stage
from tests.support.plugins import make_request
from tests.support.ports import free_port
from tests.support.streams import stream_of


class Asking:
    """Somebody who wants an answer: what the listener's exchange is."""

    def __init__(self) -> None:
        self.finished = False
        self.response: Response | None = None
        self.error: BaseException | None = None
        self.works = 0
        self._done = asyncio.Event()

    def succeeded(self, result: Any) -> None:
        self.response = result
        self._done.set()

    def failed(self, error: BaseException) -> None:
        self.error = error
        self._done.set()

    def take_over(self, work: Any) -> None:
        self.works += 1
        self._task = asyncio.ensure_future(work)
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Response]) -> None:
        self.finished = True
        error = task.exception()
        if error is not None:
            self.failed(error)
        else:
            self.succeeded(task.result())

    async def status(self) -> int:
        async with asyncio.timeout(10):
            await self._done.wait()
        if self.error is not None:
            raise self.error
        assert self.response is not None
        return self.response.status


class Way:
    """The direct way to an upstream that has one kept connection, unless it is `cold`."""

    def __init__(self, forwarding: Forwarding, **timeouts: str) -> None:
        self.forwarding = forwarding
        settings = TimeoutSettings.model_validate(timeouts) if timeouts else forwarding.upstream.settings.timeouts
        _, self.begin = forwarding.upstream.ways(settings)

    async def warm(self) -> "Way":
        (await self.forwarding.send()).discard()
        return self

    def ask(self, request: Request | None = None) -> tuple[Asking, Attempt]:
        request = request or make_request()
        request.started = asyncio.get_running_loop().time()  # type: ignore[assignment]  # monotonic seconds
        attempt = self.begin(request, asking := Asking())
        assert isinstance(attempt, Attempt)
        return asking, attempt


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        yield Stage(stack)


async def test_a_request_goes_over_a_kept_connection_and_its_answer_comes_back(stage: Stage) -> None:
    origin = await stage.origin()
    way = await Way(stage.before(origin.url)).warm()
    request = make_request(fields={"Host": "shop.example"})
    asking, _ = way.ask(request)
    assert way.forwarding.connections(origin.url) == (1, 1, 0)
    assert await asking.status() == 200
    assert asking.finished
    assert origin.seen[1].startswith(b"GET / HTTP/1.1\r\nHost: shop.example\r\n")
    assert (request.served_by, request.upstream_wait > 0) == (origin.url, True)
    assert (way.forwarding.outcome("answered"), origin.connections) == (2, 1)
    assert way.forwarding.connections(origin.url) == (0, 1, 1)


async def test_a_body_goes_along(stage: Stage) -> None:
    origin = await stage.origin()
    way = await Way(stage.before(origin.url)).warm()
    for _ in range(2):
        asking, _ = way.ask(make_request("POST", body=b"abcd"))
        assert await asking.status() == 200
    assert b"Content-Length: 4\r\n" in origin.seen[1]
    assert origin.seen[2].startswith(b"abcdPOST / HTTP/1.1\r\n")


class TestItLeavesToTheHandler:
    async def test_what_needs_a_new_connection(self, stage: Stage) -> None:
        origin = await stage.origin()
        way = Way(stage.before(origin.url))
        assert way.begin(make_request(), Asking()) is None
        assert way.forwarding.connections(origin.url) == (0, 0, 0)

    async def test_what_needs_a_choice(self, stage: Stage) -> None:
        origin = await stage.origin()
        way = await Way(stage.before(origin.url, f"http://127.0.0.1:{free_port()}")).warm()
        assert way.begin(make_request(), Asking()) is None

    async def test_bodies_that_stream(self, stage: Stage) -> None:
        origin = await stage.origin()
        way = await Way(stage.before(origin.url)).warm()
        assert way.begin(make_request("POST", body=stream_of(b"once")), Asking()) is None

    async def test_changes_of_protocol(self, stage: Stage) -> None:
        origin = await stage.origin()
        way = await Way(stage.before(origin.url)).warm()
        request = make_request()
        request.upgrade = b"websocket"
        assert way.begin(request, Asking()) is None
        assert way.forwarding.connections(origin.url) == (0, 1, 1)


class TestSecondAttempts:
    async def test_a_kept_connection_that_died_is_replaced(self, stage: Stage) -> None:
        origin = await stage.origin(OK, HANG_UP, b"HTTP/1.1 204 No Content\r\n\r\n")
        way = await Way(stage.before(origin.url)).warm()
        asking, _ = way.ask()
        assert await asking.status() == 204
        assert (asking.works, way.forwarding.retries, way.forwarding.outcome("closed")) == (1, 1, 1)
        assert way.forwarding.connections(origin.url) == (0, 1, 1)

    async def test_there_is_no_third(self, stage: Stage) -> None:
        origin = await stage.origin(OK, HANG_UP)
        way = await Way(stage.before(origin.url)).warm()
        asking, _ = way.ask()
        with pytest.raises(UpstreamClosedError):
            await asking.status()
        assert (asking.works, len(origin.seen)) == (1, 3)
        assert way.forwarding.connections(origin.url) == (0, 0, 0)

    @pytest.mark.parametrize("settings", [{"retry": False}, {}])
    async def test_there_is_none_where_it_must_not_be(self, stage: Stage, settings: dict[str, Any]) -> None:
        origin = await stage.origin(OK, HANG_UP, OK)
        way = await Way(stage.before(origin.url, **settings)).warm()
        asking, _ = way.ask(make_request("GET" if settings else "POST"))
        with pytest.raises(UpstreamClosedError) as caught:
            await asking.status()
        assert (asking.works, asking.finished, caught.value.server) == (0, True, origin.url)


async def test_what_is_no_answer_is_an_error(stage: Stage) -> None:
    origin = await stage.origin(OK, b"HTTP/9 what\r\n\r\n")
    way = await Way(stage.before(origin.url)).warm()
    asking, _ = way.ask()
    with pytest.raises(UpstreamProtocolError):
        await asking.status()
    assert way.forwarding.connections(origin.url) == (0, 0, 0)


async def test_an_answer_that_never_comes_is_waited_for_so_long(stage: Stage) -> None:
    origin = await stage.origin(OK, SILENCE)
    way = await Way(stage.before(origin.url), total="20ms", first_byte="10ms").warm()
    way.forwarding.deadlines.adapt(0.01)
    way.forwarding.deadlines.start()
    asking, _ = way.ask()
    with pytest.raises(UpstreamTimeoutError):
        await asking.status()
    way.forwarding.deadlines.close()


async def test_whoever_leaves_ends_the_attempt(stage: Stage) -> None:
    origin = await stage.origin(OK, SILENCE)
    way = await Way(stage.before(origin.url)).warm()
    asking, attempt = way.ask()
    origin.has_request.clear()
    async with asyncio.timeout(10):
        await origin.has_request.wait()
    assert attempt.cancel()
    assert isinstance(asking.error, asyncio.CancelledError)
    assert way.forwarding.connections(origin.url) == (0, 0, 0)
    assert not attempt.cancel()


async def test_what_comes_too_late_is_given_up(stage: Stage) -> None:
    origin = await stage.origin()
    way = await Way(stage.before(origin.url)).warm()
    asking, attempt = way.ask()
    attempt.cancel()
    ends: list[bool] = []
    late = Response(200, Fields())
    late.on_sent(ends.append)
    attempt.set_result(late)
    attempt.set_exception(UpstreamTimeoutError("late"))
    assert (ends, asking.response) == ([False], None)
    assert way.forwarding.connections(origin.url) == (0, 0, 0)


class TestHeadsThatComeAgain:
    async def asked(self, stage: Stage, *downstreams: Downstream, host: str = "keep", size: int = 1) -> list[bytes]:
        """The heads that the origin saw, one for each downstream, of requests with the very same fields."""
        origin = await stage.origin()
        way = await Way(stage.before(origin.url, host=host)).warm()
        shared = make_request(fields={"Host": "shop.example", "X-Long": "x" * size}).fields
        for downstream in downstreams:
            request = Request("GET", b"/", shared.again(), b"", b"shop.example", downstream)
            assert await way.ask(request)[0].status() == 200
        return origin.seen[1:]

    async def test_they_are_written_once(self, stage: Stage) -> None:
        first, second = await self.asked(stage, *[Downstream("10.0.0.1", "http", False)] * 2)
        assert first == second

    @pytest.mark.parametrize("size", [1, MOST_REMEMBERED])
    async def test_but_for_each_client_anew(self, stage: Stage, size: int) -> None:
        first, second, third = await self.asked(
            stage,
            Downstream("10.0.0.1", "http", False),
            Downstream("10.0.0.2", "http", False),
            Downstream("10.0.0.2", "https", False),
            size=size,
        )
        assert b"X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\n" in first
        assert b"X-Forwarded-For: 10.0.0.2\r\nX-Forwarded-Proto: http\r\n" in second
        assert b"X-Forwarded-For: 10.0.0.2\r\nX-Forwarded-Proto: https\r\n" in third

    async def test_a_changed_field_counts(self, stage: Stage) -> None:
        origin = await stage.origin()
        way = await Way(stage.before(origin.url)).warm()
        shared = make_request(fields={"Host": "shop.example", "X-A": "1"}).fields
        for value in (b"1", b"2"):
            fields = shared.again()
            if value != b"1":
                fields.set(b"X-A", value)
            request = Request("GET", b"/", fields, b"", b"shop.example", Downstream("10.0.0.1", "http", False))
            assert await way.ask(request)[0].status() == 200
        assert [b"X-A: 1\r\n" in head for head in origin.seen[1:]] == [True, False]

    async def test_a_body_has_a_head_of_its_own(self, stage: Stage) -> None:
        origin = await stage.origin()
        way = await Way(stage.before(origin.url)).warm()
        shared = make_request(fields={"Host": "shop.example"}).fields
        for body in (b"", b"abcd", b""):
            request = Request("PUT", b"/", shared.again(), body, b"shop.example", Downstream("10.0.0.1", "http", False))
            assert await way.ask(request)[0].status() == 200
        assert [b"Content-Length: 4\r\n" in head for head in origin.seen[1:]] == [False, True, False]
