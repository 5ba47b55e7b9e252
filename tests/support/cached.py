"""The cache plugin between requests and a scripted origin, on a clock that a test sets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.api import Body, BodyStream, Handler, Request, Response, Sharing, Tiers
from gateway.chain.runtime import Lasting, Runtime, Tasks
from gateway.figures.registry import Figures
from plugins.cache import PLUGIN
from tests.support.caching import START, date
from tests.support.plugins import Answer, FieldsLike, ManualClock, ScriptedUpstream, make_request, make_response
from tests.support.streams import RecordingSource

FRESH = {"Cache-Control": "max-age=60"}
TAGGED = {**FRESH, "ETag": '"a"'}


def page(fields: FieldsLike = (), body: bytes = b"content", status: int = 200) -> Callable[[Request], Response]:
    """An answer that is made anew for every request; with the Date of the start unless it has one."""
    return lambda request: make_response(status, {"Date": date(), **dict(fields)}, body)


def by_target(**pages: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """An answer for each target, named without its slash."""
    return lambda request: pages[request.target[1:].decode()](request)


class Streaming:
    """An answer whose content comes when the test says so, made anew for every request."""

    def __init__(self, fields: FieldsLike = (), length: int | None = None, status: int = 200) -> None:
        self._fields = fields
        self._length = length
        self._status = status
        self.streams: list[BodyStream] = []
        self.sources: list[RecordingSource] = []
        self.sent: list[bool] = []
        """What those who wait for the end of an answer were told, one for each answer."""

    def __call__(self, request: Request) -> Response:
        self.sources.append(RecordingSource())
        self.streams.append(BodyStream(self._length, self.sources[-1]))
        response = make_response(self._status, {"Date": date(), **dict(self._fields)}, self.streams[-1])
        response.on_sent(self.sent.append)
        return response

    @property
    def stream(self) -> BodyStream:
        """The content of the latest answer."""
        return self.streams[-1]


class RecordingControl:
    """The control channel as a worker has it: keeps who answers what, and relays to other workers."""

    def __init__(self) -> None:
        self.handlers: dict[str, Any] = {}
        self.others: list[RecordingControl] = []
        self.relayed: list[dict[str, Any]] = []
        """What other workers were told, as JSON has it."""
        self.fails: Exception | None = None
        """What becomes of everything that is relayed from now on."""

    def on(self, kind: str, handler: Any) -> None:
        self.handlers[kind] = handler

    async def ask(self, kind: str, **message: Any) -> Any:
        """What is answered to a message of the administrator."""
        return await self.handlers[kind]({"kind": kind, **message})

    def send(self, kind: str, **fields: Any) -> None:
        raise AssertionError("the cache tells nobody anything")

    async def call(self, kind: str, *, timeout: float = 5.0, **fields: Any) -> dict[str, Any]:
        assert kind == "relay", "the cache asks nobody anything else"
        self.relayed.append(orjson.loads(orjson.dumps(fields["news"])))
        if self.fails is not None:
            raise self.fails
        for other in self.others:
            await other.ask(fields["to"], news=self.relayed[-1])
        return {}


@dataclass
class Got:
    """What a client got, read whole if it is at hand."""

    response: Response

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def body(self) -> bytes:
        assert isinstance(self.response.body, bytes), "it is on its way"
        return self.response.body

    @property
    def stream(self) -> BodyStream:
        assert isinstance(self.response.body, BodyStream), "it is at hand"
        return self.response.body

    def __getitem__(self, name: str) -> str | None:
        value = self.response.fields.get(name.lower().encode())
        return value.decode() if value is not None else None

    @property
    def why(self) -> str:
        """Our member of Cache-Status without our name."""
        return (self["Cache-Status"] or "").rpartition("slipstream; ")[2]


class Cached:
    """A cache. `at` seconds after the start is the time on both of its clocks."""

    def __init__(
        self,
        *answers: Answer,
        origin: Handler | None = None,
        beside: Cached | None = None,
        route: str = "default",
        upstream: str = "app",
        workers: int = 1,
        tiers: Tiers | None = None,
        clock: ManualClock | None = None,
        sharing: Sharing | None = None,
        figures: Figures | None = None,
        **settings: Any,
    ) -> None:
        """`beside` is a cache of the same worker: another route, or the one before a reload. With more `workers` this
        is one of them: its `control.others` are the others'."""
        self.origin = ScriptedUpstream(*answers)
        self.clock: ManualClock = beside.clock if beside else clock or ManualClock(monotonic=0.0, wall=START)
        self.figures: Figures = beside.figures if beside else figures or Figures.in_memory()
        self.control: RecordingControl = beside.control if beside else RecordingControl()
        self.tasks: Tasks = beside.tasks if beside else Tasks()
        self.sweeps: list[Callable[[], None]] = beside.sweeps if beside else []
        self.lasting: Lasting = beside.lasting if beside else Lasting()
        self.runtime = Runtime(
            route=route,
            upstream=upstream,
            name="slipstream",
            clock=self.clock,
            tasks=self.tasks,
            figures=self.figures,
            log=_Silent(),
            control=self.control,
            lasting=self.lasting,
            workers=workers,
            at_each_sweep=self.sweeps,
            tiers=tiers,
            sharing=sharing,
        )
        self.plugin = PLUGIN(PLUGIN.Settings.model_validate(settings), self.runtime)
        self.handle = self.plugin.wrap(origin or self.origin)
        self._at_once = self.plugin.wrap_at_once(None)
        self.heads: dict[Any, Request] = {}
        self.at_once = 0
        """How many requests were answered by the short way."""
        self.trail: list[str] = []
        """What was decided about the latest request."""

    def to(self, at: float) -> None:
        """Set both clocks to a time after the start."""
        self.clock.advance(at - self.clock.monotonic())

    async def ask(
        self,
        target: str = "/",
        fields: FieldsLike = (),
        *,
        at: float | None = None,
        method: str = "GET",
        body: Body = b"",
        **how: Any,
    ) -> Got:
        """One request, at a time or now."""
        if at is not None:
            self.to(at)
        request = make_request(method, target, fields, body, **how)
        request.started = self.clock.monotonic()
        if body == b"":
            self._as_if_remembered(request)
        try:
            response = None if self._at_once is None else self._at_once(request)
            self.at_once += response is not None
            return Got(response or await self.handle(request))
        finally:
            self.trail = [str(decision.reason.value) for decision in request.trail]

    def _as_if_remembered(self, request: Request) -> None:
        """Let the request share what the listener's memory of heads shares: every head that comes again."""
        head = (request.method, request.target, tuple(request.fields), request.authority, request.downstream)
        known = self.heads.setdefault(head, request)
        request.target, request.authority, request.scheme = known.target, known.authority, known.scheme
        if known is not request:
            request.fields = known.fields.again()

    async def settle(self) -> None:
        """Let background work end."""
        for _ in range(10_000):
            if not len(self.tasks):
                return
            await asyncio.sleep(0)
        raise AssertionError("background work does not end")

    def shown(self, name: str) -> float:
        """What a gauge shows after a sweep."""
        for look in list(self.sweeps):
            look()
        return self.figures.value(name)

    async def calls(self, count: int) -> None:
        """Check how often the origin has been asked, background work included."""
        await self.settle()
        assert len(self.origin.requests) == count

    def sent(self, name: str) -> str | None:
        """A field of the latest request that went upstream."""
        value = self.origin.requests[-1].fields.get(name.lower().encode())
        return value.decode() if value is not None else None

    def counted(self, outcome: str) -> float:
        """How many requests ended so."""
        return self.figures.value("cache_requests_total", route=self.runtime.route, outcome=outcome)

    def not_stored(self, reason: str) -> float:
        """How many answers were not stored for that reason."""
        return self.figures.value("cache_not_stored_total", route=self.runtime.route, reason=reason)


class _Silent:
    """A log that nobody reads."""

    def info(self, event: str, **values: Any) -> None:
        """Nothing."""

    def warning(self, event: str, **values: Any) -> None:
        """Nothing."""

    def error(self, event: str, **values: Any) -> None:
        """Nothing."""
