"""Cuts a downstream that takes none of what waits for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway.chain.deadlines import NEVER

if TYPE_CHECKING:
    from gateway.listener.http1 import Http1Connection


class SlowReader:
    """The write time-out of one connection: it runs while octets wait, and anew whenever some of them have gone."""

    __slots__ = ("_connection", "_unsent", "deadline")

    def __init__(self, connection: Http1Connection) -> None:
        self._connection = connection
        self._unsent = 0
        self.deadline = NEVER

    def begin(self) -> None:
        """Octets wait, perhaps: the downstream has to take some of them in time."""
        connection = self._connection
        self._unsent = connection.transport.get_write_buffer_size()
        self.deadline = time.monotonic() + connection.front.limits.write_timeout
        connection.front.deadlines.watch(self)

    def end(self) -> None:
        """The downstream has caught up, or is gone."""
        if self.deadline is not NEVER:
            self.deadline = NEVER
            self._connection.front.deadlines.forget(self)

    def expire(self, now: float) -> None:
        """The time-out has passed: cut the connection unless there was progress, or nothing to take."""
        connection = self._connection
        before, self._unsent = self._unsent, connection.transport.get_write_buffer_size()
        if self._unsent < before:
            self.deadline = now + connection.front.limits.write_timeout
            return
        self.end()
        if self._unsent:
            connection.front.figures.limit_hit("write_timeout")
        if self._unsent or connection.transport.is_closing():
            connection.abort()
