"""One connection to a Redis server: commands go out as they come, answers come back in their order (RESP3).

Any number of commands may be under way. Whoever gives up waiting leaves a gap in the queue, so a late answer is never
taken for somebody else's. Nothing waits longer than `timeout`, counted in time in which this process came to read:
then `on_stall` is told, and what is under way fails."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import hiredis

from gateway.redis.errors import RedisDownError, RedisReplyError
from gateway.redis.patience import Patience, Until

Argument = bytes | str | int | float
_pack = cast(Callable[[tuple[Argument, ...]], bytes], hiredis.pack_command)  # its own types know one argument alone

GRACE = 0.001
"""Seconds between the moment when an answer is overdue and the verdict: what has come meanwhile is read first."""
_CONFIRMATIONS = ([b"subscribe"], [b"unsubscribe"])
"""Pushed, but in the place of an answer. One for each channel, so a command names one channel."""
MOST_UNDER_WAY = 20_000
"""Commands without an answer. One more is refused."""


class Connection(asyncio.Protocol):
    """A connection. It is made by `loop.create_connection`, and begins with a handshake."""

    def __init__(
        self,
        timeout: float,
        on_push: Callable[[list[Any]], None],
        on_stall: Callable[[Connection], None],
        on_lost: Callable[[Connection, str], None],
    ) -> None:
        self._patience = Patience(timeout)
        self._is_overdue = False
        self.is_open = False
        self.answered = 0
        """How many answers came, late ones included."""
        self._on_push = on_push
        self._on_stall = on_stall
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader()
        self._under_way: deque[tuple[asyncio.Future[Any], Until]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._why: str | None = None

    # ---- asyncio's side ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to send."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's have another base
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Hand answers to those who asked."""
        reader, under_way = self._reader, self._under_way
        try:
            reader.feed(data)
            while (answer := reader.gets()) is not False:
                if isinstance(answer, hiredis.PushNotification) and answer[:1] not in _CONFIRMATIONS:
                    self._on_push(answer)
                elif not under_way:
                    raise hiredis.ProtocolError("an answer to nothing")
                else:
                    future, _ = under_way.popleft()
                    self.answered += 1
                    if not future.done():
                        if isinstance(answer, hiredis.ReplyError):
                            future.set_exception(RedisReplyError(str(answer)))
                        else:
                            future.set_result(answer)
        except (hiredis.HiredisError, ValueError, MemoryError, OverflowError) as error:  # whatever that is, not Redis
            self.abort(f"does not speak as Redis does: {error}"[:200])

    def connection_lost(self, error: Exception | None) -> None:
        """What is under way has failed."""
        self.is_open = False
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        reason = self._why or (str(error) if error is not None else "it closed the connection")
        self.fail(reason)
        self._under_way.clear()
        self._on_lost(self, reason)

    # ---- our side ----------------------------------------------------------------------------------------------------

    @property
    def timeout(self) -> float:
        """Seconds that an answer may take. May be changed, for what is sent from then on."""
        return self._patience.timeout

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        self._patience.change(seconds)
        if self._timer is not None:
            self._timer.cancel()
            self._look_in(self._patience.step)

    @property
    def under_way(self) -> int:
        """How many commands have no answer yet, given up ones included."""
        return len(self._under_way)

    @property
    def unsent(self) -> int:
        """Octets that wait to be sent."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def send(self, command: Sequence[Argument]) -> asyncio.Future[Any]:
        """Send a command. Its future gets the answer, RedisReplyError or RedisDownError; nobody has to look."""
        loop = self._loop
        future: asyncio.Future[Any] = loop.create_future()
        transport, under_way = self._transport, self._under_way
        if transport is None or len(under_way) >= MOST_UNDER_WAY:
            future.set_exception(RedisDownError("no connection" if transport is None else "too much is under way"))
            future.exception()  # nobody has to look
            return future
        under_way.append((future, self._patience.until(time.monotonic())))  # the loop's own time is that of its turn
        transport.write(_pack(tuple(command)))
        if self._timer is None:
            self._look_in(self._patience.step)
        return future

    def fail(self, reason: str) -> None:
        """Let all who wait for answers go; the answers may still come."""
        for future, _ in self._under_way:
            if not future.done():
                future.set_exception(RedisDownError(reason))
                future.exception()  # nobody has to look

    def abort(self, reason: str) -> None:
        """Close at once."""
        self._why = self._why or reason
        if self._transport is not None:
            self._transport.abort()

    # ---- time --------------------------------------------------------------------------------------------------------

    def _look_in(self, seconds: float) -> None:
        self._patience.begin(time.monotonic(), seconds)
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """See whether the time of what was sent first is over; if so, once more after what has come was read."""
        self._timer = None
        now = time.monotonic()
        self._patience.look(now)
        until = self._next()
        if until is None:
            self._is_overdue = False
        elif not self._patience.is_over(until, now):
            self._is_overdue = False
            self._look_in(self._patience.step)
        elif not self._is_overdue:
            self._is_overdue = True
            self._look_in(GRACE)
        else:
            self._is_overdue = False
            self._on_stall(self)

    def _next(self) -> Until | None:
        """When the first of those who still wait has to be let go."""
        for future, until in self._under_way:
            if not future.done():
                return until
        return None
