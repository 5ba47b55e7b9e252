"""What the cache does of its own accord: refreshes behind and ahead, sweeps, and what other workers hear of them.

Nobody waits for any of it. Beside `plugin.py` this is the file of the room that awaits; it starts nothing but through
the runtime, and never reads a clock of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from gateway.api import (
    BodyStream,
    Control,
    GatewayError,
    Handler,
    OverloadedError,
    Request,
    Response,
    Runtime,
    WallTime,
)
from plugins.cache.ahead import LEAST_DELTA, Ahead, Granted, fresh_until
from plugins.cache.confirmations import take_over
from plugins.cache.parts import Parts
from plugins.cache.plan import has_origin_validator
from plugins.cache.reasons import HitReason, StaleReason
from plugins.cache.sending import for_refresh
from plugins.cache.stored import StoredResponse
from plugins.cache.sweeping import MOST_ROWS, held
from plugins.cache.sweeping_batch import Batch, Heard, Outcome, UnusableError
from plugins.cache.sweeping_request import request_of

Ask = Callable[[Request, StoredResponse, bool, Heard | None], Awaitable[Response]]
"""Asks the origin with a request of our own about a stored response: whether it is still good, or (False) for a new
one; puts what comes into the store. Tells what the origin answered, where somebody wants to hear that."""


class Upkeep:
    """Refreshes on one route."""

    def __init__(
        self, parts: Parts, runtime: Runtime, in_turns: Callable[[Callable[[], bool]], Awaitable[None]]
    ) -> None:
        """`in_turns` takes steps until one says that there are no more, and lets requests have their turn between."""
        self._in_turns = in_turns
        self._keyer = parts.keyer
        self._shared = parts.shared
        self._figures = parts.figures
        self._tiered = parts.tiered
        self._ahead: Ahead | None = parts.ahead
        self._runtime = runtime
        self._tells = runtime.control is not None and runtime.workers > 1 and parts.tiered is None
        """Where there is a tier, other workers find in it what was confirmed."""
        self.ask: Ask = _no_chain
        """Set when the chain is wrapped."""

    def listen(self, control: Control) -> None:
        """Hear what other workers had confirmed, and do what is ordered."""
        control.on("confirmed", self.hear)
        control.on("sweep_scan", self.sweep_scan)
        control.on("sweep_rows", self.sweep_rows)
        control.on("sweep_end", self.sweep_end)
        control.on(f"sweep {self._runtime.route}", self.sweep)

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
            newer = held(shared.store, (stored.key, stored.variant))
            if newer is not None and fresh_until(newer) > fresh_until(stored) + LEAST_DELTA:
                figures.ahead("shared").inc()
                return
            stored = newer or stored  # the same once more: clocks of two processes differ by a little
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
            response = await self.ask(own, stored, has_origin_validator(stored), None)
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

    # ---- sweeps ------------------------------------------------------------------------------------------------------

    async def sweep_scan(self, message: dict[str, Any]) -> dict[str, Any]:
        """Look for what a sweep means; how much that is."""
        scan = self._shared.sweeper.begin(message, self._now())
        await self._in_turns(scan.step)
        return {"count": len(scan.marks), "unconfirmable": scan.unconfirmable}

    async def sweep_rows(self, message: dict[str, Any]) -> dict[str, Any]:
        """A page of what was found, and how many make a page."""
        scan = self._shared.sweeper.of(message)
        return {"rows": scan.rows(self._shared.store, int(message["offset"]), self._shift()), "page": MOST_ROWS}

    async def sweep_end(self, message: dict[str, Any]) -> dict[str, Any]:
        """The sweep is over; a batch under way goes no further."""
        self._shared.sweeper.end(message)
        return {}

    async def sweep(self, message: dict[str, Any]) -> dict[str, Any]:
        """Ask about a batch of what was found on this route, several at once."""
        batch = Batch(self._shared.sweeper.of(message), message["numbers"])
        until = self._runtime.clock.monotonic() + float(message["seconds"])
        spawn = self._runtime.tasks.spawn
        lanes = [spawn(self._lane(batch, until), name="cache.sweep") for _ in range(int(message["concurrency"]))]
        try:
            for lane in lanes:
                await lane
        finally:
            for lane in lanes:
                lane.cancel()
        return batch.result()

    async def _lane(self, batch: Batch, until: float) -> None:
        """One request after the other, until there is nothing more to ask about, or that moment has come."""
        shared, scan, monotonic = self._shared, batch.scan, self._runtime.clock.monotonic
        while shared.sweeper.scan is scan and monotonic() < until and (item := batch.next()) is not None:
            number, mark = item
            stored = held(shared.store, mark)
            if stored is not None and self._tiered is not None:
                self._tiered.look(stored.key, shared.store.get(stored.key))
                stored = held(shared.store, mark)
            if stored is None:
                batch.note(number, Outcome.VANISHED)
            elif stored.response_time > scan.began or not shared.refreshes.begin(mark, self._now()):
                batch.note(number, Outcome.RECENT)
            else:
                answered = False
                try:
                    answered = await self._ask_about(stored, number, batch)
                except Exception as error:  # the others are asked about all the same
                    batch.fail(number, type(error).__name__)
                    self._runtime.log.error("a sweep stumbled", key=stored.key, exc_info=error)
                finally:
                    shared.refreshes.end(mark, self._now(), in_vain=not answered)

    async def _ask_about(self, stored: StoredResponse, number: int, batch: Batch) -> bool:
        """Ask the origin about one stored response; whether it answered."""
        clock = self._runtime.clock
        own = request_of(stored, self._keyer, f"{self._runtime.name} (sweep)", clock.monotonic())
        if own is None:
            batch.note(number, Outcome.UNASKABLE)
            return True
        self._figures.refreshes.inc()
        mark, content, heard = (stored.key, stored.variant), stored.body, Heard()
        try:
            response = await self.ask(own, stored, has_origin_validator(stored), heard)
            try:
                if isinstance(response.body, BodyStream) and mark in self._shared.filling:
                    async for _ in response.body:  # so that as much is under way as was ordered, and no more
                        pass
                    response.sent(True)
            finally:
                response.discard()
        except UnusableError:
            pass
        except GatewayError as error:
            heard.failed(error)
        if (rest := heard.rest(clock.wall())) is not None:
            batch.put_back(number, rest)
            return False
        if (why := heard.why_failed()) is not None:
            batch.fail(number, why)
            return False
        seconds = clock.monotonic() - own.started
        if own.trail[-1].reason is HitReason.REVALIDATED:
            batch.note(number, Outcome.CONFIRMED, saved=len(content), seconds=seconds)
            if (good := held(self._shared.store, mark)) is not None:
                self.tell(good)
        elif heard.status in (404, 410):
            batch.note(number, Outcome.GONE, seconds=seconds)
        else:
            new = held(self._shared.store, mark)
            is_same = new is not None and new.body == content
            fetched = 0 if new is None else len(new.body)
            batch.note(number, Outcome.SAME if is_same else Outcome.CHANGED, fetched=fetched, seconds=seconds)
        return True


def overheard(inner: Handler, heard: Heard) -> Handler:
    """The same handler; `heard` is told what it answers."""

    async def handle(request: Request) -> Response:
        try:
            response = await inner(request)
        except GatewayError as error:
            heard.failed(error)
            raise
        heard.answered(response)
        return response

    return handle


async def _no_chain(own: Request, stored: StoredResponse, confirm: bool, heard: Heard | None) -> Response:
    raise OverloadedError("the chain of this route is closed")
