"""Clients that ask one target over connections of their own, and what they were told."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from loadtests.support.ports import LOOPBACK

_PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class Told:
    """What a crowd heard."""

    statuses: Counter[int] = field(default_factory=Counter)
    """How often each; 0 for no answer at all."""
    times: list[float] = field(default_factory=list)
    """Seconds each answer took, in the order in which they came."""

    @property
    def requests(self) -> int:
        """How many were sent."""
        return sum(self.statuses.values())

    def share(self, status: int) -> float:
        """Share of the answers with that status."""
        return self.statuses[status] / max(1, self.requests)

    def percentile(self, share: float) -> float:
        """Seconds below which so large a share of the answers lies; 0 without any."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def ask_at(port: int, target: str, *, rate: float, seconds: float, connections: int = 200) -> Told:
    """Ask `rate` times a second for so long, whether answers come or not, as far as there are free connections."""
    told, loop = Told(), asyncio.get_running_loop()
    gate = asyncio.Semaphore(connections)
    idle: list[_Caller] = []
    running: set[asyncio.Task[None]] = set()

    async def one() -> None:
        async with gate:
            caller = idle.pop() if idle else _Caller(port)
            await caller.ask(target, told)
            idle.append(caller)

    begun = loop.time()
    sent = 0
    while (now := loop.time()) < begun + seconds:
        while sent < (now - begun) * rate:
            sent += 1
            task = loop.create_task(one())
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.sleep(0.002)
    await asyncio.gather(*running)
    for caller in idle:
        caller.close()
    return told


async def ask_at_once(port: int, target: str, clients: int) -> Told:
    """Each client has its connection open already, and all of them ask in one moment."""
    told = Told()
    callers = [_Caller(port) for _ in range(clients)]
    await asyncio.gather(*(caller.connect() for caller in callers))
    await asyncio.gather(*(caller.ask(target, told) for caller in callers))
    for caller in callers:
        caller.close()
    return told


class _Caller:
    """One keep-alive connection, opened anew when it was closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(LOOPBACK, self._port)

    async def ask(self, target: str, told: Told) -> None:
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                status = await self._exchange(target)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            self.close()
            status = 0
        told.times.append(time.perf_counter() - begun)
        told.statuses[status] += 1

    async def _exchange(self, target: str) -> int:
        if self._writer is None:
            await self.connect()
        assert self._reader is not None
        assert self._writer is not None
        self._writer.write(f"GET {target} HTTP/1.1\r\nHost: loadtests.example\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await self._reader.readexactly(length)
        if b"connection: close" in head:
            self.close()
        return int(head[9:12])

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None
