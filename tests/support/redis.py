"""Real Redis servers on free ports: killed, paused, filled and emptied by tests, and gone with them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.config.redis import RedisSettings
from gateway.figures.registry import Figures
from gateway.redis.client import Redis
from tests.support.ports import free_port

PATIENCE = 30.0
"""Seconds after which something that should happen is said not to."""

SERVER = shutil.which("redis-server") or shutil.which("valkey-server")

needs_redis = pytest.mark.skipif(SERVER is None, reason="there is no redis-server here")


class RedisServer:
    """A redis-server of the test's own, without files."""

    def __init__(self, *options: str, port: int | None = None, folder: Path | None = None) -> None:
        self.port = port or free_port()
        self.options = options
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> RedisServer:
        """Start it, empty, and wait until it answers."""
        assert SERVER is not None
        command = [SERVER, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [*command, *self.options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder
        )
        wait_until(self._is_there, "redis-server listens")
        return self

    def _is_there(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "redis-server ended"
        try:
            with socket.create_connection(("127.0.0.1", self._plain_port), timeout=5):
                return True
        except OSError:
            return False

    @property
    def _plain_port(self) -> int:
        return self.port or int(self.options[self.options.index("--tls-port") + 1])

    def pause(self) -> None:
        """Let it hang (SIGSTOP)."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, if it runs."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait(PATIENCE)

    def _signal(self, which: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, which)

    def do(self, *command: str | bytes | int) -> Any:
        """What it answers to a command, asked by another client than the gateway's."""
        import redis

        with redis.Redis(port=self.port, protocol=3, socket_timeout=PATIENCE) as client:
            return client.execute_command(*command)

    def calls(self, command: str) -> int:
        """How often a command was called, by `INFO commandstats`."""
        stats: dict[str, Any] = self.do("INFO", "commandstats")
        return int(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"])

    def all_keys(self) -> list[bytes]:
        """All keys."""
        return sorted(self.do("KEYS", "*"))


@contextmanager
def redis_server(*options: str, **more: Any) -> Iterator[RedisServer]:
    """A running server; where there is none to run, the test is skipped."""
    if SERVER is None:
        pytest.skip("there is no redis-server here")
    server = RedisServer(*options, **more)
    try:
        yield server.start()
    finally:
        server.kill()


def wait_until(condition: Callable[[], Any], what: str) -> None:
    """Wait until something is so."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(0.005)


async def until(condition: Callable[[], Any]) -> None:
    """Wait until something is so, and let others do it."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.002)


@asynccontextmanager
async def redis_client(server: RedisServer | str, figures: Figures | None = None, **said: Any) -> AsyncIterator[Redis]:
    """A client of a server, patient: tests run on busy machines."""
    url = server if isinstance(server, str) else server.url
    settings = RedisSettings.model_validate({"url": url, "timeout": "10s", "connect_timeout": "5s", **said})
    client = Redis(settings, figures or Figures.in_memory())
    await client.open()
    try:
        yield client
    finally:
        await client.close()
