"""The direct way to a server, for routes without plugins: no coroutine, no task, no future.

It goes as far as one attempt over a kept connection to the only server there is. Whatever is more than that, a new
connection, a choice, a body that streams, a second attempt, is the work of `forward.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from gateway.chain.direct import Asker
from gateway.errors import GatewayError
from gateway.http.message import Request, Response
from gateway.upstream.budget import RetryBudget
from gateway.upstream.figures import UpstreamFigures
from gateway.upstream.http1 import UpstreamConnection
from gateway.upstream.roster import Roster
from gateway.upstream.server import Server

if TYPE_CHECKING:
    from gateway.upstream.forward import ExchangeTimeouts

MOST_REMEMBERED = 4096
"""Octets of a request head that is kept for the next request with the same fields."""


class DirectWay:
    """The direct way of one route to its upstream."""

    __slots__ = ("_again", "_budget", "_cell", "_failed", "_head", "_may_repeat", "_roster", "_row", "_timeouts")

    def __init__(
        self,
        roster: Roster,
        timeouts: ExchangeTimeouts,
        budget: RetryBudget,
        figures: UpstreamFigures,
        head: Callable[[Request, Server], bytes],
        failed: Callable[[GatewayError, Request, Server, float], float],
        may_repeat: Callable[[GatewayError, Request, Server, UpstreamConnection], bool],
        again: Callable[[Request, float], Coroutine[Any, Any, Response]],
    ) -> None:
        """`head` writes a request's head; `failed` counts an attempt that began at a time and tells when it ended;
        `may_repeat` says whether a second one may be made, and `again` makes it, to end by a time."""
        self._roster = roster
        self._timeouts = timeouts
        self._budget = budget
        self._row, self._cell = figures.row, figures.answered.cell
        self._head = head
        self._failed = failed
        self._may_repeat = may_repeat
        self._again = again

    def begin(self, request: Request, asker: Asker) -> Attempt | None:
        """Send `request`, whose fields are as they came, if that is possible at once."""
        server = self._roster.only
        if server is None or request.body.__class__ is not bytes or request.upgrade is not None:
            return None
        connection = server.pool.take()
        if connection is None:
            return None
        self._budget.requests += 1
        server.pending += 1
        request.served_by = server.url
        attempt = Attempt(self, request, asker, server, connection)
        begun, timeouts = request.started, self._timeouts
        head = self._head_of(request, server)
        connection.begin(request, head, timeouts, begun, begun + timeouts.total, attempt)
        return attempt

    def _head_of(self, request: Request, server: Server) -> bytes:
        """The request's head; where the same fields came before from the same place, that of then."""
        notes, downstream = request.fields.notes, request.downstream
        if notes is None or request.body:
            return self._head(request, server)
        known = notes.get(self)
        if known is not None:
            before, peer, scheme, head = known
            if before is server and peer == downstream.peer and scheme == downstream.scheme:
                return head  # type: ignore[no-any-return]  # notes hold anything
        head = self._head(request, server)
        if len(head) <= MOST_REMEMBERED:
            notes[self] = (server, downstream.peer, downstream.scheme, head)
        return head

    def answered(self) -> None:
        """Count an answer."""
        self._row[self._cell] += 1.0

    def go_on(self, attempt: Attempt, error: GatewayError) -> bool:
        """Whether a second attempt follows one that failed with `error`."""
        request, asker = attempt.request, attempt.asker
        self._failed(error, request, attempt.server, request.started)
        if not self._may_repeat(error, request, attempt.server, attempt.connection):
            return False
        asker.take_over(self._again(request, request.started + self._timeouts.total))
        return True


class Attempt:
    """A request that is with a server. Whoever asked hears of the answer in the call in which it comes."""

    __slots__ = ("_way", "asker", "connection", "request", "server")

    def __init__(
        self, way: DirectWay, request: Request, asker: Asker, server: Server, connection: UpstreamConnection
    ) -> None:
        self._way = way
        self.request = request
        self.asker = asker
        self.server = server
        self.connection = connection

    def set_result(self, response: Response) -> None:
        """The answer is there."""
        asker = self.asker
        if asker.finished:
            response.discard()
            return
        self.server.pending -= 1
        self._way.answered()
        asker.finished = True
        asker.succeeded(response)

    def set_exception(self, error: BaseException) -> None:
        """There is no answer."""
        asker = self.asker
        if asker.finished:
            return
        self.server.pending -= 1
        if isinstance(error, GatewayError) and self._way.go_on(self, error):
            return
        asker.finished = True
        asker.failed(error)

    def cancel(self, msg: Any = None) -> bool:
        """Whoever asked is gone. Whether there was still something to cancel."""
        asker = self.asker
        if asker.finished:
            return False
        asker.finished = True
        self.server.pending -= 1
        self.connection.abandon(self.request)
        asker.failed(asyncio.CancelledError())
        return True
