"""What is done to a Redis under a gateway with load, and what its clients notice of it."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from loadtests.faulting.clients import Crowd, Told, percentile
from loadtests.support.origin import start_origin
from loadtests.support.ports import LOOPBACK, free_port
from loadtests.support.processes import start
from tests.support.redis import RedisServer

TARGETS = [f"/cacheable/1k/600?n={number}" for number in range(900)]
"""Several times what the memory of a worker holds: nearly every answer comes from Redis."""
RATE = 250.0
"""Requests a second, whether answers come or not."""
WELL_SECONDS = 3.0
FAULT_SECONDS = 3.0
PATIENCE = 15.0
ALLOWED = 0.025
"""Seconds by which the p99 may be worse than normally."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done, and how it is put right."""

    name: str
    begin: Callable[[RedisServer], Awaitable[None]]
    end: Callable[[RedisServer], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen."""

    fault: Fault
    told: Sequence[Told]
    calm: float
    """From when on all was well."""
    begun: float
    ended: float
    hits: tuple[float, float]
    """Shares of answers from Redis: before, and meanwhile."""
    usable: float | None
    """Seconds from the end of the fault until every worker used Redis again; `None`: not in time."""

    def part(self, begin: float, end: float) -> list[Told]:
        """Those who asked in a span of time."""
        return [each for each in self.told if begin <= each.at < end]

    @property
    def is_good(self) -> bool:
        """Whether the promise was kept."""
        normal, meanwhile = self.part(self.calm, self.begun), self.part(self.begun, self.ended)
        kept = percentile(meanwhile, 0.99) <= percentile(normal, 0.99) + ALLOWED
        return kept and self.usable is not None and all(each.is_good for each in self.told)

    def cells(self) -> list[str]:
        """For the table."""
        spans = [(self.calm, self.begun), (self.begun, self.ended), (self.ended, time.monotonic())]
        p99 = [f"{percentile(self.part(*span), 0.99) * 1000:.1f}" for span in spans]
        longest = max((each.seconds for each in self.part(self.begun, self.ended)), default=0.0)
        hits = [f"{share * 100:.0f} %" for share in self.hits]
        failed = sum(not each.is_good for each in self.told)
        usable = "never" if self.usable is None else f"{self.usable:.2f} s"
        return [self.fault.name, str(len(self.told)), str(failed), *p99, f"{longest * 1000:.1f}", *hits, usable]


HEADER = [
    *("fault", "requests", "failed", "p99 before, ms", "meanwhile", "after", "longest meanwhile"),
    *("from Redis before", "meanwhile", "used again after"),
]


class Front:
    """A gateway with two workers and a Redis tier."""

    def __init__(self, stack: ExitStack, redis_url: str) -> None:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="slipstream-redis-")))
        origin, self.port, self._admin = free_port(), free_port(), free_port()
        stack.callback(start_origin(origin, directory=folder).stop)
        settings = {
            "listen": f"{LOOPBACK}:{self.port}",
            "admin": f"{LOOPBACK}:{self._admin}",
            "workers": 2,
            "upstreams": {"app": {"servers": [f"http://{LOOPBACK}:{origin}"]}},
            "limits": {"connections_per_address": 10_000},
            "redis": redis_url,
            "tiers": {"redis": "on"},
            "plugins": [{"cache": {"memory": "1MiB"}}],
        }
        file = folder / "gateway.yaml"
        file.write_text(json.dumps(settings, indent=2) + "\n")
        self.running = start("slipstream", [sys.executable, "-m", "gateway", "run", "-c", str(file)], directory=folder)
        stack.callback(self.running.stop)
        self.running.wait_until_answers(self.port, "/cacheable/1k/600")

    def metric(self, name: str, *labels: str) -> float:
        """The sum of a metric's samples with all these labels."""
        connection = http.client.HTTPConnection(LOOPBACK, self._admin, timeout=10)
        try:
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
        finally:
            connection.close()
        found = [line for line in lines if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in found if all(label in line for label in labels))

    def hits(self) -> float:
        """Answers from Redis so far."""
        return self.metric("slipstream_tier_lookups_total", 'tier="redis"', 'outcome="hit"')

    def uses(self) -> float:
        """Answers from Redis, and answers written there, so far."""
        return self.hits() + self.metric("slipstream_tier_written_total", 'tier="redis"')

    def workers(self) -> float:
        """How many workers can use Redis now."""
        return self.metric("slipstream_redis_workers")


async def run(front: Front, server: RedisServer, fault: Fault) -> Outcome:
    """Do it under load."""
    crowd = Crowd(front.port, TARGETS, RATE)
    crowd.start()
    await asyncio.sleep(1.5 * len(TARGETS) / RATE)  # all of it is in Redis then
    begin, calm = await asyncio.to_thread(front.hits), time.monotonic()
    asked = len(crowd.told)
    await asyncio.sleep(WELL_SECONDS)
    middle = await asyncio.to_thread(front.hits)
    before = (middle - begin) / max(1, len(crowd.told) - asked)
    begun, asked = time.monotonic(), len(crowd.told)
    await fault.begin(server)
    await asyncio.sleep(FAULT_SECONDS)
    meanwhile = (await asyncio.to_thread(front.hits) - middle) / max(1, len(crowd.told) - asked)
    await fault.end(server)
    ended = time.monotonic()
    usable = await _usable(front, ended)
    await asyncio.sleep(1.0)
    return Outcome(fault, await crowd.stop(), calm, begun, ended, (before, meanwhile), usable)


async def _usable(front: Front, ended: float) -> float | None:
    uses = await asyncio.to_thread(front.uses)
    while time.monotonic() - ended < PATIENCE:
        if await asyncio.to_thread(front.workers) == 2 and await asyncio.to_thread(front.uses) > uses:
            return time.monotonic() - ended
        await asyncio.sleep(0.01)
    return None


# ---- faults ----------------------------------------------------------------------------------------------------------


def _steps(*steps: Callable[[RedisServer], object]) -> Callable[[RedisServer], Awaitable[None]]:
    async def do(server: RedisServer) -> None:
        for step in steps:
            await asyncio.to_thread(step, server)

    return do


class Impostor:
    """Something on the port that is not Redis."""

    def __init__(self, says: bytes) -> None:
        self._says = says
        self._listening: socket.socket | None = None
        self._open: list[socket.socket] = []

    def begin(self, server: RedisServer) -> None:
        """Take the server's place."""
        server.kill()
        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind((LOOPBACK, server.port))
        self._listening.listen(64)
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                self._open.append(connection)
                if self._says:
                    connection.sendall(self._says)

    def end(self, server: RedisServer) -> None:
        """Give it back."""
        if self._listening is not None:
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
        for connection in self._open:
            connection.close()
        server.start()


async def _stutter(server: RedisServer) -> None:
    """Let it stand still for 30 ms of every 40: all answers are late."""

    def stutter() -> None:
        until = time.monotonic() + FAULT_SECONDS
        while time.monotonic() < until:
            server.pause()
            time.sleep(0.03)
            server.resume()
            time.sleep(0.01)

    threading.Thread(target=stutter, daemon=True).start()


def _fill(server: RedisServer) -> None:
    server.do("CONFIG", "SET", "maxmemory-policy", "noeviction")
    server.do("CONFIG", "SET", "maxmemory", "1mb")


def _empty(server: RedisServer) -> None:
    server.do("CONFIG", "SET", "maxmemory", "0")


def _faults() -> list[Fault]:
    garbage, silence = Impostor(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>"), Impostor(b"")
    nothing = _steps()
    return [
        Fault("none", nothing, nothing),
        Fault("paused (SIGSTOP)", _steps(RedisServer.pause), _steps(RedisServer.resume)),
        Fault("killed, started again, empty", _steps(RedisServer.kill), _steps(RedisServer.start)),
        Fault("restarted at once, empty", _steps(RedisServer.kill, RedisServer.start), nothing),
        Fault("flushed", _steps(lambda server: server.do("FLUSHALL")), nothing),
        Fault("full (noeviction)", _steps(_fill), _steps(_empty)),
        Fault(
            "read-only",
            _steps(lambda server: server.do("REPLICAOF", LOOPBACK, free_port())),
            _steps(lambda server: server.do("REPLICAOF", "NO", "ONE")),
        ),
        Fault("slow: stands still for 30 ms of 40", _stutter, nothing),
        Fault("garbage on the port", _steps(garbage.begin), _steps(garbage.end)),
        Fault("silence on the port", _steps(silence.begin), _steps(silence.end)),
    ]


FAULTS = _faults()
