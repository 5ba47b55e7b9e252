"""The sweeps of a gateway: one at a time, the others in a queue; those that the clock orders; and the last reports."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog

from gateway.config.settings import SweepSettings
from gateway.figures import Figures
from gateway.supervisor.sweep_order import SweepOrder
from gateway.supervisor.sweep_run import OUTCOMES, Asked, Run, State
from gateway.supervisor.sweep_schedule import Timetable

MOST_WAITING = 20
MOST_REMEMBERED = 50
"""Runs that are over and can still be asked about."""
LOOK_SECONDS = 1.0
"""Between two looks at the clock."""


class FullError(Exception):
    """Too many sweeps are waiting."""


class Sweeps:
    """Runs sweeps over the workers of a gateway."""

    def __init__(
        self,
        settings: Callable[[], dict[str, SweepSettings]],
        workers: Callable[[], Sequence[Asked]],
        figures: Figures,
    ) -> None:
        """`settings` are those of the configuration in use, `workers` those that are ready."""
        self.settings = settings
        self._workers = workers
        self._figures = figures
        self._numbers = itertools.count(1)
        self._runs: list[Run] = []
        self._timetable = Timetable()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._log = structlog.get_logger("slipstream.sweep")
        self._running = figures.gauge("sweep_running", "Sweeps under way")

    @property
    def runs(self) -> list[Run]:
        """All that are remembered, the latest first."""
        return self._runs[::-1]

    def find(self, run: str) -> Run | None:
        """The run of that id."""
        return next((each for each in self._runs if each.id == run), None)

    def start(self, order: SweepOrder) -> Run:
        """Take in an order: it begins when nothing of a higher priority waits and nothing runs. Raises FullError."""
        if self._closed or sum(run.state is State.QUEUED for run in self._runs) >= MOST_WAITING:
            raise FullError(f"{MOST_WAITING} sweeps are waiting already")
        run = Run(next(self._numbers), order, self._workers)
        self._runs.append(run)
        over = [each for each in self._runs if each.state.is_over]
        for each in over[: len(over) - MOST_REMEMBERED]:
            self._runs.remove(each)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work_off(), name="sweeps")
        return run

    async def _work_off(self) -> None:
        """One after the other, the highest priority first."""
        while waiting := [run for run in self._runs if run.state is State.QUEUED]:
            run = max(waiting, key=lambda each: each.order.settings.priority)
            self._running.set(1)
            self._log.info("sweep begins", sweep=run.order.name, run=run.id, trigger=run.order.trigger)
            try:
                await run.run()
            finally:
                self._running.set(0)
                self._note(run)

    def _note(self, run: Run) -> None:
        text = "Sweeps that are over, by how they ended"
        self._figures.counter("sweep_runs_total", text, state=run.state.value).inc()
        for outcome in OUTCOMES:
            count = run.work.counts.get(outcome, 0)
            text = "Stored responses that sweeps have looked at, by what became of them"
            self._figures.counter("sweep_entries_total", text, outcome=outcome).inc(count)
        text = "Octets of content that did not travel, thanks to validators"
        self._figures.counter("sweep_saved_bytes_total", text).inc(run.work.figures["octets_saved"])
        report = run.to_json()["report"]
        report.pop("failures")
        self._log.info("sweep ends", sweep=run.order.name, run=run.id, state=run.state.value, **report)

    # ---- by the clock ------------------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Order what the clock says, for ever."""
        while True:
            try:
                self.look(datetime.now(UTC))
            except Exception as error:  # a time zone that is no longer there, say: it may be there again
                self._log.error("the schedules of sweeps cannot be read", exc_info=error)
            await asyncio.sleep(LOOK_SECONDS)

    def look(self, now: datetime) -> None:
        """Order what is due. What still waits or runs is not ordered a second time, and what came due while the gateway
        was not there is not made up for."""
        settings = self.settings()
        for name in self._timetable.due(settings, now):
            under_way = any(run.order.name == name and not run.state.is_over for run in self._runs)
            if under_way:
                self._log.warning("a sweep is still under way: its next turn is left out", sweep=name)
                continue
            try:
                self.start(SweepOrder(name, settings[name], "schedule"))
            except FullError as error:
                self._log.warning("a sweep is left out", sweep=name, reason=str(error))

    def to_json(self) -> dict[str, Any]:
        """Everything, for the administrator."""
        return {
            "runs": [run.to_json() for run in self.runs],
            "configured": [
                {
                    "name": name,
                    "schedule": settings.schedule,
                    "time_zone": settings.time_zone,
                    "priority": settings.priority,
                    "next_at": self._timetable.next_at(name),
                }
                for name, settings in self.settings().items()
            ],
        }

    async def close(self) -> None:
        """End what runs, and forget what waits."""
        self._closed = True
        for run in self._runs:
            run.cancel()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
