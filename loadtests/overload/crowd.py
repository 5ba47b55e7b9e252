"""Clients that ask at their own pace, whatever becomes of their requests, and leave when nothing comes for too long."""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import cast

import httptools

from loadtests.support.ports import LOOPBACK
from loadtests.traffic.pacer import Pacer

_TICK_SECONDS = 0.002
_MOST_AT_ONCE = 500


@dataclass(slots=True)
class Seen:
    """What became of the requests of one crowd."""

    good: list[float] = field(default_factory=list)
    """Seconds after which each 200 was there."""
    refused: list[float] = field(default_factory=list)
    """Seconds after which each other answer was there."""
    in_time: int = 0
    """Good ones that were there while others still asked: what waits at the end is nobody's throughput."""
    asked: int = 0
    left: int = 0
    """Requests that were given up."""
    statuses: Counter[int] = field(default_factory=Counter)

    def percentile(self, share: float) -> float:
        """Of the good ones, in milliseconds; 0 when there is none."""
        return _percentile(self.good, share) * 1000

    @property
    def success(self) -> float:
        """Share of requests with a good answer in time."""
        return len(self.good) / self.asked if self.asked else 0.0


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


class Crowd:
    """Asks `rate` times a second for `target`, from one address."""

    def __init__(self, port: int, target: str, rate: float, *, source: str = LOOPBACK, patience: float = 1.0) -> None:
        self.seen = Seen()
        self.patience = patience
        self.octets = f"GET {target} HTTP/1.1\r\nHost: loadtests.example\r\n\r\n".encode()
        self.idle: deque[Person] = deque()
        self._port = port
        self._rate = rate
        self.is_asking = True
        self._source = source
        self._all: set[Person] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float) -> Seen:
        """Ask for so long, then wait for the last answers."""
        loop = asyncio.get_running_loop()
        pacer = Pacer(self._rate, loop.time(), most=_MOST_AT_ONCE)
        end = loop.time() + seconds
        while loop.time() < end:
            for _ in range(pacer.due(loop.time())):
                self._ask()
            await asyncio.sleep(_TICK_SECONDS)
        self.is_asking = False
        await asyncio.sleep(self.patience)
        for person in list(self._all):
            person.close()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        return self.seen

    def _ask(self) -> None:
        self.seen.asked += 1
        began = asyncio.get_running_loop().time()
        if self.idle:
            self.idle.pop().ask(began)
            return
        task = asyncio.get_running_loop().create_task(self._come(began))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _come(self, began: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, person = await loop.create_connection(
                lambda: Person(self), LOOPBACK, self._port, local_addr=(self._source, 0)
            )
        except OSError:
            self.seen.left += 1
            return
        self._all.add(person)
        person.ask(began)

    def gone(self, person: "Person") -> None:
        """A connection has ended."""
        self._all.discard(person)
        if person in self.idle:
            self.idle.remove(person)


class Person(asyncio.Protocol):
    """One connection of a crowd."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._parser = httptools.HttpResponseParser(self)
        self._began: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, began: float) -> None:
        """Send the request, which wanted to be sent then."""
        loop = asyncio.get_running_loop()
        self._began = began
        self._timer = loop.call_at(began + self._crowd.patience, self._give_up)
        self._transport.write(self._crowd.octets)

    def close(self) -> None:
        """Leave."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Read an answer."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """What was not answered by now never will be."""
        if self._began is not None:
            self._forget()
            self._crowd.seen.left += 1
        self._crowd.gone(self)

    def on_message_complete(self) -> None:
        """Count the answer, and be there for another request."""
        if self._began is None:
            return
        seen, took = self._crowd.seen, asyncio.get_running_loop().time() - self._began
        self._forget()
        status = self._parser.get_status_code()
        seen.statuses[status] += 1
        (seen.good if status == 200 else seen.refused).append(took)
        seen.in_time += status == 200 and self._crowd.is_asking
        if self._parser.should_keep_alive():
            self._crowd.idle.append(self)
        else:
            self._transport.close()

    def _forget(self) -> None:
        self._began = None
        if self._timer is not None:
            self._timer.cancel()

    def _give_up(self) -> None:
        self._transport.abort()
