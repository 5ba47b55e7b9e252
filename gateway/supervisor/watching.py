"""Watches files for as long as the gateway runs, and reloads what changed."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from gateway.supervisor.watch import INTERVAL_SECONDS, ChangeDetector, look_at_all


class Reloadable(Protocol):
    """What watching needs of the supervisor."""

    async def reload(self, trigger: str) -> object:
        """Read the configuration again."""

    async def reload_certificates(self) -> None:
        """Read the certificates again."""

    def watched_configuration(self) -> list[Path]:
        """Files of the configuration."""

    def watched_certificates(self) -> list[Path]:
        """Files of certificates; they may change with the configuration."""


class Watching:
    """Compares with what the files looked like when this was made: before the configuration was first read."""

    def __init__(self, configuration: Iterable[Path], interval: float = INTERVAL_SECONDS) -> None:
        self._configuration = ChangeDetector(look_at_all(configuration))
        self._certificates = ChangeDetector(())
        self._certificate_paths: list[Path] = []
        self._interval = interval

    async def watch(self, target: Reloadable) -> None:
        """Look, for ever."""
        while True:
            await self.look(target)
            await asyncio.sleep(self._interval)

    async def look(self, target: Reloadable) -> None:
        """Look once, in a thread: a network file system may take its time."""
        if self._configuration.has_changed(await asyncio.to_thread(look_at_all, target.watched_configuration())):
            await target.reload("file")
        paths = target.watched_certificates()
        seen = await asyncio.to_thread(look_at_all, paths)
        if paths != self._certificate_paths:
            self._certificate_paths = paths
            self._certificates.accept(seen)
        elif self._certificates.has_changed(seen):
            await target.reload_certificates()
