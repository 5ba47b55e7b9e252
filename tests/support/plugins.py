"""What stands around a plugin in its tests: a request, a runtime with a clock one sets, a scripted upstream."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

from gateway.chain.plugin import Handler, Plugin
from gateway.chain.runtime import Runtime, Tasks
from gateway.figures.registry import Figures
from gateway.http.fields import Fields
from gateway.http.message import Body, Downstream, Monotonic, Request, Response, WallTime

FieldsLike = Mapping[str, str] | Iterable[tuple[str, str]]


class ManualClock:
    """A clock that moves when it is told to."""

    def __init__(self, monotonic: float = 1_000.0, wall: float = 1_700_000_000.0) -> None:
        self._monotonic = monotonic
        self._wall = wall

    def monotonic(self) -> Monotonic:
        return Monotonic(self._monotonic)

    def wall(self) -> WallTime:
        return WallTime(self._wall)

    def advance(self, seconds: float) -> None:
        self._monotonic += seconds
        self._wall += seconds


def fields_of(fields: FieldsLike) -> Fields:
    """Fields from text, in order."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    return Fields((name.encode(), value.encode()) for name, value in pairs)


def make_request(
    method: str = "GET",
    target: str = "/",
    fields: FieldsLike = (),
    body: Body = b"",
    *,
    authority: str = "shop.example",
    peer: str = "192.0.2.7",
    scheme: str = "http",
    trusted: bool = False,
    route: str = "default",
) -> Request:
    """A request as the listener would hand it on."""
    downstream = Downstream(peer, scheme, trusted)
    request = Request(
        method, target.encode(), fields_of(fields), body, authority=authority.encode(), downstream=downstream
    )
    request.route = route
    return request


def make_response(status: int = 200, fields: FieldsLike = (), body: Body = b"") -> Response:
    """A response as an upstream would give it."""
    return Response(status, fields_of(fields), body)


def make_runtime(
    *, route: str = "default", upstream: str = "app", clock: ManualClock | None = None, figures: Figures | None = None
) -> Runtime:
    """A runtime whose figures live in this process alone."""
    return Runtime(
        route=route,
        upstream=upstream,
        name="slipstream",
        clock=clock or ManualClock(),
        tasks=Tasks(),
        figures=figures or Figures.in_memory(),
        log=structlog.get_logger(),
    )


Answer = Response | Exception | Callable[[Request], Response]


class ScriptedUpstream:
    """The inner handler: remembers what came, answers what it was told to, in order; the last answer repeats."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[Request] = []
        self._answers: deque[Answer] = deque(answers or [lambda request: make_response()])

    async def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        answer = self._answers.popleft() if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response) else answer(request)


class SilentUpstream:
    """The inner handler that answers only once `release` was called; `entered` says when a request has come."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self._released = asyncio.Event()

    def release(self) -> None:
        self._released.set()

    async def __call__(self, request: Request) -> Response:
        self.entered.set()
        await self._released.wait()
        return make_response()


def chain_of(plugin: type[Plugin], inner: Handler, runtime: Runtime | None = None, **settings: Any) -> Handler:
    """`inner` behind one plugin with these settings, checked as those of a configuration are."""
    checked = plugin.Settings.model_validate(settings)
    return plugin(checked, runtime or make_runtime()).wrap(inner)


def pairs(fields: Fields) -> list[tuple[str, str]]:
    """Name and value of every line as text, in order."""
    return [(name.decode(), value.decode()) for name, value in fields]


def without_waiting(work: Any) -> Any:
    """The result of a coroutine that must not wait: its first step has to be its last."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    work.close()
    raise AssertionError("the coroutine waited")
