"""Keeps watch over the servers of all upstreams, in one place, and lets every worker know how they stand."""

import asyncio
from collections.abc import Callable
from os import urandom
from typing import Any

import structlog

from gateway.config import GatewaySettings
from gateway.figures import Figures
from gateway.supervisor.health_table import Entry, Table
from gateway.supervisor.health_watch import Watch
from gateway.worker.control import Message

FIRST_SECONDS = 3.0
"""How long a start or a reload waits for what new sources name. Workers begin without it then, and are told later."""


class Keeper:
    """The watches. A reload makes those it needs beside the ones there are, and they take over when it succeeds."""

    def __init__(self, figures: Figures, tell: Callable[[Message], None]) -> None:
        """`tell` sends a message to every worker there is."""
        self._figures = figures
        self._tell = tell
        self._key = urandom(32).hex()
        self._watches: dict[str, Watch] = {}
        self._coming: dict[str, Watch] = {}
        self._is_telling = False
        self._log = structlog.get_logger("slipstream.health")

    async def prepare(self, settings: GatewaySettings) -> None:
        """Learn what servers a configuration has that may soon be in use; changes nothing for the one that is."""
        self._coming = {}
        for name, wanted in settings.upstreams.items():
            known = self._watches.get(name)
            if known is not None and known.table.settings == wanted:
                self._coming[name] = known
            else:
                self._coming[name] = Watch(name, wanted, self._figures, self._changed, known)
        new = [watch for name, watch in self._coming.items() if self._watches.get(name) is not watch]
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                await asyncio.gather(*(watch.find_all() for watch in new))
        except TimeoutError:
            self._log.warning("sources of servers take their time: going on without them")

    async def adopt(self) -> None:
        """What was prepared is in use from here on."""
        before, self._watches, self._coming = self._watches, self._coming, {}
        kept = set(map(id, self._watches.values()))
        for name, watch in before.items():
            if id(watch) not in kept:
                await watch.close()
                if name not in self._watches:
                    self._log.debug("upstream is gone", upstream=name)
        old = set(map(id, before.values()))
        for watch in self._watches.values():
            if id(watch) not in old:
                watch.start()
        self._changed()

    def discard(self) -> None:
        """What was prepared will not be used."""
        self._coming = {}

    async def close(self) -> None:
        """Watch nothing any more."""
        watches, self._watches, self._coming = self._watches, {}, {}
        for watch in watches.values():
            await watch.close()

    def message(self) -> Message:
        """How all servers stand, those included of a configuration that is prepared: for the workers."""
        watches = {id(watch): watch for watch in (*self._watches.values(), *self._coming.values())}
        return {"upstreams": [watch.table.message() for watch in watches.values()], "key": self._key}

    def status(self) -> dict[str, Any]:
        """For /api/status and /api/upstreams."""
        return {name: watch.table.status() for name, watch in self._watches.items()}

    def find(self, upstream: str, url: str) -> tuple[Table, Entry]:
        """A server. Raises LookupError with words for people."""
        watch = self._watches.get(upstream)
        if watch is None:
            raise LookupError(f"there is no upstream {upstream!r}; there are {', '.join(sorted(self._watches))}")
        entry = watch.table.entry(url)
        if entry is None:
            known = ", ".join(each.endpoint.url for each in watch.table.entries()) or "none"
            raise LookupError(f"upstream {upstream!r} has no server {url!r}; it has {known}")
        return watch.table, entry

    def drain(self, upstream: str, url: str, is_draining: bool) -> dict[str, Any]:
        """Let a server get no more requests, or again; how it stands then. Raises LookupError."""
        table, entry = self.find(upstream, url)
        self._watches[upstream].drain(entry, is_draining)
        return table.shown(entry)

    def _changed(self) -> None:
        """Tell the workers, once for all that changes in one turn of the loop."""
        if not self._is_telling:
            self._is_telling = True
            asyncio.get_running_loop().call_soon(self._tell_now)

    def _tell_now(self) -> None:
        self._is_telling = False
        self._tell(self.message())
