"""The runs of a gateway: begun, watched, cancelled, resumed; and the one before it is ready."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Any

import structlog

from gateway.config.warming import WarmingSettings
from gateway.warming.order import Order, before_ready
from gateway.warming.progress import State
from gateway.warming.run import Run, Surroundings

MOST_REMEMBERED = 16
"""Runs that can still be asked about. One holds the list of its URLs."""


class BusyError(Exception):
    """Another run is under way; the text names it."""


class Warming:
    """All that warms in one gateway: one run at a time, so that what was asked of the origin is what it gets."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._runs: dict[str, Run] = {}
        self._first: Run | None = None
        self._holding: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("slipstream.warming")

    def start(self, order: Order) -> Run:
        """Begin a run. Raises BusyError."""
        self._check_free()
        run = Run(secrets.token_hex(4), order, self._around)
        self._runs[run.id] = run
        while len(self._runs) > MOST_REMEMBERED:
            del self._runs[next(iter(self._runs))]
        self._log.info("warming begun", run=run.id, sources=[report.source for report in run.reports])
        run.begin()
        return run

    def resume(self, run: Run) -> None:
        """Let a cancelled or failed run go on where it was. Raises BusyError, and ValueError for one that is done."""
        if run.state is State.DONE:
            raise ValueError("the run is done: there is nothing left of it")
        self._check_free()
        self._log.info("warming resumed", run=run.id)
        run.begin()

    def _check_free(self) -> None:
        for run in self._runs.values():
            if not run.state.is_over:
                raise BusyError(f"run {run.id} is under way; cancel it, or wait for it")

    def find(self, number: str) -> Run | None:
        """The run of that id, if it is remembered."""
        return self._runs.get(number)

    def to_json(self) -> list[dict[str, Any]]:
        """All runs that are remembered, the latest first."""
        return [run.to_json() for run in reversed(self._runs.values())]

    # --- before ready -------------------------------------------------------------------------------

    def hold(self, settings: WarmingSettings, released: Callable[[], None]) -> None:
        """Warm what the configuration wants before the gateway is ready; call `released` once it may be, at once
        where nothing is wanted."""
        before = settings.before_ready
        if before is None:
            released()
            return
        run = self._first = self.start(before_ready(before, settings))
        self._holding = asyncio.get_running_loop().create_task(self._hold(run, before.within, released))

    async def _hold(self, run: Run, within: float, released: Callable[[], None]) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(within):
                await run.wait()
            self._log.info("warmed before ready", run=run.id, seconds=round(time.monotonic() - began, 3))
        except TimeoutError:
            self._log.warning("ready before everything was warm", run=run.id, seconds=within)
        finally:
            self._first = None
        released()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the gateway is not ready yet, for people."""
        run = self._first
        if run is None:
            return ()
        progress = run.progress
        return (f"warming: {progress.done} of {progress.total} URLs" if progress.total else "warming begins",)

    async def close(self) -> None:
        """End everything."""
        holding, self._holding = self._holding, None
        if holding is not None and not holding.done():
            holding.cancel()
            await asyncio.wait([holding])
        for run in self._runs.values():
            await run.cancel("the gateway ends")
