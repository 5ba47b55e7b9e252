"""The contract of the direct way: what a route without plugins needs instead of a chain.

A coroutine, its task and its context are there so that plugins can wait. Where there is none, nobody does: the request
goes to the server in the call in which it came, and the answer to the client in the call in which that comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from gateway.http.message import Request


class Asker(Protocol):
    """Who wants the answer."""

    finished: bool
    """Whether it has come."""

    def succeeded(self, result: Any) -> None:
        """This is the answer: a Response."""

    def failed(self, error: BaseException) -> None:
        """There is none."""

    def take_over(self, work: Any) -> None:
        """The direct way ends here: run this coroutine for the answer."""


class Attempt(Protocol):
    """A request that is with a server."""

    def cancel(self, msg: Any = None) -> bool:
        """Nobody wants the answer any more. Whether there was still something to cancel."""


Direct = Callable[[Request, Asker], Attempt | None]
"""Sends a request to a server, if that can be done at once and without a chain; otherwise `None`, having changed
nothing, and the handler is asked."""
