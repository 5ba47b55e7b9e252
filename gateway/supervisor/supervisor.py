"""The supervisor: what starts, changes and ends everything else, and what the admin application shows."""

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog

from gateway.config import ConfigError, Configuration
from gateway.figures import Figures
from gateway.figures.layout import PREFIX, Layout
from gateway.figures.ledger import Ledger
from gateway.figures.slab import Slab
from gateway.supervisor.changes import applicable, certificate_files
from gateway.supervisor.fleet import BLOCKED_SECONDS, Fleet, ReloadError
from gateway.supervisor.health_keeper import Keeper
from gateway.supervisor.process import Inheritance, Order
from gateway.supervisor.readiness import Phase, Readiness, readiness
from gateway.supervisor.report import ReloadReport, Result, mistakes_of
from gateway.supervisor.sockets import Listening
from gateway.supervisor.source import ConfigSource
from gateway.supervisor.sweep_keeper import Sweeps
from gateway.supervisor.warming_ways import surroundings
from gateway.warming.desk import Warming

STATUS_SECONDS = 1.0
"""What workers tell about themselves is remembered this long, however often somebody asks."""


class Supervisor:
    """Everything between the first configuration and the end of the last worker."""

    def __init__(
        self,
        source: ConfigSource,
        configuration: Configuration,
        listening: Sequence[Listening],
        *,
        module: str = "gateway.worker",
        blocked_seconds: float = BLOCKED_SECONDS,
    ) -> None:
        self.source = source
        self.configuration = configuration
        self.listening = listening
        self.generation = 1
        self.phase = Phase.STARTING
        self.started = time.time()
        self.ledger = Ledger()
        self._slab = Slab()
        self._row = self._slab.take()
        self.ledger.open(self._row, self._slab.cells(self._row))
        self.figures = Figures(self._slab.cells(self._row), self._learn).scope(PREFIX)
        inheritance = Inheritance(module, [each.socket.fileno() for each in listening], self._slab, self.ledger)
        self.fleet = Fleet(inheritance, self.figures, self._order(1, configuration), blocked_seconds)
        self.servers = Keeper(self.figures, lambda message: self.fleet.tell("servers", **message))
        inheritance.servers = self.servers.message
        self.sweeps = Sweeps(lambda: self.configuration.settings.sweeps, lambda: self.fleet.ready, self.figures)
        self.warming = Warming(surroundings(self.fleet, lambda: self.configuration.settings))
        self.last_reload = ReloadReport(self.started, "start", Result.APPLIED, 1)
        self.certificate_errors: tuple[str, ...] = ()
        self._started = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._told: tuple[float, list[dict[str, Any]]] = (-STATUS_SECONDS, [])
        self._log = structlog.get_logger("slipstream.supervisor")
        self._generation_gauge = self.figures.gauge(
            "config_generation", "Configurations that took effect since the start"
        )
        self._reloads = {
            result: self.figures.counter("config_reloads_total", "Reloads by result", result=result.value)
            for result in Result
        }
        """All of them from the start, so that the first reload is an increase like any other."""
        self._note(self.last_reload)

    @property
    def wanted_workers(self) -> int:
        """How many workers the configuration asks for."""
        return self.configuration.settings.worker_count(len(os.sched_getaffinity(0)))

    def readiness(self) -> Readiness:
        """Whether requests are welcome now."""
        waits_for = self.warming.reasons if self.phase is Phase.RUNNING else ()
        return readiness(self.phase, len(self.fleet.ready), self.wanted_workers, waits_for)

    async def start(self) -> None:
        """Return when all workers are ready; what is to be warmed before the gateway is ready has begun then.

        Raises `StartError` when that cannot be."""
        await self.servers.prepare(self.configuration.settings)
        await self.servers.adopt()
        await self.fleet.start(self.wanted_workers)
        if self.phase is Phase.STARTING:
            self.phase = Phase.RUNNING
            self._started.set()
            self.warming.hold(self.configuration.settings.warming, self._ready)

    def _ready(self) -> None:
        listen = [each.address for each in self.listening]
        self._log.info("gateway ready", listen=listen, workers=self.wanted_workers)

    async def reload(self, trigger: str) -> ReloadReport:
        """Read, check and distribute the configuration; one that is not good changes nothing, and the report says why.

        Waits until the gateway has started, and for a reload under way."""
        await self._started.wait()
        async with self._reloading:
            report = await self._reload(trigger)
        self.last_reload = report
        self._note(report)
        if report.result is Result.APPLIED:
            self._log.info("configuration applied", trigger=trigger, generation=report.generation, notes=report.notes)
        else:
            reasons = [mistake.get("rendered") or mistake["message"] for mistake in report.mistakes]
            self._log.error("configuration refused: the one in use stays", trigger=trigger, mistakes=reasons)
        return report

    async def _reload(self, trigger: str) -> ReloadReport:
        at = time.time()

        def refused(mistakes: tuple[dict[str, Any], ...]) -> ReloadReport:
            return ReloadReport(at, trigger, Result.REFUSED, self.generation, mistakes)

        if self.phase is not Phase.RUNNING:
            return refused(({"message": f"the gateway is {self.phase}"},))
        try:
            change = applicable(self.configuration, await asyncio.to_thread(self.source.load))
        except ConfigError as error:
            return refused(mistakes_of(error))
        except Exception as error:  # a settings class of somebody's plugin may raise anything
            self._log.error("the configuration cannot be read", exc_info=error)
            return refused(({"message": f"the configuration cannot be read: {error!r}"},))
        await self.servers.prepare(change.effective.settings)
        try:
            await self.fleet.change(self._order(self.generation + 1, change.effective))
        except ReloadError as error:
            self.servers.discard()
            return refused(tuple({"message": reason} for reason in error.reasons))
        self.generation += 1
        self.configuration = change.effective
        await self.servers.adopt()
        if self.phase is Phase.RUNNING:
            self.fleet.resize(self.wanted_workers)
        return ReloadReport(at, trigger, Result.APPLIED, self.generation, notes=change.notes)

    async def hang_up(self) -> None:
        """What SIGHUP asks for: the configuration, the certificates and the access logs, all anew."""
        await self.reload("signal")
        await self.reload_certificates()
        await self.fleet.broadcast("reopen")

    async def reload_certificates(self) -> None:
        """Let every worker read the TLS files of the listeners again."""
        if not certificate_files(self.configuration):
            return
        answers = await self.fleet.broadcast("certificates")
        self.certificate_errors = tuple(dict.fromkeys(error for answer in answers for error in answer["errors"]))
        if self.certificate_errors:
            self._log.error("certificates refused: those in use stay", errors=self.certificate_errors)
        else:
            self._log.info("certificates read")

    def watched_configuration(self) -> list[Path]:
        """Files to watch for a reload."""
        return self.source.watched()

    def watched_certificates(self) -> list[Path]:
        """Files to watch for new certificates."""
        return certificate_files(self.configuration)

    async def drain(self) -> None:
        """Turn not ready, stop listening, let the workers finish. Returns when the last of them has ended."""
        self.phase = Phase.DRAINING
        self._started.set()
        seconds = self.configuration.settings.drain
        self._log.info("draining", seconds=seconds)
        await self.sweeps.close()
        await self.warming.close()
        for each in self.listening:
            each.release()
        await self.fleet.drain(seconds)
        await self.servers.close()

    def close(self) -> None:
        """Let go of the slab. No worker may live any more."""
        self._slab.close()

    async def told_by_workers(self) -> list[dict[str, Any]]:
        """What the workers tell about themselves, each with its `pid`, at most a second old."""
        at, told = self._told
        if time.monotonic() - at > STATUS_SECONDS:
            told = await self.fleet.broadcast("status")
            self._told = time.monotonic(), told
        return told

    def _learn(self, layout: Layout) -> None:
        self.ledger.learn(self._row, layout)

    def _order(self, generation: int, configuration: Configuration) -> Order:
        return Order(generation, configuration.to_json().decode(), configuration.settings.drain)

    def _note(self, report: ReloadReport) -> None:
        self._generation_gauge.set(report.generation)
        result = report.result.value
        if report.trigger != "start":
            self._reloads[report.result].inc()
        self.figures.gauge(
            "config_last_reload_timestamp_seconds",
            "When a reload last ended so; the start counts as applied",
            result=result,
        ).set(report.at)
