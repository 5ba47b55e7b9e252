"""What the cache does of its own accord: stored responses refreshed behind and ahead, and told about to other workers.

Nobody waits for any of it. Beside `plugin.py` this is the file of the room that awaits; it starts nothing but through
the runtime, and never reads a clock of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from gateway.api import Control, GatewayError, OverloadedError, Request, Response, Runtime, WallTime
from plugins.cache.ahead import Ahead, Granted
from plugins.cache.confirmations import take_over
from plugins.cache.parts import Parts
from plugins.cache.plan import has_origin_validator
from plugins.cache.reasons import HitReason, StaleReason
from plugins.cache.sending import for_refresh
from plugins.cache.stored import StoredResponse

Ask = Callable[[Request, StoredResponse, bool], Awaitable[Response]]
"""Asks the origin with a request of our own about a stored response: whether it is still good, or (False) for a new
one; puts what comes into the store."""


class Upkeep:
    """Refreshes on one route."""

    def __init__(self, parts: Parts, runtime: Runtime) -> None:
        self._shared = parts.shared
        self._figures = parts.figures
        self._tiered = parts.tiered
        self._ahead: Ahead | None = parts.ahead
        self._runtime = runtime
        self._tells = runtime.control is not None and runtime.workers > 1 and parts.tiered is None
        """Where there is a tier, other workers find in it what was confirmed."""
        self.ask: Ask = _no_chain
        """Set when the chain is wrapped."""

    def close(self) -> None:
        """Ask nothing more. It would keep the chain, which keeps this."""
        self.ask = _no_chain

    def _now(self) -> WallTime:
        return self._shared.steady.at(self._runtime.clock.monotonic())

    def _shift(self) -> float:
        """What wall time is ahead of steady time now, in seconds."""
        return self._runtime.clock.wall() - self._now()

    # ---- refreshes ---------------------------------------------------------------------------------------------------

    def refresh(self, request: Request, stored: StoredResponse, now: WallTime) -> None:
        """Refresh a stored response behind, once at a time however many ask (RFC 5861 §3)."""
        if self._shared.refreshes.begin((stored.key, stored.variant), now):
            work = self._refresh(for_refresh(request), stored, None)
            self._runtime.tasks.spawn(work, name="cache.refresh")

    def refresh_ahead(self, request: Request, stored: StoredResponse, now: WallTime) -> None:
        """Refresh a stored response before it expires, if the budget allows it and no other worker has done so."""
        ahead, figures, shared = self._ahead, self._figures, self._shared
        assert ahead is not None, "it is on, or nothing would be due"
        if self._tiered is not None and self._tiered.look(stored.key, shared.store.get(stored.key)):
            figures.ahead("shared").inc()
            return
        granted = ahead.grant(stored, now)
        if granted is Granted.YES and not shared.refreshes.begin((stored.key, stored.variant), now):
            ahead.end()
            return
        figures.ahead(granted.value).inc()
        if granted is Granted.YES:
            self._runtime.tasks.spawn(self._refresh(for_refresh(request), stored, ahead), name="cache.ahead")

    async def _refresh(self, own: Request, stored: StoredResponse, ahead: Ahead | None) -> None:
        self._figures.refreshes.inc()
        in_vain = True
        try:
            response = await self.ask(own, stored, has_origin_validator(stored))
            reason = own.trail[-1].reason
            in_vain = response.status >= 500 or isinstance(reason, StaleReason)
            response.discard()
            if ahead is not None and reason is HitReason.REVALIDATED:
                self.tell(stored)
        except GatewayError as error:
            self._runtime.log.info("a stored response could not be refreshed", reason=error.reason)
        finally:
            self._shared.refreshes.end((stored.key, stored.variant), self._now(), in_vain=in_vain)
            if ahead is not None:
                ahead.end()

    # ---- other workers -----------------------------------------------------------------------------------------------

    def tell(self, stored: StoredResponse) -> None:
        """Tell the other workers that `stored` was confirmed, where they do not find that out by themselves."""
        control = self._runtime.control
        if self._tells and control is not None and self._shared.confirmations.add(stored, self._shift()):
            self._runtime.tasks.spawn(self._send(control), name="cache.confirmations")

    async def _send(self, control: Control) -> None:
        """Send what gathers, one message at a time, until there is nothing more. Who does not hear of it asks."""
        confirmations = self._shared.confirmations
        try:
            while (news := confirmations.take()) is not None:
                await control.call("relay", to="confirmed", news=news)
        except (TimeoutError, ConnectionError) as error:
            self._runtime.log.info("other workers may not know what was confirmed", reason=str(error))
        finally:
            confirmations.stop()

    async def hear(self, message: dict[str, Any]) -> dict[str, Any]:
        """Take over what another worker had confirmed."""
        return {"count": take_over(message["news"], self._shared.store, self._shift())}


async def _no_chain(own: Request, stored: StoredResponse, confirm: bool) -> Response:
    raise OverloadedError("the chain of this route is closed")
