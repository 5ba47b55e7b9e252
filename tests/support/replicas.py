"""Workers of several replicas in one process, each with a client of the same real Redis."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.config.redis import RedisSettings
from gateway.figures.registry import Figures
from gateway.redis.client import Redis
from gateway.sharing.members import Member
from gateway.sharing.place_file import PlaceFile
from gateway.sharing.sharing import Sharing
from tests.support.ports import free_port

PATIENCE = 30.0


class Server:
    """A redis-server on a port of its own, with nothing on a disk."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self, *options: str) -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("redis-server is not installed")
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
        while True:
            assert self._process.poll() is None, "redis-server ended"
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.1).close()
            except OSError:
                continue
            return

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def redis_server(folder: Path) -> Iterator[Server]:
    """A server that runs meanwhile."""
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


class Worker:
    """One worker: its client, what it shares, and what it was handed by others."""

    def __init__(self, redis: Redis, sharing: Sharing, heard: list[tuple[str, Any]], figures: Figures) -> None:
        self.redis = redis
        self.sharing = sharing
        self.heard = heard
        self.figures = figures

    @property
    def purged(self) -> list[str]:
        """The labels of purges that came from others, in their order."""
        return [label for kind, news in self.heard if kind == "purge_news" for label in news["labels"]]


@asynccontextmanager
async def worker(
    server: Server, replica: str = "A", name: str = "0", place_file: PlaceFile | None = None, **settings: Any
) -> AsyncIterator[Worker]:
    """A worker that takes part."""
    figures = Figures.in_memory()
    redis = Redis(RedisSettings.model_validate({"url": server.url, "timeout": "1s", **settings}), figures)
    await redis.open()
    heard: list[tuple[str, Any]] = []

    async def hand(kind: str, message: dict[str, Any]) -> None:
        heard.append((kind, message["news"]))

    sharing = Sharing(redis, figures, hand, place_file, member=Member(replica, name, redis.prefix))
    await sharing.open()
    try:
        yield Worker(redis, sharing, heard, figures)
    finally:
        await sharing.close()
        await redis.close()


@asynccontextmanager
async def workers(server: Server, *names: str) -> AsyncIterator[list[Worker]]:
    """Workers by names such as `A/0`."""
    async with AsyncExitStack() as stack:
        pairs = [name.split("/") for name in names]
        yield [await stack.enter_async_context(worker(server, replica, name)) for replica, name in pairs]


async def until(condition: Callable[[], Any]) -> None:
    """Wait until `condition()` is true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.005)
