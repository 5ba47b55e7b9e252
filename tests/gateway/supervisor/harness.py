"""A supervisor with real worker processes: inside the test's own loop, or as a process of its own."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from gateway.supervisor.admin import serve_admin
from gateway.supervisor.main import bind_all, release_all
from gateway.supervisor.source import FileSource
from gateway.supervisor.supervisor import Supervisor

FAKE_WORKER = "tests.gateway.supervisor.fake_worker"
PATIENCE_SECONDS = 20.0
"""Against hanging for ever; nothing here takes a tenth of it."""


def config_text(name: str = "one", workers: int = 1, more: str = "") -> str:
    """A configuration with ports of the kernel's choice."""
    return (
        f"name: {name}\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\nworkers: {workers}\ndrain: 2s\n"
        f'upstreams: {{app: {{servers: ["http://127.0.0.1:1"]}}}}\n{more}'
    )


def write(path: Path, text: str) -> None:
    """Replace the configuration file."""
    path.write_text(text)


async def ask(supervisor: Supervisor, target: str = "/") -> tuple[str, int]:
    """The name the gateway answers with, and the process id of the worker that did."""
    reader, writer = await asyncio.open_connection(*supervisor.listening[0].socket.getsockname())
    try:
        writer.write(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await reader.read()
    finally:
        writer.close()
    name, pid = answer.partition(b"\r\n\r\n")[2].decode().split()
    return name, int(pid)


async def until(is_true: Callable[[], object]) -> None:
    """Wait for something that will soon be true."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_true():  # noqa: ASYNC110  # processes set no events
            await asyncio.sleep(0.02)


@asynccontextmanager
async def supervising(path: Path, text: str, blocked_seconds: float = 10.0) -> AsyncIterator[Supervisor]:
    """A supervisor in this loop, started, with workers that have a fake road. The file may change meanwhile."""
    write(path, text)
    source = FileSource(path)
    configuration = source.load()
    listening, admin = bind_all(configuration)
    supervisor = Supervisor(source, configuration, listening, module=FAKE_WORKER, blocked_seconds=blocked_seconds)
    watch = asyncio.create_task(supervisor.fleet.watch())
    try:
        await supervisor.start()
        yield supervisor
    finally:
        watch.cancel()
        await supervisor.drain()
        release_all([*listening, *filter(None, [admin])])
        supervisor.close()


@asynccontextmanager
async def administering(path: Path, text: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody who asks the admin application of such a supervisor."""
    async with supervising(path, text) as supervisor:
        listening, admin = bind_all(supervisor.configuration)
        assert admin is not None
        runner = await serve_admin(supervisor, admin)
        async with aiohttp.ClientSession(f"http://{admin.address}") as client:
            yield client
        await runner.cleanup()
        release_all([*listening, admin])


async def answer_of(request: Any) -> tuple[int, dict[str, Any]]:
    """Status and JSON of an answer."""
    async with request as answer:
        return answer.status, await answer.json(content_type=None)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class GatewayProcess:
    """A gateway as a process of its own, with workers that have a fake road."""

    def __init__(self, path: Path, text: str) -> None:
        self.port, self.admin_port = free_port(), free_port()
        text = text.replace("listen: 127.0.0.1:0", f"listen: 127.0.0.1:{self.port}")
        path.write_text(text.replace("admin: 127.0.0.1:0", f"admin: 127.0.0.1:{self.admin_port}"))
        self._log = path.with_suffix(".log").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.gateway.supervisor.fake_gateway", str(path)], stderr=self._log
        )

    @property
    def log(self) -> str:
        """What it wrote to standard error so far."""
        return Path(self._log.name).read_text()

    def admin(self, path: str) -> tuple[int, Any]:
        """Status and JSON of a resource of the admin application; status 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, None

    def connect(self, target: str) -> socket.socket:
        """A connection on which a request has been sent."""
        made = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)
        made.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        return made

    def until(self, is_true: Callable[[], object]) -> None:
        """Wait for something that will soon be true."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not is_true():
            assert time.monotonic() < end, self.log
            assert self.process.poll() is None, self.log
            time.sleep(0.02)

    def until_ready(self) -> None:
        """Wait until it answers requests."""
        self.until(lambda: self.admin("/ready")[0] == 200)

    def worker_pids(self) -> list[int]:
        """Process ids of its workers."""
        return [worker["pid"] for worker in self.admin("/api/status")[1]["workers"]]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Its exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()


@contextmanager
def running(path: Path, text: str) -> Iterator[GatewayProcess]:
    """A gateway process for the length of a test."""
    gateway = GatewayProcess(path, text)
    try:
        yield gateway
    finally:
        gateway.close()


def lives(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
