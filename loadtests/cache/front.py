"""The gateway in front of the shelf, with its admin application asked over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadtests.cache.shelf import Shelf
from loadtests.support.cores import Placement
from loadtests.support.gateway import GatewayOptions, configuration, start_gateway
from loadtests.support.ports import LOOPBACK, MeasuringError, free_port
from loadtests.support.proc import read_workers
from loadtests.support.processes import Running

PATIENCE_SECONDS = 60.0
_LIMITS = {"connections_per_address": 100_000, "connections": 100_000}


@dataclass(frozen=True, slots=True)
class Front:
    """A gateway that answers, and the origin behind it."""

    port: int
    shelf: Shelf
    _gateway: Running
    _admin_port: int
    _origin_port: int
    _file: Path

    def workers(self) -> list[int]:
        """Pids of the workers now."""
        return read_workers(self._gateway.pid)

    async def configure(self, **cache: Any) -> None:
        """Reload with other settings of the cache."""
        _write(self._file, self.port, self._admin_port, self._origin_port, cache)
        told = await self.ask("POST", "/api/reload")
        if told.get("result") != "applied":
            raise MeasuringError(f"the reload was not applied: {told}")

    async def purge(self, **purge: Any) -> Mapping[str, Any]:
        """Purge, and what the gateway says about it."""
        return await self.ask("POST", "/api/purge", purge)

    async def ask(self, method: str, path: str, document: Any = None) -> Mapping[str, Any]:
        """One question to the admin application, from a thread."""
        body = b"" if document is None else json.dumps(document).encode()
        status, content = await asyncio.to_thread(_admin, self._admin_port, method, path, body)
        if status != 200:
            raise MeasuringError(f"{method} {path}: {status} {content!r}")
        told: Mapping[str, Any] = json.loads(content)
        return told

    async def metric(self, name: str) -> float:
        """The sum of a metric's samples."""
        _, content = await asyncio.to_thread(_admin, self._admin_port, "GET", "/metrics", b"")
        lines = content.decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    async def until_metric(self, name: str, least: float, most: float) -> float:
        """Wait until a metric is between these; what it is then. Raises MeasuringError."""
        value = -1.0
        for _ in range(int(PATIENCE_SECONDS / 0.1)):
            value = await self.metric(name)
            if least <= value <= most:
                return value
            await asyncio.sleep(0.1)
        raise MeasuringError(f"{name} is {value:,.0f}, not between {least:,.0f} and {most:,.0f}")


def _admin(port: int, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _write(file: Path, port: int, admin_port: int, origin_port: int, cache: Mapping[str, Any]) -> None:
    options = GatewayOptions(limits=_LIMITS, admin_port=admin_port)
    settings = configuration(port, origin_port, options) | {"plugins": [{"cache": dict(cache)}]}
    file.write_text(json.dumps(settings, indent=2) + "\n")


@asynccontextmanager
async def front(placement: Placement, **cache: Any) -> AsyncIterator[Front]:
    """A gateway with one worker and these settings of its cache. Raises `NotReadyError` when it does not answer."""
    shelf = Shelf()
    origin_port = await shelf.open()
    port, admin_port = free_port(), free_port()
    options = GatewayOptions(plugins=["cache"], limits=_LIMITS, admin_port=admin_port)
    try:
        with TemporaryDirectory(prefix="slipstream-cache-") as directory:
            file = Path(directory) / "gateway.yaml"
            running = start_gateway(port, origin_port, options, directory=Path(directory), cores=placement.proxy)
            try:
                await asyncio.to_thread(running.wait_until_answers, port, "/ready")
                made = Front(port, shelf, running, admin_port, origin_port, file)
                await made.configure(**cache)
                yield made
            finally:
                await asyncio.to_thread(running.stop)
    finally:
        await shelf.close()
