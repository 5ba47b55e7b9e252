"""What a plugin is given to live by, so that nothing is global and tests can pass their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from weakref import WeakValueDictionary

import structlog

from gateway.http.message import Monotonic, WallTime

if TYPE_CHECKING:
    from gateway.chain.plugin import Handler
    from gateway.figures.registry import Figures
    from gateway.redis.client import Redis
    from gateway.sharing.sharing import Sharing
    from gateway.tiers.tiers import Tiers


class Clock(Protocol):
    """Two times that are never mixed."""

    def monotonic(self) -> Monotonic:
        """For timers and durations."""

    def wall(self) -> WallTime:
        """For HTTP dates and ages."""


class SystemClock:
    """The machine's clocks."""

    __slots__ = ("monotonic", "wall")

    def __init__(self) -> None:
        self.monotonic: Callable[[], Monotonic] = time.monotonic  # type: ignore[assignment]  # NewType over float
        self.wall: Callable[[], WallTime] = time.time  # type: ignore[assignment]  # NewType over float


class Tasks:
    """Background work: keeps a reference, logs failure, is awaited at the end."""

    def __init__(self, log: Any = None) -> None:
        self._log = log or structlog.get_logger()
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run `work` beside the road."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("background task failed", task=task.get_name(), exc_info=error)

    def __len__(self) -> int:
        return len(self._running)

    async def close(self) -> None:
        """Cancel what still runs, and what that starts while it ends, and wait for it."""
        while running := self._running - {asyncio.current_task()}:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


L = TypeVar("L")


class Lasting:
    """What outlives a compiled chain: a reload finds the stores of the chain before, still warm.

    A thing lasts as long as any plugin holds it."""

    def __init__(self) -> None:
        self._things: WeakValueDictionary[str, Any] = WeakValueDictionary()

    def share(self, name: str, make: Callable[[], L]) -> L:
        """The thing of that name, made if nobody holds one."""
        thing: L | None = self._things.get(name)
        if thing is None:
            thing = make()
            self._things[name] = thing
        return thing


class Control(Protocol):
    """The way to the supervisor and, through it, to the other workers.

    `call("relay", to=KIND, news=…)` hands `news` to what answers messages of that kind in every other worker, and is
    answered when they have done so. Whoever has much to tell has one such call under way at a time."""

    def send(self, kind: str, **fields: Any) -> None:
        """Tell; no answer."""

    async def call(self, kind: str, *, timeout: float = 5.0, **fields: Any) -> dict[str, Any]:
        """Ask and wait for the answer. Raises TimeoutError, ConnectionError."""

    def on(self, kind: str, handler: Callable[[dict[str, Any]], Awaitable[dict[str, Any] | None]]) -> None:
        """Answer messages of that kind."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """Everything a plugin gets from the gateway."""

    route: str
    """Name of the route this instance serves."""
    upstream: str
    """Name of the upstream behind the route."""
    name: str
    """The gateway's own pseudonym in Via, Cache-Status and Proxy-Status."""
    clock: Clock
    tasks: Tasks
    figures: Figures
    log: Any
    control: Control | None = None
    """`None` in tests and one-shot commands."""
    lasting: Lasting = field(default_factory=Lasting)
    """What plugins of this worker share and what a reload keeps."""
    forward: Callable[[str], Handler] | None = None
    """The last handler of the road to another upstream, by its name, with the route's time-outs. Raises LookupError
    when there is none of that name. `None` in tests and one-shot commands."""
    dispatch: Handler | None = None
    """Answers a request of the plugin's own as if a client had sent it: by the route that takes it, through the whole
    chain of that route. For requests, not for `open`. `None` in tests and one-shot commands."""
    servers: Callable[[], Collection[str]] | None = None
    """The servers that the route's upstream has now, by URL. `None` in tests and one-shot commands."""
    workers: int = 1
    """How many workers the gateway has, each with a memory of its own."""
    tiers: Tiers | None = None
    """Stores behind the memory of this worker that it shares with others; `None` where there are none."""
    redis: Redis | None = None
    """What this worker shares with all others, of other gateways too; `None` where nothing is. It may be away at any
    time: whoever asks it has another way."""
    sharing: Sharing | None = None
    """What this worker does as one with those of other gateways; `None` where there is no Redis."""
    at_each_sweep: list[Callable[[], None]] = field(default_factory=list)
    """Called at least twice a second: for gauges, so that requests need not set them. Whoever adds in `open` removes
    in `close`."""
