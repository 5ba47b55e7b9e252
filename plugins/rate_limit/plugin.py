"""The `rate_limit` plugin on the road. The only file of the room that awaits."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from gateway.api import (
    AtOnce,
    Decision,
    Fields,
    GatewayError,
    Handler,
    Plugin,
    RefusedError,
    Request,
    Response,
    Runtime,
    SettingError,
    SharedBy,
)
from plugins.rate_limit.far import FarStore
from plugins.rate_limit.limits import Due, Limit, Limits, RateLimitReason, blamed, corrections
from plugins.rate_limit.settings import RateLimitSettings, Shown
from plugins.rate_limit.sharing import KIND, Shared
from plugins.rate_limit.store import MemoryStore, Store, Taken


class RateLimitPlugin(Plugin):
    """Refuse requests of those who ask too often."""

    Settings = RateLimitSettings

    def __init__(self, settings: RateLimitSettings, runtime: Runtime) -> None:
        self._runtime = runtime
        self._clock = runtime.clock
        self._share_every = settings.share_every
        self._shared: Shared = runtime.lasting.share(KIND, Shared)
        self._store: Store = self._shared.store
        if settings.share is SharedBy.REDIS:
            if runtime.sharing is None:
                raise SettingError("share: redis needs to know which: the configuration has no redis")
            self._store = FarStore(runtime.sharing.limits, self._shared.store)
        self._limits = Limits(settings, self._store)
        self._shows = settings.fields
        self._exempt = Decision(KIND, RateLimitReason.EXEMPT)
        self._decisions = {
            (limit.name, reason): Decision(KIND, reason, limit.name)
            for limit in self._limits.all
            for reason in (RateLimitReason.REFUSED, RateLimitReason.WOULD_REFUSE)
        }
        figures, route = runtime.figures.scope(KIND), runtime.route
        self._exempted = figures.counter("exempt_total", "Requests of clients without a limit.", route=route)
        self._counters = {
            (limit.name, reason): figures.counter(
                "requests_total", "Requests by limit.", route=route, limit=limit.name, outcome=reason.value
            )
            for limit in self._limits.all
            for reason in (RateLimitReason.ALLOWED, RateLimitReason.REFUSED, RateLimitReason.WOULD_REFUSE)
        }
        self._keys = {
            limit.name: figures.gauge("keys", "Keys with something behind them.", limit=limit.name)
            for limit in self._limits.all
        }
        self._evicted = {
            limit.name: figures.gauge("keys_evicted", "Keys remembered roughly for want of room.", limit=limit.name)
            for limit in self._limits.all
        }

    async def open(self) -> None:
        """Listen to the other workers, where there are any."""
        self._runtime.at_each_sweep.append(self._show)
        control = self._runtime.control
        if control is not None and self._runtime.workers > 1:
            control.on(KIND, self._hear)
            self._shared.store.pending = self._begin_to_tell

    async def close(self) -> None:
        """Show nothing any more. The debts stay with whoever has the same limits."""
        if self._show in self._runtime.at_each_sweep:
            self._runtime.at_each_sweep.remove(self._show)

    def wrap(self, inner: Handler) -> Handler:
        """`inner` behind the limits."""
        limits, store, clock = self._limits, self._store, self._clock
        addresses, wall, monotonic = limits.addresses, clock.wall, clock.monotonic
        shows = self._shows is Shown.ALWAYS
        measured = limits.measured

        async def handle(request: Request) -> Response:
            address = addresses[request.client]
            if address.is_exempt:
                request.trail.append(self._exempt)
                self._exempted.inc()
                return await inner(request)
            due = limits.due(request, address, wall())
            if not due:
                return await inner(request)
            taking = store.take([charge for _, charge in due], monotonic())
            taken = taking if isinstance(taking, Taken) else await taking
            if taken.refused:
                raise self._refusal(request, due, taken)
            self._count(request, due, taken)
            if not shows and not measured:
                return await inner(request)
            try:
                response = await inner(request)
            except GatewayError:
                if shows:
                    self._leave(request, due, taken)
                raise
            if measured:
                await self._correct(due, taken, response.fields)
            if shows:
                limits.say(response.fields, due, taken)
            return response

        return handle

    def wrap_at_once(self, inner: AtOnce | None) -> AtOnce | None:
        """The short way of a request that fits into every limit. Who is refused takes the long one."""
        limits, store, clock = self._limits, self._store, self._runtime.clock
        if inner is None or limits.measured or not isinstance(store, MemoryStore):
            return None
        addresses, wall, monotonic = limits.addresses, clock.wall, clock.monotonic
        shows = self._shows is Shown.ALWAYS

        def at_once(request: Request) -> Response | None:
            address = addresses[request.client]
            due = [] if address.is_exempt else limits.due(request, address, wall())
            charges, now = [charge for _, charge in due], monotonic()
            if due and store.peek(charges, now).refused:
                return None
            response = inner(request)
            if response is None:
                return None
            if address.is_exempt:
                request.trail.append(self._exempt)
                self._exempted.inc()
            elif due:
                taken = store.take(charges, now)
                self._count(request, due, taken)
                if shows:
                    response = response.copy() if response.shared else response
                    limits.say(response.fields, due, taken)
            return response

        return at_once

    def _count(self, request: Request, due: Due, taken: Taken) -> None:
        for (limit, _), standing in zip(due, taken.standings, strict=True):
            if standing.fits:
                self._counters[limit.name, RateLimitReason.ALLOWED].inc()
            else:
                self._note(request, limit, RateLimitReason.WOULD_REFUSE)

    def _refusal(self, request: Request, due: Due, taken: Taken) -> RefusedError:
        limit = blamed(due, taken)
        self._note(request, limit, RateLimitReason.REFUSED)
        if self._shows is not Shown.NEVER:
            self._leave(request, due, taken)
        error = RefusedError(
            f"too many requests: {limit.name} allows {limit.bucket.rule.quota} in {limit.bucket.rule.window:g} s",
            status=429,
            retry_after=float(math.ceil(taken.wait)),
        )
        error.limit = f"{KIND}.{limit.name}"
        return error

    def _leave(self, request: Request, due: Due, taken: Taken) -> None:
        """Leave the fields for the answer that will be made of an error."""
        if request.error_fields is None:
            request.error_fields = Fields()
        self._limits.say(request.error_fields, due, taken)

    def _note(self, request: Request, limit: Limit, reason: RateLimitReason) -> None:
        request.trail.append(self._decisions[limit.name, reason])
        self._counters[limit.name, reason].inc()

    async def _correct(self, due: Due, taken: Taken, fields: Fields) -> None:
        now = self._clock.monotonic()
        for (bucket, key, _, _), cost in corrections(due, taken, fields):
            correcting = self._store.correct(bucket, key, cost, now)
            if correcting is not None:
                await correcting

    def _show(self) -> None:
        for limit in self._limits.all:
            self._keys[limit.name].set(len(limit.bucket.table))
            self._evicted[limit.name].set(limit.bucket.table.evicted)

    # --- the other workers ------------------------------------------------------------------------

    async def _hear(self, message: dict[str, Any]) -> None:
        self._shared.hear(message, self._clock.monotonic())

    def _begin_to_tell(self) -> None:
        if not self._shared.is_telling:
            self._shared.is_telling = True
            self._runtime.tasks.spawn(self._tell(), name="rate_limit.tell")

    async def _tell(self) -> None:
        """Tell the others in a while, and go on as long as there is more."""
        control = self._runtime.control
        try:
            while control is not None:
                await asyncio.sleep(self._share_every)
                news = self._shared.next_news()
                if news is None:
                    return
                try:
                    await control.call("relay", to=KIND, news=news)
                except (TimeoutError, ConnectionError):
                    self._shared.lost += 1
        finally:
            self._shared.is_telling = False

    # --- being asked ------------------------------------------------------------------------------

    def explain(self, request: Request) -> dict[str, Any]:
        """How the client of `request` stands now."""
        address = self._limits.addresses[request.client]
        if address.is_exempt:
            return {"decision": "pass", "reason": "exempt", "why": "the client's network has no limit"}
        due = self._limits.due(request, address, self._clock.wall())
        taken = self._store.peek([charge for _, charge in due], self._clock.monotonic())
        if taken is None or not due:
            return {"decision": "pass", "reason": "allowed", "why": "no limit is for this request"}
        standings = {
            limit.name: {
                "remaining": standing.remaining,
                "cost": charge[2],
                "reset_seconds": round(standing.reset, 3),
                "dry_run": limit.dry_run,
            }
            for (limit, charge), standing in zip(due, taken.standings, strict=True)
        }
        if taken.refused:
            why = f"{blamed(due, taken).name} is used up for another {taken.wait:.3g} s"
            return {"decision": "refuse", "reason": "refused", "why": why, "limits": standings}
        return {"decision": "pass", "reason": "allowed", "why": "it fits into every limit", "limits": standings}
