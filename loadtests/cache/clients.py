"""Clients on kept connections, in one loop: many at once, or a few at a steady rate."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from loadtests.support.ports import LOOPBACK, MeasuringError

PATIENCE_SECONDS = 30.0
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.IGNORECASE)
_CACHE_STATUS = re.compile(rb"\r\nCache-Status: ([^\r]*)\r\n", re.IGNORECASE)


class ClientError(MeasuringError):
    """An answer did not come, or was none that can be counted."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got."""

    status: int
    cache_status: bytes
    seconds: float
    """From the last octet of the request to the last one of the answer."""

    @property
    def is_hit(self) -> bool:
        """Whether the cache answered."""
        return b"; hit" in self.cache_status


class Client(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._waiting: asyncio.Future[Answer] | None = None
        self._asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio.Protocol."""
        self._transport: Any = transport  # uvloop's have no common base

    def data_received(self, data: bytes) -> None:
        """Of asyncio.Protocol."""
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or self._waiting is None:
            return
        head = bytes(self._received[: end + 2])
        length = _LENGTH.search(head)
        if length is not None and len(self._received) < end + 4 + int(length[1]):
            return
        seconds = time.perf_counter() - self._asked
        status = _CACHE_STATUS.search(head)
        self._received.clear()
        if not self._waiting.done():
            self._waiting.set_result(Answer(int(head[9:12]), status[1] if status else b"", seconds))

    def connection_lost(self, exc: Exception | None) -> None:
        """Of asyncio.Protocol."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ClientError("the gateway closed a connection before it had answered"))

    async def ask(self, target: str) -> Answer:
        """Ask for a target and wait for the answer. Raises ClientError."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._asked = time.perf_counter()
        self._transport.write(f"GET {target} HTTP/1.1\r\nHost: shop.test\r\n\r\n".encode())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._waiting
        except TimeoutError:
            raise ClientError(f"{target}: no answer within {PATIENCE_SECONDS:g} s") from None
        finally:
            self._waiting = None

    def close(self) -> None:
        """Leave."""
        self._transport.close()


async def connect(port: int, count: int) -> list[Client]:
    """So many connections."""
    loop = asyncio.get_running_loop()
    made: list[Client] = []
    for _ in range(count):
        _, client = await loop.create_connection(Client, LOOPBACK, port)
        made.append(client)
    return made


async def ask_all(clients: Sequence[Client], targets: Iterable[str]) -> list[Answer]:
    """Ask for every target once, as fast as these connections go."""
    left = iter(targets)
    answers: list[Answer] = []

    async def work(client: Client) -> None:
        for target in left:
            answers.append(await client.ask(target))

    await asyncio.gather(*map(work, clients))
    return answers


class Steady:
    """A few clients that ask at a steady rate, and note how long each answer took and when it was asked for."""

    def __init__(self, clients: Sequence[Client], targets: Sequence[str], rate: float) -> None:
        """`rate` in requests a second, all clients together."""
        self._targets = targets
        self._pause = len(clients) / rate
        self._clients = clients
        self._tasks: list[asyncio.Task[None]] = []
        self.samples: list[tuple[float, Answer]] = []
        """When it was asked for, on the clock of `time.perf_counter`, and the answer."""

    def start(self) -> None:
        """Begin to ask."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._run(number, client)) for number, client in enumerate(self._clients)]

    async def stop(self) -> None:
        """Ask no more. Raises what went wrong."""
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def _run(self, number: int, client: Client) -> None:
        due = time.perf_counter() + number * self._pause / len(self._clients)
        turn = number
        while True:
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            asked = time.perf_counter()
            answer = await client.ask(self._targets[turn % len(self._targets)])
            self.samples.append((asked, answer))
            turn += len(self._clients)
            due += self._pause

    def between(self, begin: float, end: float) -> list[Answer]:
        """The answers to what was asked in that time."""
        return [answer for asked, answer in self.samples if begin <= asked <= end]


def percentile(seconds: Iterable[float], share: float) -> float:
    """The value that `share` of them do not exceed. Raises ClientError when there are none."""
    ordered = sorted(seconds)
    if not ordered:
        raise ClientError("nothing was answered, so there is nothing to measure")
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
