"""Clients that ask at a steady rate, whether answers come or not, and remember what became of every request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loadtests.support.ports import LOOPBACK

PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Told:
    """What one client was told."""

    at: float
    """When it asked, in monotonic seconds."""
    seconds: float
    status: int
    """0 for no whole answer."""
    by: str
    """The origin that says it answered."""
    is_stale: bool

    @property
    def is_good(self) -> bool:
        """Whether it got what it asked for."""
        return self.status == 200


class Crowd:
    """Asks `rate` times a second from `start` to `stop`."""

    def __init__(self, port: int, targets: Sequence[str], rate: float) -> None:
        self.told: list[Told] = []
        self._port = port
        self._targets = targets
        self._pause = 1.0 / rate
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._asking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._asking = asyncio.get_running_loop().create_task(self._ask_on())

    async def stop(self) -> list[Told]:
        """End, when all have been told."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
        if self._running:
            await asyncio.wait(self._running)
        for _, writer in self._idle:
            writer.close()
        return self.told

    async def until(self, holds: Callable[[], bool], patience: float) -> float | None:
        """Seconds until something holds; `None` when it does not in time."""
        begun = time.monotonic()
        while not holds():  # other threads set no events
            if time.monotonic() - begun > patience:
                return None
            await asyncio.sleep(0.01)
        return time.monotonic() - begun

    async def _ask_on(self) -> None:
        due, number = time.monotonic(), 0
        while True:
            while due <= time.monotonic():
                task = asyncio.get_running_loop().create_task(self._ask(self._targets[number % len(self._targets)]))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
                due += self._pause
                number += 1
            await asyncio.sleep(0.002)

    async def _ask(self, target: str) -> None:
        begun = time.monotonic()
        status, by, is_stale = 0, "", False
        streams = None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                streams = self._idle.pop() if self._idle else await asyncio.open_connection(LOOPBACK, self._port)
                reader, writer = streams
                writer.write(f"GET {target} HTTP/1.1\r\nHost: faults.example\r\n\r\n".encode())
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = int(head.partition("content-length:")[2].partition("\r\n")[0])
                await reader.readexactly(length)
            status, by = int(head[9:12]), head.partition("x-served-by: ")[2].partition("\r\n")[0]
            is_stale = "; hit; ttl=-" in head.replace(" ", " ") or "fwd=stale" in head
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            if streams is not None:
                streams[1].close()
        else:
            if "connection: close" in head:
                streams[1].close()
            else:
                self._idle.append(streams)
        self.told.append(Told(begun, time.monotonic() - begun, status, by, is_stale))


def percentile(told: Sequence[Told], share: float) -> float:
    """Seconds below which so large a share of the answers lies; 0 without any."""
    times = sorted(each.seconds for each in told)
    return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


def success(told: Sequence[Told]) -> float:
    """Share of good answers; 1 without any."""
    return sum(each.is_good for each in told) / len(told) if told else 1.0
