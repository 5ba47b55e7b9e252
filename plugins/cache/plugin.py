"""The cache on the road: asks the rules what to do, and does it. What it does when nobody waits is in `upkeep.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.api import (
    AtOnce,
    BodyStream,
    CircuitOpenError,
    Handler,
    Lease,
    OverloadedError,
    Plugin,
    Request,
    Response,
    Runtime,
    UpstreamError,
    WallTime,
)
from plugins.cache.clearing import Clearing
from plugins.cache.desk import shown
from plugins.cache.forwarding import fetch_fields, fetches_whole, is_too_large, passing_fields, validation_fields
from plugins.cache.freshness import Times, current_age
from plugins.cache.keeping import Fetched
from plugins.cache.missing import Missing
from plugins.cache.parts import parts_of
from plugins.cache.passing import Passing
from plugins.cache.plan import Fetch, Plan, Refuse, Revalidate, Serve, ServeStale, plan
from plugins.cache.reasons import BypassReason, ForwardReason, HitReason, MissReason, NotStoredReason
from plugins.cache.revalidation import AskAgain, Confirmed, StandIn, judge, may_stand_in, tell_of_stale
from plugins.cache.sending import sent_as
from plugins.cache.settings import CacheSettings
from plugins.cache.stale import failure_of
from plugins.cache.stored import StoredResponse
from plugins.cache.storing import StorePlan, may_store
from plugins.cache.sweeping_batch import Heard
from plugins.cache.uncacheable import Uncacheable
from plugins.cache.upkeep import Upkeep, overheard

MOST_ROUNDS = 3
"""Answers to others that are in vain, since they were purged, before whatever comes next is handed on."""


async def _in_turns(step: Callable[[], bool]) -> None:
    """Take steps until one says that there are no more, and let requests have their turn in between."""
    going = step()
    while going:
        await asyncio.sleep(0)
        going = step()


class CachePlugin(Plugin):
    """Answer from what was stored before, where RFC 9111 allows it."""

    Settings = CacheSettings
    gives_replays = True

    def __init__(self, settings: CacheSettings, runtime: Runtime) -> None:
        self._settings = settings
        self._runtime = runtime
        self._parts = parts = parts_of(settings, runtime)
        self._shared, self._policy, self._keyer, self._tiered = parts.shared, parts.policy, parts.keyer, parts.tiered
        self._status, self._figures, self._uncacheable = parts.status, parts.figures, parts.uncacheable
        self._serving, self._fallback = parts.serving, parts.fallback
        self._desk, self._keeper = parts.desk, parts.keeper
        self._large = Uncacheable(settings.hit_for_miss)
        self._clearing = Clearing(parts, runtime, _in_turns)
        self._upkeep = Upkeep(parts, runtime, _in_turns)
        self._missing = Missing(settings, parts.shared, parts.figures, parts.uncacheable, parts.tiered)

    async def open(self) -> None:
        """Take over the store, at the size the settings want now, and answer the administrator and other workers."""
        self._shared.join(self, self._settings, self._keyer)
        self._resize()
        self._runtime.at_each_sweep.append(self._show)
        control = self._runtime.control
        if control is not None:
            self._clearing.listen(control)
            control.on("entries", self._entries)
            self._upkeep.listen(control)

    async def close(self) -> None:
        """Leave the store to the other routes. What the last one leaves behind goes with it."""
        if self._show in self._runtime.at_each_sweep:
            self._runtime.at_each_sweep.remove(self._show)
        self._upkeep.close()
        if self._shared.leave(self):
            self._resize()
        else:
            self._figures.show_nothing()

    def explain(self, request: Request) -> dict[str, Any]:
        """What would happen to `request` now, and why."""
        return self._desk.explain(request, self._now())

    def _now(self) -> WallTime:
        return self._shared.steady.at(self._runtime.clock.monotonic())

    async def _entries(self, message: dict[str, Any]) -> dict[str, Any]:
        listing = self._desk.listing(message)
        await _in_turns(listing.step)
        return {"count": listing.count, "octets": listing.octets, "entries": [shown(row) for row in listing.page()]}

    def _resize(self) -> None:
        if (shared := self._shared).store.limit != shared.memory:
            work = _in_turns(lambda: not shared.store.resize(shared.memory))
            self._runtime.tasks.spawn(work, name="cache.resize")

    def _show(self) -> None:
        self._figures.show(self._shared.store, self._shared.filling)
        if self._tiered is not None:
            self._tiered.report_uses(self._now())

    # --- requests ------------------------------------------------------------------------------

    def wrap(self, inner: Handler) -> Handler:
        """The handler that answers from the store."""
        keyer, policy, store = self._keyer, self._policy, self._shared.store
        steady, monotonic, wall = self._shared.steady, self._runtime.clock.monotonic, self._runtime.clock.wall
        find, figures, serve = store.get, self._figures, self._serving.fresh
        glance = self._parts.glance
        look_near = None if self._tiered is None else self._tiered.look
        passing = Passing(policy, keyer, self._status, figures, self._uncacheable)
        refused = self._missing.refused

        async def ask(own: Request, stored: StoredResponse, confirm: bool, heard: Heard | None) -> Response:
            through = inner if heard is None else overheard(inner, heard)
            return await self._ask(through, own, stored.key, MissReason.STALE, stored, confirm=confirm)

        self._upkeep.ask, self._serving.refresh = ask, self._upkeep.refresh_ahead

        async def handle(request: Request) -> Response:
            if isinstance(request.body, BodyStream) and keyer.reads_content(request.method):
                length = request.body.length
                if length is not None and length <= keyer.max_body:
                    request.body = await request.body.read(keyer.max_body)
            known = passing.known_key(request)
            key = known or keyer.key(request)
            now = steady.at(monotonic())
            try:
                if isinstance(key, BypassReason):
                    work = self._bypass(inner, request, key)
                else:
                    variants = find(key)
                    if variants is None and passing.takes(request, key, now, is_known=known is not None):
                        epoch = request.epoch = store.epoch, self._parts.marks()
                        response = await inner(request)
                        if passing.hand_on(request, response, key, now, steady.at(monotonic())):
                            return response
                        since, marks = response.epoch or epoch
                        times = Times(now, self._now(), wall())
                        fetched = Fetched(key, since, times, passing.reason, False, marks)
                        return await self._take(request, request, response, fetched, None) or response
                    look = look_near
                    if variants is None and glance is not None:
                        if (first := glance.first(request, key)) is not None:
                            return first
                        variants, look = find(key), None
                    todo = plan(request, variants, now, policy)
                    if look is not None and not isinstance(todo, Serve) and look(key, variants):
                        todo = plan(request, find(key), now, policy)
                    if isinstance(todo, Serve):
                        return serve(request, todo.stored, todo.age, now)
                    work = self._otherwise(inner, request, key, todo, now)
                try:
                    return await work
                finally:
                    figures.count(request.trail)
            except CircuitOpenError as error:
                refused(request, key, error, monotonic())
                raise

        return handle

    def wrap_at_once(self, inner: AtOnce | None) -> AtOnce | None:
        """The short way of a hit, and of a refusal where nothing is stored."""
        if not self.may_replay:
            self._serving.let_nothing_replay()
        hit: AtOnce = self._serving.at_once
        glance = self._parts.glance
        if glance is not None and glance.need_not_wait:
            hit = glance.behind(hit)
        return hit if inner is None else self._missing.behind(hit, inner)

    async def _otherwise(
        self,
        inner: Handler,
        request: Request,
        key: bytes,
        todo: ServeStale | Revalidate | Fetch | Refuse,
        now: WallTime,
    ) -> Response:
        tiered, store = self._tiered, self._shared.store
        if tiered is not None and tiered.tiers.has_far:
            since, before, glance = store.epoch, store.get(key), self._parts.glance
            found = await tiered.tiers.find_far(key, tiered.known(before))
            if glance is not None and (first := glance.of_far(request, key, found, since)) is not None:
                return first
            if tiered.take_in(key, found, since) or store.get(key) is not before:  # by others, who asked as well
                again = plan(request, store.get(key), now := self._now(), self._policy)
                if isinstance(again, Serve):
                    return self._serving.fresh(request, again.stored, again.age, now)
                todo = again
        if (replicas := self._parts.replicas) is not None and replicas.may_share(request, key, todo, now):
            return await replicas.fetch(request, key, todo, lambda *what: self._carry_out(inner, request, key, *what))
        return await self._carry_out(inner, request, key, todo, None)

    async def _carry_out(
        self, inner: Handler, request: Request, key: bytes, todo: Plan, lease: Lease | None
    ) -> Response:
        """Do what the rules want; what is fetched is for all who wait elsewhere, if there is a lease."""
        match todo:
            case Serve(stored, age):
                return self._serving.fresh(request, stored, age, self._now())
            case ServeStale(stored, age, reason, revalidate):
                now = self._now()
                if revalidate:
                    self._upkeep.refresh(request, stored, now)
                return self._fallback.stale(request, stored, age, reason, now)
            case Refuse(reason):
                raise self._fallback.refusal(request, reason)
            case Revalidate(stored, _, reason):
                return await self._ask(inner, request, key, reason, stored, confirm=True, lease=lease)
            case Fetch(reason, fallback):
                return await self._ask(inner, request, key, reason, fallback, confirm=False, lease=lease)

    # --- upstream ------------------------------------------------------------------------------

    async def _ask(
        self,
        inner: Handler,
        request: Request,
        key: bytes,
        reason: ForwardReason,
        stored: StoredResponse | None,
        *,
        confirm: bool,
        in_parts: bool = False,
        lease: Lease | None = None,
        rounds: int = MOST_ROUNDS,
        outdated: Any = None,
    ) -> Response:
        """Ask the origin: whether `stored` is still good, or for a new answer, for which `stored` may stand in.

        With `in_parts` a part is asked for as the client does, however small the whole may be. An answer that somebody
        else asked for before it was purged is none (`outdated`): it is asked for again, for `rounds` at most."""
        policy, store = self._policy, self._shared.store
        now = self._now()
        if stored is None and self._uncacheable.recall(key, now) is not None:
            return await self._bypass(inner, request, BypassReason.UNCACHEABLE, key)
        self._fallback.note(request, reason)
        if confirm and stored is not None:
            fields = validation_fields(request, stored, policy)
        else:
            is_known_large = in_parts or self._large.recall(key, now) is not None
            whole = fetches_whole(request, policy, is_known_large=is_known_large)
            fields = fetch_fields(request, policy, whole=whole)
        wants_part = request.method == "GET" and b"range" in request.fields
        sent = sent_as(request, fields, self._keyer.target(request.target))
        epoch = sent.epoch = store.epoch, self._parts.marks()
        sent.outdated = outdated
        tell_of_stale(request, sent, stored, now, policy)
        try:
            response = await self._send(inner, request, sent)
        except (UpstreamError, OverloadedError) as error:
            at = self._now()
            stale = None
            if stored is not None and stored.is_stored:  # what was purged meanwhile must not come back
                stale = may_stand_in(request, stored, at, failure_of(error), policy)
            if stored is None or stale is None:
                raise
            return self._fallback.stale(request, stored, current_age(stored, at), stale, at)
        times = Times(now, self._now(), self._runtime.clock.wall())
        since, marks = response.epoch or epoch
        fetched = Fetched(key, since, times, reason, wants_part and b"range" not in fields, marks, lease)
        if since != epoch[0] and rounds and self._keeper.is_purged(sent, response, fetched):
            response.discard()
            ways = {"confirm": confirm, "in_parts": in_parts, "outdated": response.epoch}
            return await self._ask(inner, request, key, reason, stored, lease=lease, rounds=rounds - 1, **ways)
        if stored is not None:
            settled = await self._settle(inner, request, sent, response, stored, fetched, confirm=confirm)
            if settled is not None:
                return settled
        taken = await self._take(request, sent, response, fetched, stored)
        if taken is None:  # more than is fetched whole for a part
            self._large.remember(key, NotStoredReason.TOO_LARGE, self._now())
            return await self._ask(inner, request, key, reason, stored, confirm=False, in_parts=True, lease=lease)
        return taken

    async def _send(self, inner: Handler, request: Request, sent: Request) -> Response:
        """What `inner` answers to `sent`; what it says beside that is said about `request`."""
        try:
            response = await inner(sent)
            response.replay = None  # whoever gave it does not know what is stored here meanwhile
            return response
        finally:
            request.upstream_wait, request.served_by = sent.upstream_wait, sent.served_by
            request.error_fields = sent.error_fields or request.error_fields
            request.attributes, request.made_good = sent.attributes, sent.made_good

    async def _settle(
        self,
        inner: Handler,
        request: Request,
        sent: Request,
        response: Response,
        stored: StoredResponse,
        fetched: Fetched,
        *,
        confirm: bool,
    ) -> Response | None:
        """What follows when something was stored; `None` when `response` is simply the new answer."""
        times = fetched.times
        variants = self._shared.store.get(fetched.key) or ()
        match judge(sent, response, stored, variants, times, self._policy, was_asked=confirm):
            case Confirmed() as confirmed:
                response.discard()
                self._fallback.note(request, HitReason.REVALIDATED)
                return self._keeper.confirmed(request, confirmed, fetched)
            case StandIn(stale) if stored.is_stored:
                response.discard()
                at = times.response_time
                return self._fallback.stale(request, stored, current_age(stored, at), stale, at)
            case AskAgain():
                response.discard()
                return await self._ask(
                    inner, request, fetched.key, fetched.reason, None, confirm=False, lease=fetched.lease
                )
        return None

    async def _take(
        self, request: Request, sent: Request, response: Response, fetched: Fetched, before: StoredResponse | None
    ) -> Response | None:
        """Store an answer where that is allowed, and hand it on. `before` is what was stored until now. `None`: a whole
        came in place of a part, and is not to be had at once."""
        policy, keeper = self._policy, self._keeper
        if response.upgraded is not None:
            return response
        planned = may_store(sent, response, fetched.times, policy)
        body = response.body
        length = body.length if isinstance(body, BodyStream) else len(body)
        if fetched.whole and response.status == 200 and isinstance(body, BodyStream):
            filling, fits = self._shared.filling, length is not None and length <= policy.fetch_whole
            if length is None or not fits or not isinstance(planned, StorePlan) or not filling.reserve(length):
                response.discard()
                return None
            try:
                response.body = body = await body.read(length)
            except BaseException:  # it broke off, or the client left
                response.discard()
                raise
            finally:
                filling.release(length)
        if isinstance(planned, StorePlan) and is_too_large(length, policy.max_entry):
            planned = NotStoredReason.TOO_LARGE
        if not isinstance(planned, StorePlan):
            keeper.not_stored(fetched, planned)
            keeper.supersede(before, response, planned)
            return keeper.hand_on(request, response, fetched, planned)
        key = self._keyer.get_key(request) if planned.for_get else fetched.key
        if isinstance(body, bytes):
            result = keeper.put(sent, planned, key, body, fetched)
            return keeper.hand_on(request, response, fetched, result, planned.withheld)
        return keeper.fill(request, sent, response, body, planned, key, fetched)

    async def _bypass(
        self, inner: Handler, request: Request, reason: BypassReason, key: bytes | None = None
    ) -> Response:
        """Let the request pass. Its answer may still make stored responses unusable, or be stored itself."""
        self._fallback.note(request, reason)
        store = self._shared.store
        now, epoch = self._now(), (store.epoch, self._parts.marks())
        sent = request
        if key is not None:  # its answer may become everybody's
            sent = sent_as(request, passing_fields(request, self._policy), self._keyer.target(request.target))
        sent.epoch = epoch
        response = await self._send(inner, request, sent)
        since, marks = response.epoch or epoch
        times = Times(now, self._now(), self._runtime.clock.wall())
        was_alone = store.epoch == since
        self._clearing.invalidate(request, response)
        if was_alone:  # what it invalidates itself does not speak against storing it
            since = store.epoch
        if response.upgraded is not None:
            return response
        if key is None and self._keeper.is_for_get(request, response, times):
            key = self._keyer.get_key(request)
        fetched = Fetched(key or b"", since, times, reason, whole=False, marks=marks)
        if key is None:
            return self._keeper.tell(response, fetched, response.status, stored=False)
        taken = await self._take(request, sent, response, fetched, None)
        assert taken is not None, "a whole was not asked for"
        return taken
