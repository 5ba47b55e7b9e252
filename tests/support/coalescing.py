"""The coalesce plugin between clients that come and go and an origin that answers when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from gateway.api import Body, BodyStream, Fields, Request, Response, StreamEnd, Waiter
from gateway.chain.eager import EagerTask
from gateway.chain.runtime import Lasting, Runtime, Tasks
from gateway.figures.registry import Figures
from plugins.coalesce import PLUGIN
from tests.support.plugins import FieldsLike, ManualClock, make_request, make_response
from tests.support.streams import RecordingSink, RecordingSource
from tests.support.transports import as_callback


class Call:
    """A request that has reached the origin."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.fields = request.fields.copy()
        self.given_up = False
        self.source = RecordingSource()
        self.sent: list[bool] = []
        """What was said at the end of its answer."""
        self._waiter: Waiter[Response] = Waiter()

    async def wait(self) -> Response:
        try:
            return await self._waiter
        except asyncio.CancelledError:
            self.given_up = True
            raise

    def __getitem__(self, name: str) -> str | None:
        value = self.fields.get(name.lower().encode())
        return None if value is None else value.decode()

    def answer(self, body: Body = b"content", fields: FieldsLike = (), status: int = 200) -> None:
        """Answer, as a protocol does in its callback."""
        self.give(make_response(status, fields, body))

    def give(self, response: Response) -> None:
        with as_callback():
            self._waiter.set_result(response)

    def stream(self, fields: FieldsLike = (), length: int | None = None, status: int = 200) -> BodyStream:
        """Answer with a head; the content comes as the test feeds it."""
        body = BodyStream(length, self.source)
        response = make_response(status, fields, body)
        response.on_sent(self.sent.append)
        self.give(response)
        return body

    def fail(self, error: Exception) -> None:
        with as_callback():
            self._waiter.set_exception(error)

    def hint(self, link: str) -> None:
        """Send a 103 (RFC 8297)."""
        if self.request.interim is not None:
            self.request.interim(103, Fields([(b"Link", link.encode())]))


class HeldOrigin:
    """Answers nothing by itself."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.at_once: Callable[[Request], Response] | None = None
        """Answers the requests from now on."""

    async def __call__(self, request: Request) -> Response:
        call = Call(request)
        self.calls.append(call)
        if self.at_once is not None:
            return self.at_once(request)
        return await call.wait()


class _Light(EagerTask):
    """What a listener's exchange is, without the listener."""

    def __init__(self, client: Client, coro: Any) -> None:
        super().__init__(coro, asyncio.get_running_loop())
        self._client = client

    def succeeded(self, result: Any) -> None:
        self._client.ended(result, None)

    def failed(self, error: BaseException) -> None:
        self._client.ended(None, error)


class Client:
    """Somebody who has sent a request and takes what comes."""

    def __init__(self, work: Any, request: Request, *, light: bool) -> None:
        self.request = request
        self.response: Response | None = None
        self.error: BaseException | None = None
        self.sink = RecordingSink()
        self.hints: list[bytes | None] = []
        self.has_left = False
        request.interim = lambda status, fields: self.hints.append(fields.get(b"link"))
        self._task: Any
        if light:
            self._task = _Light(self, work(request))
            with as_callback():
                self._task.resume()
        else:
            self._task = asyncio.get_running_loop().create_task(self._run(work, request))

    async def _run(self, work: Any, request: Request) -> None:
        try:
            self.ended(await work(request), None)
        except BaseException as error:
            self.ended(None, error)

    def ended(self, response: Response | None, error: BaseException | None) -> None:
        assert self.is_waiting, "it ended twice"
        if self.has_left and response is not None:
            response.discard()
            return
        self.response, self.error = response, error
        if response is not None and isinstance(response.body, BodyStream):
            response.body.attach(self.sink)
            response.body.on_end(lambda end: response.sent(end is StreamEnd.FINISHED))
        elif response is not None:
            response.sent(True)

    def leave(self) -> None:
        """The connection is lost."""
        self.has_left = True
        with as_callback():
            if self.response is not None:
                self.response.discard()
            elif self.error is None:
                self._task.leave() if isinstance(self._task, EagerTask) else self._task.cancel()

    @property
    def is_waiting(self) -> bool:
        return self.response is None and self.error is None

    @property
    def got(self) -> Response:
        assert self.response is not None, self.error or "nothing yet"
        return self.response

    @property
    def body(self) -> bytes:
        """The content that has come."""
        return self.got.body if isinstance(self.got.body, bytes) else self.sink.data

    @property
    def is_whole(self) -> bool:
        """Whether it has all of the content."""
        return isinstance(self.got.body, bytes) or self.sink.ends == ["finish"]

    def stop(self) -> None:
        """Take no more for now."""
        assert isinstance(self.got.body, BodyStream)
        self.got.body.pause()

    def go_on(self) -> None:
        """Take more again."""
        assert isinstance(self.got.body, BodyStream)
        self.got.body.resume()

    @property
    def why(self) -> list[str]:
        """What the room decided about it."""
        return [str(decision.reason.value) for decision in self.request.trail if decision.by == "coalesce"]


class Coalesced:
    """A route with the plugin before an origin that is held."""

    opened: ClassVar[list[Coalesced]] = []
    """All of this test, for whoever looks at what they leave behind."""

    def __init__(
        self,
        *,
        light: bool = True,
        clock: Any = None,
        beside: Coalesced | None = None,
        origin: Any = None,
        **settings: Any,
    ) -> None:
        """`light`: clients are as those of the listener; otherwise they run in ordinary tasks. `beside` is another
        route of the same worker."""
        self.origin = origin if origin is not None else HeldOrigin()
        self.light = light
        self.clock = clock or ManualClock(monotonic=0.0)
        self.figures: Figures = beside.figures if beside else Figures.in_memory()
        self.tasks: Tasks = beside.tasks if beside else Tasks()
        self.lasting: Lasting = beside.lasting if beside else Lasting()
        self.sweeps: list[Callable[[], None]] = []
        self.runtime = Runtime(
            route="shop",
            upstream="app",
            name="slipstream",
            clock=self.clock,
            tasks=self.tasks,
            figures=self.figures,
            log=_Silent(),
            lasting=self.lasting,
            at_each_sweep=self.sweeps,
        )
        self.plugin = PLUGIN(PLUGIN.Settings.model_validate(settings), self.runtime)
        self.handle = self.plugin.wrap(self.origin)
        self.clients: list[Client] = []
        self.opened.append(self)

    @property
    def calls(self) -> list[Call]:
        """Requests that have reached the origin."""
        calls: list[Call] = self.origin.calls
        return calls

    def ask(
        self, target: str = "/", fields: FieldsLike = (), *, method: str = "GET", body: Body = b"", **how: Any
    ) -> Client:
        """A client sends a request."""
        return self.send(make_request(method, target, fields, body, **how))

    def send(self, request: Request, *, light: bool | None = None) -> Client:
        """The same, of a request that is there."""
        client = Client(self.handle, request, light=self.light if light is None else light)
        self.clients.append(client)
        return client

    async def several(self, number: int, *asked: Any, **how: Any) -> list[Client]:
        """So many clients send the same."""
        clients = [self.ask(*asked, **how) for _ in range(number)]
        await turns()
        return clients

    def counted(self, name: str, **labels: str) -> float:
        """What a counter of the room shows."""
        return self.figures.value(f"coalesce_{name}", route="shop", **labels)

    @property
    def held(self) -> int:
        """Octets in buffers."""
        return int(self.plugin._exchanges.budget.used)

    async def end(self) -> None:
        """All clients have left, and nothing must be left of them."""
        await turns(40)
        assert self.is_idle, "something is left"
        assert (self.plugin._turns.taken, len(self.plugin._turns)) == (0, 0), "a turn is still taken"

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left of what was under way."""
        return not self.plugin._exchanges.table.flights and not len(self.tasks) and not self.held


async def turns(number: int = 12) -> None:
    """Let the loop do what it was asked to do soon."""
    for _ in range(number):
        await asyncio.sleep(0)


class _Silent:
    """A log that nobody reads."""

    def info(self, event: str, **values: Any) -> None:
        """Nothing."""

    def error(self, event: str, **values: Any) -> None:
        raise AssertionError(event) from values.get("exc_info")
