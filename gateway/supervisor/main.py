"""`slipstream run`: from a configuration source to an exit code.

    0  drained and ended after SIGTERM or SIGINT
    1  could not start: the configuration, an address, or a worker
    128 + n  ended at once, by a second signal n

SIGHUP reads everything again. The signals are looked after before the configuration is read, so a gateway
can be ended while it starts."""

import asyncio
import contextlib
import faulthandler
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

import structlog
from aiohttp import web

from gateway import logs
from gateway.config import ConfigError, Configuration
from gateway.supervisor.admin import serve_admin
from gateway.supervisor.slot import StartError
from gateway.supervisor.sockets import BindError, Listening, bind
from gateway.supervisor.source import ConfigSource
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.watching import Watching

EXIT_CANNOT_START = 1
EXIT_SIGNAL = 128


def run(source: ConfigSource, *, module: str = "gateway.worker") -> int:
    """Run the gateway until it is told to end; the exit code. `module` is what a worker process runs."""
    logs.set_up(role="supervisor")
    faulthandler.enable()
    return asyncio.run(Run(source, module).run())


class Run:
    """One run of the gateway."""

    def __init__(self, source: ConfigSource, module: str) -> None:
        self._source = source
        self._module = module
        self._log = structlog.get_logger("slipstream.supervisor")
        self._ending = asyncio.Event()
        self._signals: list[int] = []
        self._supervisor: Supervisor | None = None
        self._wants_reload = asyncio.Event()

    async def run(self) -> int:
        """See the module."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._end, signal.SIGTERM)
        loop.add_signal_handler(signal.SIGINT, self._end, signal.SIGINT)
        loop.add_signal_handler(signal.SIGHUP, self._wants_reload.set)
        watching = Watching(self._source.watched())
        try:
            configuration = await asyncio.to_thread(self._source.load)
            listening, admin = bind_all(configuration)
        except (ConfigError, BindError) as error:
            print(f"slipstream: cannot start\n{error}", file=sys.stderr)
            return EXIT_CANNOT_START
        if self._ending.is_set():
            release_all([*listening, *filter(None, [admin])])
            return os.EX_OK
        self._supervisor = supervisor = Supervisor(self._source, configuration, listening, module=self._module)
        runner: web.AppRunner | None = None
        try:
            if admin is not None:
                runner = await serve_admin(supervisor, admin)
                self._log.info("admin application listens", address=admin.address)
            return await self._serve(supervisor, watching)
        finally:
            if runner is not None:
                await runner.cleanup()
            release_all([*listening, *filter(None, [admin])])
            supervisor.close()

    async def _serve(self, supervisor: Supervisor, watching: Watching) -> int:
        """Start the workers, watch over them until a signal comes, drain them."""
        helpers = [
            self._spawn(supervisor.fleet.watch()),
            self._spawn(watching.watch(supervisor)),
            self._spawn(supervisor.sweeps.watch()),
            self._spawn(self._reload_when_asked(supervisor)),
        ]
        code = os.EX_OK
        try:
            starting = asyncio.ensure_future(supervisor.start())
            ending = asyncio.ensure_future(self._ending.wait())
            await asyncio.wait([starting, ending], return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and not starting.cancelled() and (error := starting.exception()) is not None:
                if not isinstance(error, StartError):
                    raise error
                print(f"slipstream: cannot start\n{error}", file=sys.stderr)
                code = EXIT_CANNOT_START
            else:
                await ending
            ending.cancel()
        finally:
            for helper in helpers:
                helper.cancel()
            await supervisor.drain()
        with contextlib.suppress(asyncio.CancelledError, StartError):
            await starting
        if len(self._signals) > 1:
            return EXIT_SIGNAL + self._signals[-1]
        return code

    def _end(self, number: int) -> None:
        """The first signal drains, the second ends everything at once."""
        self._signals.append(number)
        self._ending.set()
        if len(self._signals) > 1 and self._supervisor is not None:
            self._log.warning("second signal: ending at once")
            self._supervisor.fleet.kill()

    async def _reload_when_asked(self, supervisor: Supervisor) -> None:
        """Signals that come during a reload, however many, cause one more."""
        while True:
            await self._wants_reload.wait()
            self._wants_reload.clear()
            await supervisor.hang_up()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("a task of the supervisor failed", exc_info=error)


def bind_all(configuration: Configuration) -> tuple[list[Listening], Listening | None]:
    """The sockets for requests, in the order of `listen`, and the admin application's. Raises `BindError`."""
    settings = configuration.settings
    bound: list[Listening] = []
    try:
        for each in settings.listen:
            bound.append(bind(each.address, each.mode))
        admin = bind(settings.admin.address) if settings.admin is not None else None
    except BindError:
        release_all(bound)
        raise
    return bound, admin


def release_all(listening: list[Listening]) -> None:
    """Close every socket, once or again."""
    for each in listening:
        each.release()
