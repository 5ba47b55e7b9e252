"""One run: reads its sources, asks workers for each URL at a pace that the origin stands, and counts how it went.

Where workers share a tier, one of them is asked for a URL and the others find there what it stored. Where each has
nothing but a memory of its own, each is asked."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog

from gateway.config.warming import WarmingSettings
from gateway.warming.cursor import Cursor, Tracker
from gateway.warming.gather import Gathering, SourceReport, Ways
from gateway.warming.order import Order
from gateway.warming.outcome import Kind, Outcome
from gateway.warming.progress import Progress, State
from gateway.warming.queue import Queue

ATTEMPTS = 3
"""For one URL, where another try may help."""
RESTING, DOWN = 0.1, 0.34
"""What uses up less of them: an answer that says when to come again, since the next one will be later, and another; and
a failure of an upstream of which everything fails."""
ROUTES_AT_ONCE = 100
"""URLs that a worker finds the routes of in one message: some three milliseconds, in which no client is answered."""
NO_WORKER_SECONDS = 0.5
"""Pause while there is no worker to ask."""
WORKERS_LOST = 5
"""Workers that may end one after the other while they are asked for the same URL."""


class Worker(Protocol):
    """Who is asked: a worker process, or another in tests."""

    @property
    def name(self) -> str:
        """Tells it from the others."""

    async def call(self, kind: str, *, timeout: float, **fields: Any) -> dict[str, Any]:
        """Ask it. Raises TimeoutError, ConnectionError, CallRefusedError."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run needs of the gateway. All of it may be another after a reload."""

    settings: Callable[[], WarmingSettings]
    workers: Callable[[], Sequence[Worker]]
    """Those that are ready."""
    shares: Callable[[], bool]
    """Whether what one worker stores the others find."""
    ways: Ways
    refused: type[Exception]
    """What a call raises that the worker could not do."""


class Run:
    """One run from its order to its end; it may be cancelled, and resumed."""

    def __init__(self, number: str, order: Order, around: Surroundings) -> None:
        self.id = number
        self.order = order
        self.state = State.GATHERING
        self.why = ""
        """Words for its end, where there is something to say."""
        self.started = time.time()
        self.progress = Progress()
        self.reports = [SourceReport(source.describe()) for source in order.sources]
        self._around = around
        self._log = structlog.get_logger("slipstream.warming").bind(run=number)
        self._urls: list[str] = []
        self._left_out = 0
        self._tracker = Tracker(())
        self._behind: Cursor | None = None
        self._queue = Queue(order.speed)
        self._attempts: dict[int, float] = {}
        self._task: asyncio.Task[None] | None = None
        self._turn = 0
        self._wake = asyncio.Event()
        self._refused_since: dict[str, float] = {}

    def begin(self) -> None:
        """Start, or go on after a cancellation."""
        self.state = State.RUNNING if self._urls else State.GATHERING
        self.why = ""
        self.progress.begin(time.monotonic())
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"warming {self.id}")

    async def cancel(self, why: str = "cancelled") -> None:
        """Stop asking; what is under way in workers ends there."""
        task = self._task
        if task is None or task.done():
            return
        self.why = why
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task])

    async def wait(self) -> None:
        """Return when it is over."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def to_json(self) -> dict[str, Any]:
        """For the admin API."""
        now = time.monotonic()
        lanes = self._queue.lanes
        return {
            "id": self.id,
            "state": self.state.value,
            "why": self.why,
            "cursor": None if self._cursor is None else str(self._cursor),
            "position": 0 if self._cursor is None else self._cursor.position,
            "left_out": self._left_out,
            **self.progress.to_json(now),
            "sources": [report.to_json() for report in self.reports],
            "upstreams": {
                name: {
                    "at_once": max(1, int(lane.allowed)),
                    "is_slowed": lane.is_slowed,
                    "rests_seconds": round(max(0.0, lane.until - now), 3),
                    "why": lane.why if lane.until > now else "",
                }
                for name, lane in lanes.items()
            },
        }

    # --- its life -----------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            if not self._urls:
                await self._gather()
            self.state = State.RUNNING
            await self._place()
            await self._ask_all()
            self.state = State.DONE
            self._forget()
        except asyncio.CancelledError:
            self.state = State.CANCELLED
        except RunError as error:
            self.state, self.why = State.FAILED, str(error)
        except Exception as error:
            self.state, self.why = State.FAILED, "an error of the gateway; the log has it"
            self._log.error("warming failed", exc_info=error)
        finally:
            self.progress.end(time.monotonic())
            counts = {kind.value: self.progress.kinds[kind] for kind in Kind}
            self._log.info(
                "warming over",
                state=self.state.value,
                why=self.why,
                total=self.progress.total,
                seconds=round(self.progress.seconds, 3),
                **counts,
            )

    def _forget(self) -> None:
        """Let go of the lists: nobody goes on with a run that is done, and its report stays."""
        self._behind = self._cursor
        self.order = replace(self.order, sources=())
        self._urls, self._tracker, self._queue = [], Tracker(()), Queue(self.order.speed)

    @property
    def _cursor(self) -> Cursor | None:
        return self._tracker.cursor if self._urls else self._behind

    async def _gather(self) -> None:
        settings = self._around.settings()
        gathering = Gathering(settings.most, settings.hosts, self._around.ways)
        for source, report in zip(self.order.sources, self.reports, strict=True):
            await gathering.gather(source, report)
        urls = gathering.urls
        if not urls and all(report.state == "failed" for report in self.reports):
            raise RunError("no source could be read")
        self._left_out = gathering.left_out
        cursor, position = self.order.cursor, 0
        if cursor is not None:
            if cursor.fits(urls):
                position = cursor.position
            else:
                self.why = "the list is another one than that of the cursor: begun from its start"
        self._urls = urls
        self._tracker = Tracker(urls, position)
        self.progress.total, self.progress.already = len(urls), position

    async def _place(self) -> None:
        """Find the upstream of each URL that is left; those that no route takes are done."""
        self._queue = Queue(self.order.speed)
        self._refused_since.clear()
        left = [index for index in range(self._tracker.position, len(self._urls)) if not self._tracker.is_done(index)]
        for begin in range(0, len(left), ROUTES_AT_ONCE):
            indexes = left[begin : begin + ROUTES_AT_ONCE]
            urls = [self._urls[index] for index in indexes]
            for index, upstream in zip(indexes, await self._upstreams_of(urls), strict=True):
                if upstream is None:
                    self._settle(index, Outcome(Kind.SKIPPED, "no_route"))
                else:
                    self._queue.add(index, upstream)

    async def _upstreams_of(self, urls: list[str]) -> Sequence[str | None]:
        refusals = 0
        while True:
            worker = await self._next_worker()
            try:
                answer = await worker.call("warm_routes", timeout=10.0, urls=urls, fields=self.order.fields)
            except (TimeoutError, ConnectionError, self._around.refused) as error:
                refusals += 1
                if refusals >= ATTEMPTS:
                    raise RunError(f"no worker says where URLs lead: {error}") from None
                continue
            found: Sequence[str | None] = answer["upstreams"]
            return found

    async def _next_worker(self) -> Worker:
        """One worker after the other. Waits while there is none."""
        until = time.monotonic() + self._around.settings().patience
        while not (workers := self._around.workers()):
            if time.monotonic() > until:
                raise RunError("there is no worker to ask")
            await asyncio.sleep(NO_WORKER_SECONDS)
        self._turn += 1
        return workers[self._turn % len(workers)]

    async def _ask_all(self) -> None:
        queue = self._queue
        try:
            async with asyncio.TaskGroup() as group:
                while queue.size or queue.under_way:
                    self._wake.clear()
                    taken = queue.take(time.monotonic())
                    if taken is not None:
                        group.create_task(self._ask(*taken))
                        continue
                    self._give_up_in_vain()
                    await self._sleep(queue.wait(time.monotonic()))
        except BaseExceptionGroup as group_of_errors:
            for error in group_of_errors.exceptions:
                if isinstance(error, RunError):
                    raise error from None
            raise

    async def _sleep(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(1.0 if seconds is None else min(1.0, seconds)):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _give_up_in_vain(self) -> None:
        """Give up what leads to upstreams that have refused everything for too long."""
        now, patience = time.monotonic(), self._around.settings().patience
        for upstream, since in list(self._refused_since.items()):
            if now - since > patience:
                for index in self._queue.give_up(upstream):
                    self._settle(index, Outcome(Kind.FAILED, "given_up"))

    # --- one URL --------------------------------------------------------------------------------------

    async def _ask(self, index: int, upstream: str) -> None:
        try:
            outcome = await self._asked(self._urls[index])
            attempts = self._attempts.get(index, 0.0) + self._price(upstream, outcome)
            self._learn(upstream, outcome)
            if outcome.kind is Kind.FAILED and outcome.may_retry and attempts < ATTEMPTS:
                self._attempts[index] = attempts
                self.progress.retried += 1
                self._queue.add(index, upstream)
            else:
                self._attempts.pop(index, None)
                self._settle(index, outcome)
        finally:
            self._queue.finished(upstream)
            self._wake.set()

    async def _asked(self, url: str) -> Outcome:
        """Ask for a URL: of one worker, and where they share nothing of the others too, as long as it is worth it."""
        for _ in range(WORKERS_LOST):
            first = await self._next_worker()
            outcome = await self._ask_worker(first, url)
            if outcome is not None:
                break
            await asyncio.sleep(NO_WORKER_SECONDS)  # its successor is on its way
        else:
            return Outcome(Kind.FAILED, "worker")
        if outcome.kind is Kind.HIT:
            self._queue.give_back()
        if self._around.shares():
            return outcome
        worst = outcome
        for worker in self._around.workers():
            if worst.kind not in (Kind.STORED, Kind.HIT):
                break
            if worker is first:
                continue
            further = await self._ask_worker(worker, url)
            if further is not None:
                self._queue.spent(time.monotonic(), further)
                worst = max(worst, further, key=lambda each: _GRAVITY[each.kind])
        return worst

    async def _ask_worker(self, worker: Worker, url: str) -> Outcome | None:
        """What a worker says about a URL; `None` from one that is gone."""
        settings = self._around.settings()
        seconds, fields = settings.timeout, self.order.fields
        try:
            message = await worker.call(
                "warm", timeout=seconds + 5.0, url=url, fields=fields, seconds=seconds, largest=settings.largest
            )
            outcome = Outcome.of(message)
        except ConnectionError:
            return None
        except (TimeoutError, self._around.refused) as error:
            outcome = Outcome(Kind.FAILED, "worker", may_retry=isinstance(error, TimeoutError))
            self._log.warning("a worker did not answer", worker=worker.name, reason=str(error))
        self.progress.asked(outcome, time.monotonic())
        return outcome

    def _price(self, upstream: str, outcome: Outcome) -> float:
        """What a failure uses up of the attempts."""
        if outcome.retry_after is not None:
            return RESTING
        return DOWN if outcome.wants_rest and upstream in self._refused_since else 1.0

    def _learn(self, upstream: str, outcome: Outcome) -> None:
        lane, now = self._queue.lanes[upstream], time.monotonic()
        if outcome.kind is Kind.FAILED and outcome.wants_rest:
            lane.failed(outcome.reason, outcome.retry_after, now)
            self._refused_since.setdefault(upstream, now)
        else:
            self._refused_since.pop(upstream, None)
            if outcome.origin_seconds:
                lane.answered(outcome.origin_seconds)

    def _settle(self, index: int, outcome: Outcome) -> None:
        self.progress.settle(self._urls[index], outcome)
        self._tracker.done(index)


class RunError(Exception):
    """A run cannot go on; the text says why."""


_GRAVITY = {Kind.SKIPPED: 0, Kind.HIT: 1, Kind.STORED: 2, Kind.NOT_STORED: 3, Kind.FAILED: 4}
"""Of what several workers say about a URL, this counts."""
