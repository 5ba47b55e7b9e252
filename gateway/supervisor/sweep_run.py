"""One sweep, from its order to its report: looks for what is meant in every worker, and has them ask about it.

Each worker has a task here that gives it one batch after the other; all of them share one pace."""

import asyncio
import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Protocol

import structlog

from gateway.supervisor.sweep_order import SweepOrder
from gateway.supervisor.sweep_work import Batch, Work
from gateway.worker.control import CallRefusedError, ChannelClosedError, Message, UnknownKindError

SCAN_SECONDS = 60.0
PAGE_SECONDS = 10.0
BATCH_SECONDS = 60.0
"""How long a worker goes on with a batch; the rest is given out again. What is under way then has its own time-outs."""
WAIT_SECONDS = 2.0
"""What a batch may have to wait for its turn at most, at a slow pace: batches are smaller then."""
LOOK_SECONDS = 0.25
"""Between two looks at whether there is something to do again."""


class State(Enum):
    """How a sweep stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    GAVE_UP = "gave_up"
    """An origin wanted to be left alone for too long."""
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (State.QUEUED, State.RUNNING, State.PAUSED)


class Asked(Protocol):
    """A worker, as far as a sweep is concerned."""

    name: str
    pid: int

    async def call(self, kind: str, *, timeout: float, **fields: Any) -> Message:
        """Ask it."""

    def tell(self, kind: str, **fields: Any) -> None:
        """Tell it."""


class Pace:
    """So many a second, over everything. No clock of its own."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free_at = 0.0

    def take(self, count: int, now: float) -> float:
        """Seconds to wait before so many may go."""
        begin = max(now, self._free_at)
        self._free_at = begin + count / self._rate
        return begin - now


class Run:
    """One sweep."""

    def __init__(self, number: int, order: SweepOrder, workers: Callable[[], Sequence[Asked]]) -> None:
        self.id = str(number)
        self.order = order
        self.state = State.QUEUED
        self.reason = ""
        """Why it failed, or gave up."""
        self.ordered = time.time()
        self.began: float | None = None
        self.ended: float | None = None
        settings = order.settings
        self.work = Work(settings.order, settings.most)
        self._workers = workers
        self._pace = Pace(settings.rate)
        self._active = 0.0
        self._looked = 0.0
        self._answered = 0.0
        """When something was last asked about with success, on the clock of active time."""
        self._ending: State | None = None
        self._names: dict[str, Asked] = {}
        self._busy: set[str] = set()
        self._log = structlog.get_logger("slipstream.sweep").bind(sweep=order.name, run=self.id)

    # ---- orders ------------------------------------------------------------------------------------------------------

    def pause(self) -> bool:
        """Give out no more batches until `resume`; whether it was under way."""
        if self.state is State.RUNNING:
            self.state = State.PAUSED
        return self.state is State.PAUSED

    def resume(self) -> bool:
        """Go on; whether it is under way now."""
        if self.state is State.PAUSED:
            self.state = State.RUNNING
        return self.state is State.RUNNING

    def cancel(self) -> bool:
        """End after the requests under way; whether it had not ended before."""
        if self.state.is_over:
            return False
        if self.state is State.QUEUED:
            self.state, self.ended = State.CANCELLED, time.time()
        self._ending = self._ending or State.CANCELLED
        return True

    # ---- the sweep ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Do it all. Raises nothing but CancelledError: the report says what went wrong."""
        if self.state.is_over:
            return
        self.state, self.began, self._looked = State.RUNNING, time.time(), time.monotonic()
        try:
            await self._find()
            lanes = [asyncio.create_task(self._lane(name)) for name in self._names]
            try:
                await asyncio.gather(*lanes)
            finally:
                for lane in lanes:
                    lane.cancel()
            if self._ending is None and self.work.waiting and not self._names:
                self._ending, self.reason = State.FAILED, "every worker has gone"
            self._end(self._ending or State.DONE)
        except asyncio.CancelledError:
            self._end(State.CANCELLED)
            raise
        except Exception as error:  # a sweep must not take the next one along
            self._log.error("a sweep failed", exc_info=error)
            self.reason = str(error) or type(error).__name__
            self._end(State.FAILED)
        finally:
            for worker in self._names.values():
                worker.tell("sweep_end", run=self.id)

    def _end(self, state: State) -> None:
        self.state, self.ended = state, time.time()

    async def _find(self) -> None:
        """Let every worker look for what is meant, and lay it together."""
        settings = self.order.settings
        meant = {
            "routes": list(settings.routes),
            "tags": list(settings.tags),
            "prefixes": list(settings.prefixes),
            "within": settings.within,
            "fetch": settings.fetch,
        }
        workers = self._workers()
        if not workers:
            raise LookupError("no worker is ready")
        outcomes = await asyncio.gather(*(self._find_in(worker, meant) for worker in workers), return_exceptions=True)
        for worker, outcome in zip(workers, outcomes, strict=True):
            match outcome:
                case UnknownKindError():
                    self.reason = "nothing in the chain of any route answers: the configuration has no store"
                case CallRefusedError() | ChannelClosedError() | TimeoutError() as error:
                    self._log.warning("a worker takes no part in a sweep", worker=worker.name, reason=str(error))
                case BaseException():
                    raise outcome
                case _:
                    self._names[key_of(worker)] = worker
        if not self._names:
            raise LookupError(self.reason or "no worker answered")
        self.reason = ""
        self.work.arrange()
        for worker in workers:
            if key_of(worker) not in self._names:  # some of what it holds may be known all the same
                self.work.lose(key_of(worker))

    async def _find_in(self, worker: Asked, meant: dict[str, Any]) -> None:
        found = await worker.call("sweep_scan", timeout=SCAN_SECONDS, run=self.id, **meant)
        self.work.unconfirmable = max(self.work.unconfirmable, found["unconfirmable"])
        offset = 0
        while offset < found["count"] and self._ending is None:
            page = await worker.call("sweep_rows", timeout=PAGE_SECONDS, run=self.id, offset=offset)
            self.work.add(key_of(worker), page["rows"])
            offset += max(1, page["page"])

    async def _lane(self, name: str) -> None:
        """Keep one worker busy until there is nothing more for it."""
        work, settings = self.work, self.order.settings
        most = min(settings.batch, max(1, int(settings.rate * WAIT_SECONDS)))
        while self._may_go_on():
            now = time.monotonic()
            batch = None if self.state is State.PAUSED else work.next(name, most, now)
            if batch is None:
                if not work.waiting and not self._busy:
                    return
                await asyncio.sleep(LOOK_SECONDS)
                continue
            self._busy.add(name)
            try:
                await asyncio.sleep(self._pace.take(len(batch.items), now))
                if self._ending is not None or not await self._ask(batch):
                    return
            finally:
                self._busy.discard(name)

    async def _ask(self, batch: Batch) -> bool:
        """Have a batch asked about; whether the worker is still there."""
        worker, work = self._names[batch.worker], self.work
        try:
            result = await worker.call(
                f"sweep {batch.route}",
                timeout=2 * BATCH_SECONDS,
                seconds=BATCH_SECONDS,
                run=self.id,
                numbers=batch.numbers,
                concurrency=self.order.settings.concurrency,
            )
        except UnknownKindError:  # a reload has taken the route away, or its store
            work.lose_route(batch)
        except TimeoutError:
            work.lose_batch(batch)
        except (ChannelClosedError, CallRefusedError) as error:  # it has gone, or another one is in its place
            self._log.warning("a worker has left a sweep", worker=worker.name, reason=str(error))
            del self._names[batch.worker]
            work.lose(batch.worker, batch)
            return False
        else:
            if work.settle(batch, result, time.monotonic()):
                self._answered = self._active
        return True

    def _may_go_on(self) -> bool:
        """Whether there is no reason to end. Time counts as long as nobody has paused the sweep."""
        now = time.monotonic()
        if self.state is State.RUNNING:
            self._active += now - self._looked
        self._looked = now
        settings = self.order.settings
        if self._ending is None and self._active > settings.time_limit:
            self._ending = State.TIMED_OUT
        elif self._ending is None and self._active - self._answered > settings.patience and not self._busy:
            self._ending, self.reason = State.GAVE_UP, "the origin wanted to be left alone for too long"
        return self._ending is None

    # ---- the report --------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """The report, as far as it has come. Times are wall time in seconds; `seconds` counts no pauses."""
        work = self.work
        share = 1.0 if self.state is State.DONE else work.done / work.total if work.total else 0.0
        rate = work.done / self._active if self._active > 0 else 0.0
        is_going = self.state is State.RUNNING and rate > 0
        counts = {name: work.counts.get(name, 0) for name in OUTCOMES}
        return {
            "id": self.id,
            "name": self.order.name,
            "state": self.state.value,
            "reason": self.reason,
            "trigger": self.order.trigger,
            "priority": self.order.settings.priority,
            "ordered_at": round(self.ordered, 3),
            "began_at": None if self.began is None else round(self.began, 3),
            "ended_at": None if self.ended is None else round(self.ended, 3),
            "seconds": round(self._active, 3),
            "progress": {
                "total": work.total,
                "done": work.done,
                "share": round(min(1.0, share), 4),
                "per_second": round(rate, 1),
                "left_seconds": round((work.total - work.done) / rate, 1) if is_going else None,
                "resting": work.resting(time.monotonic()),
            },
            "report": {
                "looked_at": work.done,
                **counts,
                "held": work.held,
                "left_out": work.left_out,
                "unconfirmable": work.unconfirmable,
                "octets_saved": work.figures["octets_saved"],
                "octets_fetched": work.figures["octets_fetched"],
                "origin_seconds": round(work.figures["origin_seconds"], 3),
                "failures": work.failures,
            },
        }


OUTCOMES = ("confirmed", "changed", "same", "gone", "failed", "recent", "vanished", "unaskable", "lost")


def key_of(worker: Asked) -> str:
    """Tells a worker from the one that had its place before."""
    return f"{worker.name}/{worker.pid}"
