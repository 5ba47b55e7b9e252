"""The demonstration from beginning to end."""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Protocol, Self

from rich.console import Console

from gateway.demo.panels import invitations
from gateway.demo.processes import DemoError
from gateway.demo.reports import Report
from gateway.demo.snapshot import Recorder, Snapshot
from gateway.demo.stage import Stage, staged
from gateway.demo.summary import line, table
from gateway.demo.view import LiveView, frame

PICTURE_EVERY = 0.5
LINE_EVERY = 1.0
READ_EVERY = 1.0
"""Seconds between two readings of the gateway's figures."""


class View(Protocol):
    """Whatever shows snapshots."""

    def show(self, snapshot: Snapshot) -> None:
        """The next one."""


class PlainView:
    """One line for each snapshot."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing to put back."""

    def show(self, snapshot: Snapshot) -> None:
        """The next line."""
        self._say(line(snapshot))


def run(*, seconds: float | None, listen: str | None, plain: bool, console: Console | None = None) -> int:
    """Run it for `seconds`, or until Ctrl-C or SIGTERM. Gives the exit code: 0, or 1 when something did not work."""
    console = console or Console(highlight=False)
    try:
        asyncio.run(_run(seconds, listen, plain or not console.is_terminal, console))
    except DemoError as error:
        console.print(str(error), markup=False, style="red", soft_wrap=True)
        return 1
    return 0


async def _run(seconds: float | None, listen: str | None, plain: bool, console: Console) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    console.print("Starting an origin, the gateway and a client …")
    async with AsyncExitStack() as stack:
        stage = await first(stack.enter_async_context(staged(listen)), told.wait())
        if not isinstance(stage, Stage):
            return
        console.print("\nTry it from another terminal:\n", style="bold")
        for purpose, command in invitations(stage.addresses):
            console.print(f"  {command}  [dim]# {purpose}[/dim]", soft_wrap=True)  # never folded: made to be copied
        console.print()
        recorder, started = Recorder(stage.addresses), time.monotonic()
        await _follow(Following(stage, recorder, started), told, seconds, plain, console)
        summary = table(recorder.whole(time.monotonic() - started))
        console.print("Stopping …")
    console.print(frame(summary, fold=True))


async def _follow(
    following: "Following", told: asyncio.Event, seconds: float | None, plain: bool, console: Console
) -> None:
    """Show what happens until told to end or `seconds` have passed. Raises DemoError when a process ends by itself."""
    ends: list[Coroutine[Any, Any, object]] = [told.wait()]
    if seconds is not None:
        ends.append(asyncio.sleep(seconds))
    with PlainView(partial(console.print, soft_wrap=True)) if plain else LiveView(console) as view:
        every = LINE_EVERY if plain else PICTURE_EVERY
        await first(*ends, following.failure(), following.reports(), following.readings(), following.show(view, every))
    await following.read()


class Following:
    """What is done again and again while the demonstration runs. Each method ends only by cancellation or DemoError."""

    def __init__(self, stage: Stage, recorder: Recorder, started: float) -> None:
        self._stage = stage
        self._recorder = recorder
        self._started = started

    def _now(self) -> float:
        return time.monotonic() - self._started

    async def failure(self) -> None:
        """Wait for a process that ends by itself."""
        raise await self._stage.failure()

    async def reports(self) -> None:
        """Take in what the client reports."""
        stream = self._stage.client.process.stdout
        while stream is not None and (report := await stream.readline()):
            self._recorder.report(Report.from_line(report), self._now())
        raise await self._stage.client.failed()

    async def readings(self) -> None:
        """Read the gateway's figures and status."""
        while True:
            await self.read()
            await asyncio.sleep(READ_EVERY)

    async def read(self) -> None:
        """Read them once."""
        probe = self._stage.probe
        figures, status, circuits = await asyncio.gather(probe.figures(), probe.status(), probe.circuits())
        if figures is not None:
            self._recorder.scrape(figures, self._now())
        if status is not None:
            self._recorder.status(status, self._now())
        if circuits is not None:
            self._recorder.circuits(circuits, self._now())

    async def show(self, view: View, every: float) -> None:
        """Show the latest window."""
        while True:
            await asyncio.sleep(every)
            view.show(self._recorder.snapshot(self._now()))


async def first(*works: Coroutine[Any, Any, object]) -> object:
    """The result of whichever ends first, or its error; the others are cancelled and have ended as well."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return next(task for task in tasks if task in done).result()
