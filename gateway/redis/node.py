"""One Redis server, for as long as it is wanted: two connections that are made again when they are lost, and a breaker.

Small commands that somebody waits for go by one connection (`ask`), and what is written behind goes by the other
(`tell`), so that a large record on its way out never stands before a question. What the server says by itself comes by
the second one, on which little else comes in."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from gateway.redis.address import Address
from gateway.redis.breaker import Breaker
from gateway.redis.connection import Argument, Connection
from gateway.redis.dial import Dialer
from gateway.redis.errors import RedisDownError, RedisError
from gateway.redis.figures import RedisFigures

FIRST_WAIT = 0.05
LONGEST_WAIT = 1.0
"""Seconds between two attempts to connect."""
SILENCE = 2.0
"""Seconds without any answer after which a connection is given up: the server may be another one by now."""
TELL_SECONDS = 2.0
"""What an answer to something written behind may take: it may be large, and nobody waits for it."""


class Owner(Protocol):
    """Who has a node."""

    def greetings(self, node: Node) -> Sequence[tuple[bytes | str, ...]]:
        """Commands that the second connection begins with: what the server is to tell by itself."""

    def went_up(self, node: Node, *, anew: bool) -> None:
        """It can be used. `anew`: by new connections, so that what it told meanwhile was missed."""

    def went_down(self, node: Node, reason: str) -> None:
        """It cannot be used any more."""

    def heard(self, node: Node, push: list[Any]) -> None:
        """It said something by itself."""


class Node:
    """A server, found anew each time that a connection has to be made."""

    def __init__(
        self,
        find: Callable[[], Awaitable[Address]],
        dialer: Dialer,
        figures: RedisFigures,
        owner: Owner,
        database: int = 0,
        check: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> None:
        """`find` says where it is; `check` raises RedisError when the server found is not the one that is wanted."""
        self.is_up = False
        self.breaker = Breaker()
        self.tried = asyncio.Event()
        """Set when it was up once, or could not be reached once."""
        self._find = find
        self._check = check
        self._dialer = dialer
        self._figures = figures
        self._owner = owner
        self._database = database
        self._asking: Connection | None = None
        self._telling: Connection | None = None
        self._news = asyncio.Event()
        self._reason = ""
        self._task: asyncio.Task[None] | None = None

    # ---- use ---------------------------------------------------------------------------------------------------------

    def ask(self, command: Sequence[Argument]) -> asyncio.Future[Any]:
        """Send a command that somebody waits for. Raises RedisDownError at once; so may the future."""
        if not self.is_up or self._asking is None:
            raise RedisDownError(self._reason or "not connected yet")
        return self._asking.send(command)

    def tell(self, command: Sequence[Argument]) -> asyncio.Future[Any]:
        """Send a command that nobody waits for, or not for long. Raises RedisDownError at once; so may the future."""
        if not self.is_up or self._telling is None:
            raise RedisDownError(self._reason or "not connected yet")
        return self._telling.send(command)

    def begin(self) -> None:
        """Connect, and stay connected until `close`."""
        self._task = asyncio.get_running_loop().create_task(self._keep(), name="redis.node")

    async def close(self) -> None:
        """Let go of everything."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._leave("closed")

    def renew(self, reason: str) -> None:
        """Find the server anew: this is not the one any more."""
        for connection in (self._asking, self._telling):
            if connection is not None:
                connection.abort(reason)

    def suspend(self, reason: str) -> None:
        """It says itself that it cannot be used now: ask it again when the breaker lets a probe through."""
        if self.is_up:
            self._open(reason)

    # ---- life --------------------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        wait = FIRST_WAIT
        while True:
            try:
                await self._connect()
            except Exception as error:  # whatever it is, the next attempt may succeed
                self._down(str(error) or type(error).__name__)
                self.tried.set()
                await asyncio.sleep(wait * random.uniform(0.75, 1.25))
                wait = min(wait * 2, LONGEST_WAIT)
                continue
            wait = FIRST_WAIT
            self._up(anew=True)
            self.tried.set()
            while self._has_connections:
                await self._news.wait()
                self._news.clear()
                if self.breaker.is_open:
                    await self._probe()
            self._leave(self._reason)

    @property
    def _has_connections(self) -> bool:
        asking, telling = self._asking, self._telling
        return asking is not None and asking.is_open and telling is not None and telling.is_open

    async def _connect(self) -> None:
        address, settings = await self._find(), self._dialer.settings
        told = self._pushed, self._stalled, self._lost
        try:
            self._asking = await self._dialer.dial(address, *told, timeout=settings.timeout, database=self._database)
            self._figures.connections.inc()
            if self._check is not None:
                await self._check(self._asking)
            greetings = self._owner.greetings(self)
            self._telling = await self._dialer.dial(
                address, *told, timeout=TELL_SECONDS, database=self._database, then=greetings
            )
            self._figures.connections.inc()
            if not self._has_connections:
                raise RedisDownError("it closed the connection")
        except BaseException:
            self._hang_up("could not connect")
            raise

    async def _probe(self) -> None:
        """Try whether it answers again, until it does or the connections are given up."""
        loop = asyncio.get_running_loop()
        asking, telling = self._asking, self._telling
        assert asking is not None
        assert telling is not None
        heard, heard_at = asking.answered + telling.answered, loop.time()
        while self._has_connections:
            await asyncio.sleep(max(0.0, self.breaker.due - loop.time()))
            try:
                await asking.send(("PING",))
                await telling.send(("PING",))
            except RedisError:
                self.breaker.failed(loop.time())
            else:
                self.breaker.close(loop.time())
                self._up(anew=False)
                return
            if (now_heard := asking.answered + telling.answered) != heard:
                heard, heard_at = now_heard, loop.time()
            elif loop.time() - heard_at > SILENCE:
                self.renew("it does not answer any more")

    def _leave(self, reason: str) -> None:
        self._down(reason)
        self._hang_up(reason)
        if self.breaker.is_open:
            self.breaker.close(asyncio.get_running_loop().time())

    def _hang_up(self, reason: str) -> None:
        connections, self._asking, self._telling = (self._asking, self._telling), None, None
        for connection in connections:
            if connection is not None:
                connection.abort(reason)
        self._news.clear()

    # ---- what the connections tell -----------------------------------------------------------------------------------

    def _pushed(self, push: list[Any]) -> None:
        self._figures.pushes.inc()
        self._owner.heard(self, push)

    def _stalled(self, connection: Connection) -> None:
        self._open(f"no answer within {connection.timeout:g} s")
        connection.fail(self._reason or "it does not answer")

    def _open(self, reason: str) -> None:
        if self.is_up:
            self._figures.openings.inc()
            self.breaker.open(asyncio.get_running_loop().time())
            self._down(reason)
            if self._asking is not None:
                self._asking.fail(reason)
            self._news.set()

    def _lost(self, connection: Connection, reason: str) -> None:
        if connection is self._asking or connection is self._telling:
            self._down(reason)
            self._news.set()

    def _up(self, *, anew: bool) -> None:
        self.is_up = True
        self._reason = ""
        self._owner.went_up(self, anew=anew)

    def _down(self, reason: str) -> None:
        self._reason = reason
        self.is_up = False
        self._owner.went_down(self, reason)
