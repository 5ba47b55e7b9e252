"""The workers of a gateway: as many as wanted, all of one generation, none of them standing still."""

import asyncio
import time
from collections.abc import Awaitable, Iterable
from typing import Any

import structlog

from gateway.figures import Figures
from gateway.supervisor.process import CALL_SECONDS, Inheritance, Order, State, Worker
from gateway.supervisor.relay import Relay
from gateway.supervisor.slot import Slot, Surroundings
from gateway.supervisor.told import Telling, Told
from gateway.supervisor.vitals import Vitals
from gateway.worker.control import CallRefusedError, ChannelClosedError, Message

LOOK_SECONDS = 0.5
"""Between two looks at the heartbeats."""

BLOCKED_SECONDS = 10.0
"""How long the loop of a worker may stand still before the worker is replaced."""


class ReloadError(Exception):
    """The workers did not take a configuration, and nothing changed. `reasons` are their words, each once."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(dict.fromkeys(reasons))
        super().__init__("; ".join(self.reasons))


class Fleet:
    """Starts, watches, changes and ends workers. `order` is the configuration they begin with."""

    def __init__(
        self, of: Inheritance, figures: Figures, order: Order, blocked_seconds: float = BLOCKED_SECONDS
    ) -> None:
        self.slots: list[Slot] = []
        self.order = order
        of.relay = Relay(self._workers).pass_on
        self._around = Surroundings(of, lambda: self.order, self._restarting)
        self._figures = figures
        self._blocked_seconds = blocked_seconds
        self._log = structlog.get_logger("slipstream.supervisor")
        self._leaving: set[Slot] = set()
        self._ready_gauge = figures.gauge("workers_ready", "Workers that answer requests")

    @property
    def ready(self) -> list[Worker]:
        """Workers that answer requests."""
        return [slot.worker for slot in self.slots if slot.worker is not None and slot.worker.state is State.READY]

    def _workers(self) -> list[Worker]:
        """All there are: those that start and those that drain as well."""
        return [slot.worker for slot in (*self.slots, *self._leaving) if slot.worker is not None]

    def tell(self, kind: str, **fields: Any) -> None:
        """Tell every worker, those included that start or drain; no answer."""
        for worker in self._workers():
            worker.tell(kind, **fields)

    async def start(self, count: int) -> None:
        """Return when each of `count` slots has a worker that is ready. Raises `StartError` when one cannot be."""
        self.resize(count)
        await asyncio.gather(*(slot.first for slot in self.slots))

    def resize(self, count: int) -> None:
        """Have `count` workers: start what is missing, drain what is too many."""
        while len(self.slots) < count:
            self.slots.append(Slot(str(len(self.slots)), self._around))
        while len(self.slots) > count:
            self._give_up(self.slots.pop(), self.order.drain)

    async def watch(self) -> None:
        """Replace workers whose loop stands still, for ever."""
        vitals = Vitals(self._blocked_seconds, LOOK_SECONDS, time.monotonic())
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            vitals.look(now)
            self._ready_gauge.set(len(self.ready))
            for worker in self.ready:
                if not worker.is_blocked and vitals.is_blocked(worker.heartbeat, now):
                    self._log.error("worker is blocked: replacing it", worker=worker.name, pid=worker.pid)
                    worker.abort()

    async def change(self, order: Order) -> None:
        """Give every worker another configuration, in two steps. Raises `ReloadError`; nothing changed then.

        A worker that ends meanwhile is no obstacle: its successor begins with the configuration in use then."""
        asked = self.ready
        answers = await _all(worker.prepare(order) for worker in asked)
        refused = [str(answer) for answer in answers if isinstance(answer, CallRefusedError | TimeoutError)]
        if refused:
            for worker in asked:
                worker.discard()
            raise ReloadError(refused)
        self.order = order
        await _all(self._bring_up(worker, worker.commit(order)) for worker in asked)
        late = [worker for worker in self.ready if worker.generation != order.generation]
        await _all(self._bring_up(worker, worker.adopt(order)) for worker in late)

    async def broadcast(self, kind: str, **fields: Any) -> list[Message]:
        """Ask every ready worker; the answers of those that gave one. Who gave none is logged."""
        answers: list[Message] = []
        for each in await self.ask(kind, **fields):
            if each.telling is Telling.ANSWERED:
                answers.append(each.answer)
            else:
                self._log.warning("worker did not answer", worker=each.worker, kind=kind, reason=each.error)
        return answers

    async def ask(self, kind: str, *, timeout: float = CALL_SECONDS, **fields: Any) -> list[Told]:
        """Ask every ready worker; what each of them told within `timeout` seconds, or why it did not."""
        workers = self.ready
        given = await _all(worker.call(kind, timeout=timeout, **fields) for worker in workers)
        return [Told.of(worker.name, worker.pid, outcome) for worker, outcome in zip(workers, given, strict=True)]

    async def drain(self, seconds: float) -> None:
        """Let every worker finish, for `seconds` at most, and return when all have ended."""
        while self.slots:
            self._give_up(self.slots.pop(), seconds)
        while self._leaving:
            await asyncio.gather(*(slot.done for slot in self._leaving))

    def kill(self) -> None:
        """End every worker at once, also those that are draining."""
        for slot in (*self.slots, *self._leaving):
            slot.kill()

    def _give_up(self, slot: Slot, seconds: float) -> None:
        self._leaving.add(slot)
        slot.done.add_done_callback(lambda done: self._leaving.discard(slot))
        slot.give_up(seconds)

    async def _bring_up(self, worker: Worker, step: Awaitable[None]) -> None:
        """Let a worker follow the others; one that cannot finishes what it has, and another takes its place."""
        try:
            await step
        except (CallRefusedError, ChannelClosedError, TimeoutError) as error:
            if worker.state is State.READY:
                self._log.error("worker is out of step: replacing it", worker=worker.name, reason=str(error))
                worker.drain(self.order.drain)

    def _restarting(self, reason: str) -> None:
        self._figures.counter("worker_restarts_total", "Workers that were started again", reason=reason).inc()
        self.tell("worker_ended")


async def _all(work: Iterable[Awaitable[Any]]) -> list[Any]:
    """What each returned, or the error it ended with."""
    return await asyncio.gather(*work, return_exceptions=True)
