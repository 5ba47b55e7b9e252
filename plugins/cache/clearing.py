"""What goes because somebody says so: purges of the administrator, and what unsafe requests make unusable; here, in
other workers, and in other gateways.

Beside `plugin.py` this is a file of the room that awaits. It starts nothing but through the runtime."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from gateway.api import Control, Request, Response, Runtime
from plugins.cache.invalidation import invalidated
from plugins.cache.outbox import selectors_of
from plugins.cache.parts import Parts
from plugins.cache.purge import Purges
from plugins.cache.store import Ending

InTurns = Callable[[Callable[[], bool]], Coroutine[Any, Any, None]]
"""Takes steps until one says that there are no more, and lets requests have their turn in between."""


class Clearing:
    """Removals on one route, over the store that all routes share."""

    def __init__(self, parts: Parts, runtime: Runtime, in_turns: InTurns) -> None:
        self._parts = parts
        self._shared = parts.shared
        self._runtime = runtime
        self._in_turns = in_turns

    def listen(self, control: Control) -> None:
        """Answer the administrator, other workers and other gateways."""
        control.on("purge", self.purge)
        control.on("invalidate", self.hear)
        control.on("purge_news", self.hear)

    async def purge(self, message: dict[str, Any]) -> dict[str, Any]:
        """Carry out a purge of the administrator; how much went, and which other gateways know of it."""
        parts, desk = self._parts, self._parts.desk
        purge = desk.purge(message)
        noted = told = None
        if not message.get("dry_run"):
            noted = parts.purge_tiers(desk.selectors(message), message)
            if parts.replicas is not None:
                work = parts.replicas.note(desk.selectors(message), message)
                told = self._runtime.tasks.spawn(work, name="cache.purge")
        await self._in_turns(purge.step)
        if noted is not None:
            await noted
        return {"count": purge.count, "octets": purge.octets, **(await told if told is not None else {})}

    def invalidate(self, request: Request, response: Response) -> None:
        """Remove what an answer to an unsafe request makes unusable (RFC 9111 §4.4)."""
        parts, shared, tasks, control = self._parts, self._shared, self._runtime.tasks, self._runtime.control
        found = invalidated(request, response, shared.targets, parts.policy)
        if found is None:
            return
        parts.purge_tiers(found.selectors)
        removal = Purges(shared.store, found.selectors, ending=Ending.INVALIDATED)
        if removal.step():
            tasks.spawn(self._in_turns(removal.step), name="cache.invalidate")
        if parts.replicas is not None:
            parts.replicas.tell(found.selectors)
        if control is not None and self._runtime.workers > 1 and shared.outbox.add(found):
            tasks.spawn(self._tell_others(control), name="cache.tell")

    async def _tell_others(self, control: Control) -> None:
        """Send what gathers in the outbox, one message at a time, until there is nothing more."""
        outbox = self._shared.outbox
        try:
            while (news := outbox.take()) is not None:
                self._parts.figures.overflows.inc("all" in news)
                try:
                    await control.call("relay", to="invalidate", news=news)
                except (TimeoutError, ConnectionError) as error:  # it may have come all the same
                    self._runtime.log.warning("other workers may not know what was invalidated", reason=str(error))
        finally:
            outbox.stop()

    async def hear(self, message: dict[str, Any]) -> None:
        """Remove what others have purged, or made unusable."""
        news = message["news"]
        selectors, soft = selectors_of(news), bool(news.get("soft"))
        noted = self._parts.purge_tiers(selectors, news)
        await self._in_turns(Purges(self._shared.store, selectors, soft=soft, ending=Ending.INVALIDATED).step)
        if noted is not None and "labels" in news:  # from afar: heard when the host knows it as well
            await noted
