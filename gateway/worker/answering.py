"""The control channel as the plugins of one configuration see it.

What they answer counts from the moment their configuration is in use, and no longer than that: one that was prepared
and discarded answers nothing, and a store that a reload has left out is neither asked nor kept alive."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from gateway.chain.runtime import Control

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any] | None]]


class Switchboard(Control, Protocol):
    """A control channel on which answers can be taken back."""

    def off(self, kind: str) -> None:
        """Answer messages of that kind no more."""

    async def hand(self, kind: str, message: dict[str, Any]) -> dict[str, Any] | None:
        """Have a message answered that came another way. Raises LookupError when nobody answers its kind."""


class ChainControl:
    """The control of one configuration's plugins. Of several that answer the same kind, the last one does."""

    def __init__(self, channel: Switchboard) -> None:
        self._channel = channel
        self._handlers: dict[str, Handler] = {}
        self._in_use = False

    def send(self, kind: str, **fields: Any) -> None:
        """Tell the supervisor."""
        self._channel.send(kind, **fields)

    async def call(self, kind: str, *, timeout: float = 5.0, **fields: Any) -> dict[str, Any]:
        """Ask the supervisor. Raises TimeoutError, ConnectionError."""
        return await self._channel.call(kind, timeout=timeout, **fields)

    def on(self, kind: str, handler: Handler) -> None:
        """Answer messages of that kind, as soon as the configuration is in use."""
        self._handlers[kind] = handler
        if self._in_use:
            self._channel.on(kind, handler)

    def take_over(self, before: ChainControl | None) -> None:
        """The configuration is in use from here on, in the place of that of `before`."""
        if before is not None:
            before.step_back(self._handlers.keys())
        self._in_use = True
        for kind, handler in self._handlers.items():
            self._channel.on(kind, handler)

    def step_back(self, kept: Iterable[str] = ()) -> None:
        """Answer nothing any more. Kinds that are `kept` have another handler in the same turn of the loop."""
        self._in_use = False
        for kind in self._handlers.keys() - set(kept):
            self._channel.off(kind)
