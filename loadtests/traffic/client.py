"""Many connections that send a mix of requests, as fast as they are answered or at a given rate."""

import asyncio
import itertools
from collections import Counter, deque
from collections.abc import Sequence

from loadtests.support.ports import LOOPBACK
from loadtests.traffic.connection import Connection
from loadtests.traffic.exchanges import Exchange
from loadtests.traffic.pacer import Pacer

_TICK_SECONDS = 0.004


class Client:
    """Keeps `connections` connections open to a port, and opens a new one for each that ends."""

    def __init__(self, port: int, mix: Sequence[Exchange], connections: int) -> None:
        self.answered = 0
        """Exchanges that went as they must."""
        self.wrong: Counter[str] = Counter()
        """Exchanges that did not, by what was wrong."""
        self._port = port
        self._mix = itertools.cycle(mix)
        self._connections = connections
        self._open: set[Connection] = set()
        self._idle: deque[Connection] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._at_full_speed = False
        self._closing = False

    async def open(self) -> None:
        """Open every connection."""
        for _ in range(self._connections):
            await self._connect()

    async def run_at_full_speed(self, seconds: float) -> float:
        """Ask as fast as answers come; returns answers a second."""
        before = self.answered
        self._at_full_speed = True
        while self._idle:
            self._idle.popleft().ask(next(self._mix))
        await asyncio.sleep(seconds)
        self._at_full_speed = False
        return (self.answered - before) / seconds

    async def run_at(self, rate: float, seconds: float) -> None:
        """Ask `rate` times a second; what finds no idle connection is not asked."""
        loop = asyncio.get_running_loop()
        pacer = Pacer(rate, loop.time(), most=self._connections)
        end = loop.time() + seconds
        while loop.time() < end:
            for _ in range(min(pacer.due(loop.time()), len(self._idle))):
                self._idle.popleft().ask(next(self._mix))
            await asyncio.sleep(_TICK_SECONDS)

    async def close(self) -> None:
        """Drop every connection."""
        self._closing = True
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        for connection in list(self._open):
            connection.close()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(self._new, LOOPBACK, self._port)
        except OSError as error:
            self.wrong[f"no connection: {error}"] += 1
            return
        self._open.add(connection)
        self._use(connection)

    def _new(self) -> Connection:
        return Connection(self._exchanged, self._gone)

    def _use(self, connection: Connection) -> None:
        if self._at_full_speed:
            connection.ask(next(self._mix))
        else:
            self._idle.append(connection)

    def _exchanged(self, connection: Connection, wrong: str | None) -> None:
        if wrong is None:
            self.answered += 1
        else:
            self.wrong[wrong] += 1
        if connection.is_open and not self._closing:
            self._use(connection)

    def _gone(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if self._closing:
            return
        task = asyncio.get_running_loop().create_task(self._connect())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
