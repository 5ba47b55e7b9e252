"""The place of one worker: a task that starts a worker, waits for its end, and starts the next one."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from gateway.supervisor.backoff import Backoff
from gateway.supervisor.process import ABORT_SECONDS, Inheritance, Order, State, Worker, start_worker
from gateway.worker.control import CallRefusedError, ChannelClosedError

ATTEMPTS_AT_START = 3
"""Workers of a slot that may end before any was ready, when the gateway starts."""


class StartError(Exception):
    """The gateway cannot start: the text is the reason a worker gave."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a slot needs of its fleet."""

    of: Inheritance
    order: Callable[[], Order]
    """The configuration in use."""
    restarted: Callable[[str], None]
    """Called with the reason for each worker that is started again."""


class Slot:
    """Keeps one worker alive until it is given up."""

    def __init__(self, name: str, around: Surroundings) -> None:
        self.name = name
        self.worker: Worker | None = None
        self.restarts = 0
        self.last_end: str | None = None
        """How the last worker ended, such as `SIGKILL` or `exit 1`."""
        self.first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the first worker is ready; `StartError` when none can be."""
        self.first.add_done_callback(lambda first: first.cancelled() or first.exception())  # nobody may be waiting
        self._around = around
        self._given_up = asyncio.Event()
        self._log = structlog.get_logger("slipstream.supervisor")
        self.done: asyncio.Task[None] = asyncio.get_running_loop().create_task(self._keep(), name=f"slot {name}")

    def give_up(self, drain_seconds: float) -> None:
        """Start no more workers, and let the one there is drain. `done` ends after it."""
        self._given_up.set()
        if self.worker is not None:
            self.worker.drain(drain_seconds)

    def kill(self) -> None:
        """Start no more workers, and end the one there is at once."""
        self._given_up.set()
        if self.worker is not None:
            self.worker.kill("the gateway ends at once")

    async def _keep(self) -> None:
        backoff = Backoff()
        while not self._given_up.is_set():
            delay = backoff.after(await self._one_life())
            if self._given_up.is_set():
                break
            if not self.first.done() and backoff.deaths_in_a_row >= ATTEMPTS_AT_START:
                self.first.set_exception(StartError(f"a worker ended before it was ready ({self.last_end})"))
            self.restarts += 1
            self._around.restarted(self.last_end or "")
            self._log.warning("starting another worker", worker=self.name, reason=self.last_end, delay_seconds=delay)
            await self._pause(delay)
        self.first.cancel()

    async def _one_life(self) -> float:
        """Start a worker and wait for its end; how long it lived in seconds, 0 if it never was ready."""
        try:
            worker = self.worker = await start_worker(self.name, self._around.of)
        except (OSError, LookupError) as error:  # no process or no row to be had
            self.last_end = "not started"
            self._log.error("no worker can be started", worker=self.name, reason=str(error))
            return 0.0
        if self._given_up.is_set():
            worker.drain(0.0)
        is_ready = await self._make_ready(worker)
        if worker.state is State.STARTING:
            await asyncio.wait([worker.ended], timeout=ABORT_SECONDS)  # it may be about to end by itself
        if worker.state is State.STARTING:
            worker.kill("it did not get ready")
        self.last_end = await worker.ended
        self.worker = None
        return worker.lifetime if is_ready else 0.0

    async def _make_ready(self, worker: Worker) -> bool:
        order = self._around.order
        try:
            await worker.configure(order())
            while worker.generation != order().generation:  # a reload went by while it was starting
                await worker.adopt(order())
        except CallRefusedError as error:
            self._log.error("worker refused its configuration", worker=self.name, reason=str(error))
            if not self.first.done():
                self.first.set_exception(StartError(str(error)))
            worker.drain(0.0)
            return False
        except (ChannelClosedError, TimeoutError) as error:
            if worker.state is not State.DRAINING:
                self._log.error("worker did not get ready", worker=self.name, pid=worker.pid, reason=str(error))
            return False
        if worker.state is not State.STARTING:
            return False
        worker.state = State.READY
        self._log.info("worker ready", worker=self.name, pid=worker.pid, seconds=round(worker.lifetime, 3))
        if not self.first.done():
            self.first.set_result(None)
        return True

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._given_up.wait()
        except TimeoutError:
            pass
