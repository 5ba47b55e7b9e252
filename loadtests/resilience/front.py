"""A gateway in front of a moody origin, for a block."""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadtests.resilience.origin import MoodyOrigin
from loadtests.support.cores import Placement
from loadtests.support.ports import LOOPBACK, MeasuringError, free_port
from loadtests.support.processes import Running, start


@dataclass(frozen=True, slots=True)
class Front:
    """A gateway that answers."""

    port: int
    admin_port: int
    running: Running
    origin: MoodyOrigin
    directory: Path

    async def ask(self, method: str, path: str, document: Any = None) -> Any:
        """One question to the admin application. Raises MeasuringError when it is refused."""
        return await asyncio.to_thread(self._ask, method, path, document)

    def _ask(self, method: str, path: str, document: Any) -> Any:
        connection = http.client.HTTPConnection(LOOPBACK, self.admin_port, timeout=30)
        try:
            body = None if document is None else json.dumps(document)
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise MeasuringError(f"{method} {path}: {response.status} {content!r}")
        return json.loads(content)

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels."""
        page = await asyncio.to_thread(self._page)
        total = 0.0
        for line in page.splitlines():
            sample, _, value = line.rpartition(" ")
            if sample.partition("{")[0] == name and all(f'{key}="{text}"' in sample for key, text in labels.items()):
                total += float(value)
        return total

    def _page(self) -> str:
        connection = http.client.HTTPConnection(LOOPBACK, self.admin_port, timeout=30)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        finally:
            connection.close()


def settings(port: int, admin_port: int, origin_port: int, plugins: list[Mapping[str, Any]], **more: Any) -> Any:
    """The whole configuration."""
    return {
        "listen": f"{LOOPBACK}:{port}",
        "admin": f"{LOOPBACK}:{admin_port}",
        "workers": 1,
        "upstreams": {"app": {"servers": [f"http://{LOOPBACK}:{origin_port}"], "ejection": "off"}},
        "limits": {"connections": 10_000, "connections_per_address": 10_000},
        "plugins": plugins,
        **more,
    }


@asynccontextmanager
async def front(placement: Placement, plugins: list[Mapping[str, Any]], **more: Any) -> AsyncIterator[Front]:
    """A gateway with one worker, this chain, and an origin in this process. Raises `NotReadyError`."""
    origin = MoodyOrigin()
    await origin.open()
    port, admin_port = free_port(), free_port()
    try:
        with TemporaryDirectory(prefix="slipstream-resilience-") as name:
            directory = Path(name)
            file = directory / "gateway.yaml"
            file.write_text(json.dumps(settings(port, admin_port, origin.port, plugins, **more), indent=2) + "\n")
            argv = [sys.executable, "-m", "gateway", "run", "-c", str(file)]
            running = start("slipstream", argv, directory=directory, cores=placement.proxy)
            try:
                await asyncio.to_thread(running.wait_until_answers, port, "/")
                origin.calls = 0
                yield Front(port, admin_port, running, origin, directory)
            finally:
                await asyncio.to_thread(running.stop)
    finally:
        origin.close()
