"""One worker process, as the supervisor sees it: start, configure, ask, end."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import structlog

from gateway.figures.layout import Layout
from gateway.figures.ledger import Ledger
from gateway.figures.slab import Slab
from gateway.worker.control import Channel, Message, open_channel, socket_pair

START_SECONDS = 20.0
"""How long a worker may take from its first instruction until it is ready; usually it is a third of one second."""

PREPARE_SECONDS = 20.0
"""How long compiling another configuration may take, connections of plugins included."""

COMMIT_SECONDS = 10.0
CALL_SECONDS = 2.0

END_SECONDS = 8.0
"""How much longer than its drain time a worker may take to end."""

ABORT_SECONDS = 2.0
"""How long a blocked worker may take to write where it is blocked, before it is killed."""


class State(StrEnum):
    """Where a worker is in its life."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Order:
    """A configuration on its way to the workers."""

    generation: int
    configuration: str
    """As JSON, secrets included: for the private socket pair alone."""
    drain: float
    """Seconds a worker may take to drain."""


@dataclass(slots=True)
class Inheritance:
    """What every worker of a gateway shares."""

    module: str
    """Run with `python -m`."""
    sockets: Sequence[int]
    slab: Slab
    ledger: Ledger
    relay: "Callable[[Worker, Message], Awaitable[Message]] | None" = None
    """Hands on what a worker has to tell the others."""
    servers: "Callable[[], Message] | None" = None
    """What is known about the servers of upstreams."""
    log: Any = field(default_factory=lambda: structlog.get_logger("slipstream.supervisor"))


class Worker:
    """A worker process. Made by `start_worker`; `ended` is done once it is gone and its figures are kept."""

    def __init__(
        self, name: str, row: int, process: asyncio.subprocess.Process, channel: Channel, of: Inheritance
    ) -> None:
        self.name = name
        self.pid = process.pid
        self.row = row
        self.state = State.STARTING
        self.started = time.time()
        self.generation = 0
        self.is_blocked = False
        """Whether it is ended because its loop stood still."""
        self._born = time.monotonic()
        self._process = process
        self._channel = channel
        self._of = of
        self._drain_begun = False
        channel.on("layout", self._learn)
        channel.on("drained", self._drained)
        channel.on("relay", self._relay)
        channel.on("servers", lambda message: None if of.servers is None else of.servers())
        channel.listen()
        self.ended: asyncio.Task[str] = asyncio.get_running_loop().create_task(self._end(), name=f"worker {name}")

    @property
    def lifetime(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._born

    @property
    def heartbeat(self) -> float:
        """Monotonic time of its last heartbeat; 0 before the first."""
        return self._of.ledger.heartbeat(self.row)

    async def configure(self, order: Order) -> None:
        """Make it ready. Raises `CallRefusedError` with its reason, `TimeoutError`, `ChannelClosedError`."""
        await self._channel.call(
            "configure",
            timeout=START_SECONDS,
            generation=order.generation,
            configuration=order.configuration,
            slab=self._of.slab.descriptor,
            row=self.row,
            columns=self._of.slab.columns,
            sockets=list(self._of.sockets),
            supervisor=os.getpid(),
        )
        self.generation = order.generation

    async def prepare(self, order: Order) -> None:
        """First step of a reload: compile. Raises as `configure` does; nothing has changed then."""
        await self._channel.call(
            "prepare", timeout=PREPARE_SECONDS, generation=order.generation, configuration=order.configuration
        )

    async def commit(self, order: Order) -> None:
        """Second step of a reload: put in use what was prepared."""
        await self._channel.call("commit", timeout=COMMIT_SECONDS, generation=order.generation)
        self.generation = order.generation

    async def adopt(self, order: Order) -> None:
        """Both steps: for a worker alone."""
        await self.prepare(order)
        await self.commit(order)

    def discard(self) -> None:
        """Instead of the second step: forget what was prepared."""
        self._channel.send("discard")

    async def call(self, kind: str, *, timeout: float = CALL_SECONDS, **fields: Any) -> Message:
        """Ask it something else."""
        return await self._channel.call(kind, timeout=timeout, **fields)

    def tell(self, kind: str, **fields: Any) -> None:
        """Tell it something; no answer."""
        self._channel.send(kind, **fields)

    def drain(self, seconds: float) -> None:
        """Ask it to finish and end; it is killed if it takes much longer than `seconds`. Once is enough."""
        if self._drain_begun or self.state is State.ENDED:
            return
        self._drain_begun = True
        if self.state is State.STARTING:
            self.signal(signal.SIGTERM)  # its channel may not be read yet
        self.state = State.DRAINING
        self._channel.send("drain", seconds=seconds)
        timer = asyncio.get_running_loop().call_later(seconds + END_SECONDS, self.kill, "it did not end in time")
        self.ended.add_done_callback(lambda ended: timer.cancel())

    def abort(self) -> None:
        """End a worker whose loop stands still. It writes a traceback to standard error first."""
        self.is_blocked = True
        self.signal(signal.SIGABRT)
        timer = asyncio.get_running_loop().call_later(ABORT_SECONDS, self.kill, "it did not abort")
        self.ended.add_done_callback(lambda ended: timer.cancel())

    def kill(self, why: str) -> None:
        """End it at once."""
        self._of.log.warning("worker killed", worker=self.name, pid=self.pid, reason=why)
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still lives. Not by way of asyncio: that may take the exit code from its own watcher."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _learn(self, message: Message) -> None:
        if not self._of.ledger.learn(self.row, Layout.from_message(message)):
            self._of.log.warning("figure does not fit", worker=self.name, family=message["family"])

    def _drained(self, message: Message) -> None:
        if message["cut"]:
            self._of.log.warning(
                "exchanges were cut at the end of the drain time", worker=self.name, cut=message["cut"]
            )

    async def _relay(self, message: Message) -> Message:
        return {} if self._of.relay is None else await self._of.relay(self, message)

    async def _end(self) -> str:
        code = await self._process.wait()
        self.state = State.ENDED
        try:  # what it announced last is still on the way; a child of its own may hold the other end open
            async with asyncio.timeout(CALL_SECONDS):
                await asyncio.shield(self._channel.closed)
        except TimeoutError:
            pass
        self._channel.close()
        self._of.ledger.close(self.row)
        self._of.slab.give_back(self.row)
        return "blocked" if self.is_blocked else how(code)


def how(code: int) -> str:
    """How a process ended: the name of a signal, or its exit code."""
    if code >= 0:
        return f"exit {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def environment() -> dict[str, str]:
    """This process's environment, with a path that lets the worker import just what this process can."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**os.environ, "PYTHONPATH": path}


async def start_worker(name: str, of: Inheritance) -> Worker:
    """Start a process in a group of its own, so that Ctrl-C at a terminal reaches the supervisor alone.

    Raises `OSError` when no process can be made, `LookupError` when no row is free."""
    row = of.slab.take()
    here, there = socket_pair()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", of.module, str(there.fileno()), name),
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[there.fileno(), of.slab.descriptor, *of.sockets],
            process_group=0,
            env=environment(),
        )
    except BaseException:
        here.close()
        of.slab.give_back(row)
        raise
    finally:
        there.close()
    of.ledger.open(row, of.slab.cells(row))
    channel = await open_channel(here)
    return Worker(name, row, process, channel, of)
