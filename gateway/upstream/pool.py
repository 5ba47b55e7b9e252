"""Kept connections to one server.

The most recently used connection is taken first, so that the others grow old and are retired before the
server closes them. A request that finds none free waits in line, for a bounded time in a bounded line."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.chain.deadlines import NEVER, Deadlines
from gateway.chain.eager import Waiter
from gateway.errors import PoolTimeoutError, UpstreamConnectError, UpstreamTimeoutError
from gateway.upstream.figures import UpstreamFigures
from gateway.upstream.http1 import UpstreamConnection


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Bounds of a pool. Seconds and numbers."""

    connections: int
    wait: float
    waiting: int
    idle: float


Connect = Callable[["Pool", float], Awaitable[UpstreamConnection]]
"""Opens a connection by a time in monotonic seconds."""


class Pool:
    """Connections to one server, of one worker."""

    __slots__ = ("_closed", "_connect", "_idle", "_limits", "_line", "_members", "deadlines", "figures", "size")

    def __init__(self, limits: PoolLimits, connect: Connect, deadlines: Deadlines, figures: UpstreamFigures) -> None:
        self._limits = limits
        self._connect = connect
        self._idle: list[UpstreamConnection] = []
        self._line: deque[Waiter[UpstreamConnection | None]] = deque()
        self._members: set[UpstreamConnection] = set()
        self._closed = False
        self.deadlines = deadlines
        self.figures = figures
        self.size = 0
        """Connections open or being opened."""

    @property
    def idle(self) -> int:
        """Connections that wait for a request."""
        return len(self._idle)

    def take(self) -> UpstreamConnection | None:
        """A kept connection, if one is free."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if not connection.transport.is_closing():
                return connection
            connection.close()
        return None

    async def acquire(self, until: float) -> UpstreamConnection:
        """A new connection, or the first that becomes free. `until` is monotonic seconds.

        Raises UpstreamConnectError and PoolTimeoutError."""
        while self.size >= self._limits.connections:
            if self._idle:  # wanted is a new one: the oldest makes room
                self._idle.pop(0).close()
                continue
            handed = await self._stand_in_line(until)
            if handed is None:
                break
            if not handed.transport.is_closing():
                return handed
            handed.close()  # it ended on its way here
        else:
            self.size += 1
        try:
            connection = await self._connect(self, until)
            if connection.transport.is_closing():
                raise UpstreamConnectError("the upstream closed the connection at once")
        except BaseException:
            self._give_slot_back()
            raise
        self._members.add(connection)
        self.figures.opened.inc()
        return connection

    async def _stand_in_line(self, until: float) -> UpstreamConnection | None:
        """A connection somebody gave back, or `None`: there is room for a new one, and its place is taken."""
        if len(self._line) >= self._limits.waiting:
            raise PoolTimeoutError("too many requests wait for an upstream connection", limit="pool.waiting")
        waiter: Waiter[UpstreamConnection | None] = Waiter()
        self._line.append(waiter)
        now = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(self._limits.wait, until - now))):
                try:
                    return await waiter
                except asyncio.CancelledError:
                    self._take_back(waiter)
                    raise
        except TimeoutError:
            if until <= now + self._limits.wait:
                raise UpstreamTimeoutError("no upstream connection became free in time") from None
            raise PoolTimeoutError("no upstream connection became free in time", limit="pool.wait") from None
        finally:
            if waiter in self._line:
                self._line.remove(waiter)

    def _take_back(self, waiter: Waiter[UpstreamConnection | None]) -> None:
        """What was handed to somebody who had just given up."""
        if waiter.done() and not waiter.cancelled():
            handed = waiter.result()
            if handed is None:
                self._give_slot_back()
            elif handed.transport.is_closing():
                handed.close()
            else:
                self.release(handed)

    def release(self, connection: UpstreamConnection) -> None:
        """Take back a connection whose exchange is complete."""
        if self._closed:
            connection.close()
            return
        while self._line:
            waiter = self._line.popleft()
            if not waiter.done():
                connection.deadline = NEVER
                waiter.set_result(connection)
                return
        self._idle.append(connection)
        connection.deadline = self.deadlines.latest + self._limits.idle

    def lost(self, connection: UpstreamConnection, *, was_idle: bool) -> None:
        """A connection is gone."""
        if was_idle and connection in self._idle:
            self._idle.remove(connection)
        if connection in self._members:  # else it never came about, and who opened it gives its place back
            self._members.remove(connection)
            self._give_slot_back()

    def _give_slot_back(self) -> None:
        self.size -= 1
        while self._line and self.size < self._limits.connections:
            waiter = self._line.popleft()
            if not waiter.done():
                self.size += 1
                waiter.set_result(None)
                return

    def retire(self) -> None:
        """Keep nothing any more: idle connections end now, busy ones with their exchange."""
        self._closed = True
        self.drop_idle()

    def drop_idle(self) -> None:
        """Close the connections that wait for a request."""
        for connection in list(self._idle):
            connection.close()
