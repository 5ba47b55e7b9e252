"""Follows the servers of one upstream: asks its sources, checks its servers, and says when something has changed."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from gateway.config import ServerSettings, UpstreamSettings
from gateway.figures import Figures
from gateway.supervisor.health_check import Checker, Finding
from gateway.supervisor.health_discovery import SHORTEST_SECONDS, DiscoveryError, Source, source_of
from gateway.supervisor.health_table import Entry, Table

MOST_CHECKS = 64
"""Checks of one upstream at the same time."""
SPREAD_SECONDS = 0.5
"""First checks are spread over so long, so that a start is no burst."""


class Watch:
    """One upstream, watched from `start` to `close`. `changed` is called for everything that workers must know."""

    def __init__(
        self,
        name: str,
        settings: UpstreamSettings,
        figures: Figures,
        changed: Callable[[], None],
        before: "Watch | None" = None,
    ) -> None:
        self.table: Table = Table(name, settings, before.table if before is not None else None)
        self._health = settings.health
        self._sources: dict[str, Source] = {server.url: source_of(server, settings) for server in self.table.sources()}
        self._checker = Checker(settings)
        self._changed = changed
        self._figures = figures.scope(upstream=name)
        self._checks: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(MOST_CHECKS)
        self._is_started = False
        self._log = structlog.get_logger("slipstream.health").bind(upstream=name)

    async def find_all(self) -> None:
        """Ask every source once. Failures are logged and shown: what they named before stays."""
        await asyncio.gather(*(self._find(server) for server in self.table.sources()))

    def start(self) -> None:
        """Begin to follow sources and to check servers."""
        self._is_started = True
        for server in self.table.sources():
            self._spawn(self._follow(server))
        self._check_those_present()

    async def close(self) -> None:
        """Follow and check nothing any more."""
        self._is_started = False
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._checks.clear()

    def drain(self, entry: Entry, is_draining: bool) -> None:
        """Let a server get no more requests, or again."""
        if entry.standing.is_draining is not is_draining:
            entry.standing.is_draining = is_draining
            what = "server is drained" if is_draining else "server is used again"
            self._log.info(what, server=entry.endpoint.url)
            self._show(entry)
            self._changed()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("watching an upstream failed", exc_info=error)

    # --- sources ----------------------------------------------------------------------------------

    async def _follow(self, server: ServerSettings) -> None:
        while True:
            pause = await self._find(server)
            await asyncio.sleep(pause)

    async def _find(self, server: ServerSettings) -> float:
        """Ask a source; after how many seconds to ask again."""
        try:
            found = await self._sources[server.url].find()
        except DiscoveryError as error:
            if self.table.errors.get(server.url) != str(error):
                self.table.errors[server.url] = str(error)
                self._log.error("servers cannot be learnt: those known stay", source=server.url, reason=str(error))
            return SHORTEST_SECONDS
        if self.table.found(server.url, found.endpoints):
            urls = [endpoint.url for endpoint in found.endpoints]
            self._log.info("servers were learnt", source=server.url, servers=urls)
            self._check_those_present()
            self._changed()
        return found.seconds

    # --- checks -----------------------------------------------------------------------------------

    def _check_those_present(self) -> None:
        """Have one task for each server there is, and none for any other."""
        if not self._is_started:
            return
        entries = {entry.endpoint.url: entry for entry in self.table.entries()}
        for url in [url for url in self._checks if url not in entries]:
            self._checks.pop(url).cancel()
            self._figures.gauge("upstream_server_healthy", "What active checks say", server=url).set(0)
        self.table.forget_strangers()
        for url, entry in entries.items():
            self._show(entry)
            if self._health is not None and url not in self._checks:
                self._checks[url] = self._spawn(self._check_again_and_again(entry))

    async def _check_again_and_again(self, entry: Entry) -> None:
        health = self._health
        assert health is not None
        await asyncio.sleep(random.random() * min(SPREAD_SECONDS, health.every))
        while True:
            async with self._room:
                finding = await self._checker.check(entry.endpoint, health)
            self._hear(entry, finding)
            await asyncio.sleep(entry.standing.judge.pause(health, random.random()))

    def _hear(self, entry: Entry, finding: Finding) -> None:
        health, standing = self._health, entry.standing
        assert health is not None
        result = "passed" if finding.is_good else "failed"
        self._figures.counter(
            "upstream_health_checks_total", "Active checks of servers", server=entry.endpoint.url, result=result
        ).inc()
        was_lagging = self.table.is_lagging(entry)
        standing.lag = finding.lag
        has_changed = standing.judge.hear(finding.is_good, finding.detail, health)
        if has_changed:
            standing.since = time.time()
            say = self._log.info if finding.is_good else self._log.warning
            say(
                "server is healthy again" if finding.is_good else "server is unhealthy",
                server=entry.endpoint.url,
                reason=finding.detail,
            )
        is_lagging = self.table.is_lagging(entry)
        if is_lagging is not was_lagging:
            self._log.info(
                "replica lags behind" if is_lagging else "replica has caught up",
                server=entry.endpoint.url,
                seconds=finding.lag,
            )
        if has_changed or is_lagging is not was_lagging:
            self._show(entry)
            self._changed()

    def _show(self, entry: Entry) -> None:
        url, standing = entry.endpoint.url, entry.standing
        if self._health is not None:
            gauge = self._figures.gauge("upstream_server_healthy", "What active checks say", server=url)
            gauge.set(standing.judge.is_healthy)
        self._figures.gauge("upstream_server_draining", "Whether an administrator drains it", server=url).set(
            standing.is_draining
        )
