"""The contract of a plugin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar

from gateway.config import base
from gateway.http.message import Request, Response

if TYPE_CHECKING:
    from gateway.chain.guard import Guard
    from gateway.chain.runtime import Runtime

Handler = Callable[[Request], Awaitable[Response]]
"""Answers a request, or raises a GatewayError."""
AtOnce = Callable[[Request], Response | None]
"""Answers a request without waiting, or gives `None`, having changed nothing: then the handler is asked.

The answer may be `shared`: whoever wants to change it, or to know when it was sent, makes a `copy` first."""


class Plugin:
    """One link of the chain. Its life: settings are checked, `__init__`, `open`, `wrap`, requests, `close`.

    One instance serves one route of one compiled chain; a reload makes new ones."""

    Settings: ClassVar[type[base.Settings]]
    """What may be said about it in the configuration."""
    replay_safe: bool = False
    """Whether its effect is a function of the request head and the stored response alone. Said by the class, or by an
    instance that depends on its settings."""
    gives_replays: ClassVar[bool] = False
    """Whether its answers, or its errors, may carry a `replay`: it is a store, or refuses all alike. A `replay` that
    comes from behind it is taken off, or made its own."""
    may_replay: bool = True
    """Whether they may: false, by the chain's word, when somebody in front of it speaks against that."""
    before: ClassVar[tuple[str, ...]] = ()
    """Rooms that must come later in the chain, when they are in it."""
    after: ClassVar[tuple[str, ...]] = ()
    """Rooms that must come earlier in the chain, when they are in it."""

    guard: Guard | None = None
    """What the chain put around it, see `guard` in the configuration."""

    def __init__(self, settings: Any, runtime: Runtime) -> None:
        """Cheap; no I/O."""

    async def open(self) -> None:
        """Make connections and start tasks. An error here refuses the configuration."""

    def wrap(self, inner: Handler) -> Handler:
        """The handler that takes the place of `inner`. Called once for each compiled chain."""
        return inner

    def wrap_at_once(self, inner: AtOnce | None) -> AtOnce | None:
        """The short way past this plugin: the same answers as the handler's, for requests that need no wait, without
        the cost of a coroutine. `None` when there is none, which closes it for the plugins in front as well.

        `inner` is the short way of what comes behind. Called once, after `wrap`."""
        return None

    def explain(self, request: Request) -> dict[str, Any] | None:
        """What would happen to `request` here now, and why, for people to read; `None` where there is nothing to say.

        `request` is one that somebody asks about: as it came, before any plugin changed it. Nothing may be changed by
        the answer, nothing waited for and nobody asked. Values are what JSON has. Entries that are shown first:
        `decision`, in a word, where `answer`, `hit` and `refuse` say that the request would go no further and nobody
        behind need be asked; `reason`, as metrics and logs name it; `why`, in a sentence."""
        return None

    async def close(self) -> None:
        """Let go of everything, also after an `open` that failed half way."""
