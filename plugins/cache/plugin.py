"""The cache on the road: asks the rules what to do, and does it. The only file of the room that awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.api import (
    BodyStream,
    BodyTooLargeError,
    Fields,
    GatewayError,
    Handler,
    OverloadedError,
    Plugin,
    RefusedError,
    Request,
    Response,
    Runtime,
    UpstreamError,
    WallTime,
)
from plugins.cache.answer import answer, answer_fetched
from plugins.cache.desk import Desk, shown
from plugins.cache.figures import CacheFigures
from plugins.cache.fill import Fill
from plugins.cache.forwarding import fetch_fields, fetches_whole, is_too_large, validation_fields
from plugins.cache.freshness import Times, current_age, remaining_seconds
from plugins.cache.keeping import Fetched, Keeper
from plugins.cache.key import Keyer
from plugins.cache.plan import Fetch, Refuse, Revalidate, Serve, ServeStale, has_origin_validator, plan
from plugins.cache.policy import Policy
from plugins.cache.reasons import (
    BypassReason,
    CacheReason,
    ForwardReason,
    HitReason,
    MissReason,
    NotStoredReason,
    RefuseReason,
    StaleReason,
)
from plugins.cache.replaying import StoredReplay, changing_lines
from plugins.cache.revalidation import AskAgain, Confirmed, StandIn, judge, may_stand_in
from plugins.cache.sending import for_refresh, sent_as
from plugins.cache.settings import CacheSettings
from plugins.cache.shared import ENTRY_OVERHEAD, Shared
from plugins.cache.stale import Failure
from plugins.cache.status import CacheStatus, append
from plugins.cache.stored import StoredResponse
from plugins.cache.storing import StorePlan, may_store
from plugins.cache.uncacheable import Uncacheable


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
        self._policy = Policy(settings)
        self._keyer = Keyer(settings.key, self._policy.bypass_cookies)
        self._status = CacheStatus(runtime.name) if settings.cache_status else None
        self._figures = CacheFigures(runtime.figures, runtime.route)
        self._uncacheable = Uncacheable(settings.hit_for_miss)
        self._large = Uncacheable(settings.hit_for_miss)
        self._shared: Shared = runtime.lasting.share("cache", lambda: Shared(settings, runtime.clock))
        self._key_fields = frozenset(name.lower().encode() for name in settings.key.fields)
        self._desk = Desk(self._shared.store, self._keyer, self._policy, self._uncacheable)
        self._keeper = Keeper(
            self._shared.store,
            self._keyer,
            self._policy,
            self._status,
            self._figures,
            self._uncacheable,
            runtime.route,
        )

    async def open(self) -> None:
        """Take over the store, at the size the settings want now, and answer the administrator's questions."""
        store = self._shared.store
        store.entry_limit = self._settings.max_entry + ENTRY_OVERHEAD
        store.most_variants = self._settings.variants
        if store.limit != self._settings.memory:
            self._runtime.tasks.spawn(self._resize(self._settings.memory), name="cache.resize")
        control = self._runtime.control
        if control is not None:
            control.on("purge", self._purge)
            control.on("entries", self._entries)

    def explain(self, request: Request) -> dict[str, Any]:
        """What would happen to `request` now, and why."""
        return self._desk.explain(request, self._now())

    def _now(self) -> WallTime:
        return self._shared.steady.at(self._runtime.clock.monotonic())

    async def _purge(self, message: dict[str, Any]) -> dict[str, Any]:
        purge = self._desk.purge(message)
        await _in_turns(purge.step)
        self._figures.show(self._shared.store)
        return {"count": purge.count, "octets": purge.octets}

    async def _entries(self, message: dict[str, Any]) -> dict[str, Any]:
        listing = self._desk.listing(message)
        await _in_turns(listing.step)
        return {"count": listing.count, "octets": listing.octets, "entries": [shown(row) for row in listing.page()]}

    async def _resize(self, limit: int) -> None:
        await _in_turns(lambda: not self._shared.store.resize(limit))
        self._figures.show(self._shared.store)

    # --- requests ------------------------------------------------------------------------------

    def wrap(self, inner: Handler) -> Handler:
        """The handler that answers from the store."""
        keyer, policy, store = self._keyer, self._policy, self._shared.store
        steady, monotonic = self._shared.steady, self._runtime.clock.monotonic
        find = store.get

        async def handle(request: Request) -> Response:
            if isinstance(request.body, BodyStream) and keyer.reads_content(request.method):
                length = request.body.length
                if length is not None and length <= keyer.max_body:
                    request.body = await request.body.read(keyer.max_body)
            key = keyer.key(request)
            if isinstance(key, BypassReason):
                return await self._bypass(inner, request, key)
            now = steady.at(monotonic())
            todo = plan(request, find(key), now, policy)
            if isinstance(todo, Serve):
                return self._serve(request, todo.stored, todo.age, now)
            return await self._otherwise(inner, request, key, todo, now)

        return handle

    def _serve(self, request: Request, stored: StoredResponse, age: float, now: WallTime) -> Response:
        stored.uses += 1
        stored.last_used = now
        counter, decision = self._figures.outcome(HitReason.FRESH)
        counter.inc()
        request.trail.append(decision)
        status = None if self._status is None else self._status.fresh(remaining_seconds(stored, age))
        response = answer(request, stored, age, now, self._policy, status)
        if response.body is stored.body and self._settings.replay and b"cache-control" not in request.fields:
            self._let_replay(request, response, stored, age)
        return response

    def _let_replay(self, request: Request, response: Response, stored: StoredResponse, age: float) -> None:
        if b"pragma" in request.fields or self._settings.key.cookies:
            return
        replay: StoredReplay | None = stored.derived("replay")
        if replay is None:
            counted = self._figures.outcome(HitReason.FRESH)[0].inc
            replay = StoredReplay(stored, self._shared.steady, self._status, self._key_fields, counted)
            stored.keep("replay", replay, 300)
        response.replay = replay
        response.replay_lines = changing_lines(self._status, stored, age)

    async def _otherwise(
        self,
        inner: Handler,
        request: Request,
        key: bytes,
        todo: ServeStale | Revalidate | Fetch | Refuse,
        now: WallTime,
    ) -> Response:
        match todo:
            case ServeStale(stored, age, reason, revalidate):
                if revalidate:
                    self._refresh(inner, request, key, stored)
                return self._serve_stale(request, stored, age, reason, now)
            case Refuse(reason):
                return self._refuse(request, reason)
            case Revalidate(stored, _, reason):
                return await self._ask(inner, request, key, reason, stored, confirm=True)
            case Fetch(reason, fallback):
                return await self._ask(inner, request, key, reason, fallback, confirm=False)

    def _serve_stale(
        self, request: Request, stored: StoredResponse, age: float, reason: StaleReason, now: WallTime
    ) -> Response:
        stored.use(now)
        self._note(request, reason)
        status = None if self._status is None else self._status.hit(remaining_seconds(stored, age), reason)
        return answer(request, stored, age, now, self._policy, status)

    def _refuse(self, request: Request, reason: RefuseReason) -> Response:
        self._note(request, reason)
        if self._status is not None:
            request.error_fields = request.error_fields or Fields()
            append(request.error_fields, self._status.refused(reason))
        raise RefusedError(reason.sentence, status=504)

    def _note(self, request: Request, reason: CacheReason) -> None:
        counter, decision = self._figures.outcome(reason)
        counter.inc()
        request.trail.append(decision)

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
    ) -> Response:
        """Ask the origin: whether `stored` is still good, or for a new answer, for which `stored` may stand in."""
        policy, store = self._policy, self._shared.store
        now = self._now()
        if stored is None and self._uncacheable.recall(key, now) is not None:
            return await self._bypass(inner, request, BypassReason.UNCACHEABLE, key)
        self._note(request, reason)
        is_known_large = self._large.recall(key, now) is not None
        whole = not confirm and fetches_whole(request, policy, is_known_large=is_known_large)
        if confirm and stored is not None:
            fields = validation_fields(request, stored, policy)
        else:
            fields = fetch_fields(request, policy, whole=whole)
        sent = sent_as(request, fields, self._keyer.target(request.target))
        since = store.epoch
        try:
            response = await inner(sent)
        except (UpstreamError, OverloadedError) as error:
            failure = Failure.STATUS if isinstance(error, OverloadedError) else Failure.DISCONNECTED
            at = self._now()
            stale = None if stored is None else may_stand_in(request, stored, at, failure, policy)
            if stored is None or stale is None:
                raise
            return self._serve_stale(request, stored, current_age(stored, at), stale, at)
        finally:
            request.upstream_wait, request.served_by = sent.upstream_wait, sent.served_by
            request.error_fields = sent.error_fields or request.error_fields
        fetched = Fetched(key, since, Times(now, self._now(), self._runtime.clock.wall()), reason, whole)
        if stored is not None:
            settled = await self._settle(inner, request, sent, response, stored, fetched, confirm=confirm)
            if settled is not None:
                return settled
        taken = await self._take(request, sent, response, fetched)
        if taken is None:  # more than is fetched whole for a part
            self._large.remember(key, NotStoredReason.TOO_LARGE, self._now())
            return await self._ask(inner, request, key, reason, stored, confirm=False)
        return taken

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
                self._figures.outcome(HitReason.REVALIDATED)[0].inc()
                return self._keeper.confirmed(request, confirmed, fetched)
            case StandIn(stale):
                response.discard()
                at = times.response_time
                return self._serve_stale(request, stored, current_age(stored, at), stale, at)
            case AskAgain():
                response.discard()
                return await self._ask(inner, request, fetched.key, fetched.reason, None, confirm=False)
        return None

    async def _take(self, request: Request, sent: Request, response: Response, fetched: Fetched) -> Response | None:
        """Store an answer where that is allowed, and hand it on. `None`: a whole was asked for, and is too large."""
        policy, keeper = self._policy, self._keeper
        planned = may_store(sent, response, fetched.times, policy)
        if response.upgraded is not None:
            return response
        body = response.body
        length = body.length if isinstance(body, BodyStream) else len(body)
        if fetched.whole and response.status == 200 and isinstance(planned, StorePlan):
            if length is None or is_too_large(length, policy.fetch_whole):
                response.discard()
                return None
            if isinstance(body, BodyStream):
                try:
                    response.body = body = await body.read(policy.fetch_whole)
                except BodyTooLargeError:
                    response.discard()
                    return None
        if isinstance(planned, StorePlan) and is_too_large(length, policy.max_entry):
            planned = NotStoredReason.TOO_LARGE
        if not isinstance(planned, StorePlan):
            keeper.not_stored(fetched, planned)
            return keeper.hand_on(request, response, fetched, planned)
        key = self._keyer.get_key(request) if planned.for_get else fetched.key
        if isinstance(body, bytes):
            return keeper.hand_on(request, response, fetched, keeper.put(sent, planned, key, body, fetched))
        return self._fill(request, sent, response, body, planned, key, fetched)

    def _fill(
        self,
        request: Request,
        sent: Request,
        response: Response,
        body: BodyStream,
        planned: StorePlan,
        key: bytes,
        fetched: Fetched,
    ) -> Response:
        """Store a streamed answer while the client gets it."""
        keeper, most = self._keeper, self._policy.max_entry

        def done(result: bytes | NotStoredReason) -> None:
            if isinstance(result, bytes):
                keeper.put(sent, planned, key, result, fetched)
            else:
                keeper.not_stored(fetched, result)

        instead = answer_fetched(request, response, fetched.times.received)
        status = response.status
        if instead is not None:
            Fill(body, most, done)
            return keeper.tell(instead, fetched, status, None)
        response.body, for_store = body.tee(most, keep_first=True)
        Fill(for_store, most, done)
        return keeper.tell(response, fetched, status, None)

    async def _bypass(
        self, inner: Handler, request: Request, reason: BypassReason, key: bytes | None = None
    ) -> Response:
        """Let the request pass. Its answer may still make stored responses unusable, or be stored itself."""
        self._note(request, reason)
        now, since = self._now(), self._shared.store.epoch
        response = await inner(request)
        times = Times(now, self._now(), self._runtime.clock.wall())
        self._keeper.invalidate(request, response)
        fetched = Fetched(key or b"", since, times, reason, whole=False)
        if response.upgraded is not None:
            return response
        if key is None and not self._is_for_get(request, response, times):
            return self._keeper.tell(response, fetched, response.status, None)
        taken = await self._take(request, request, response, fetched)
        assert taken is not None, "a whole was not asked for"
        return taken

    def _is_for_get(self, request: Request, response: Response, times: Times) -> bool:
        """Whether an answer to POST may be stored for later GETs (RFC 9110 §9.3.3)."""
        if request.method != "POST":
            return False
        planned = may_store(request, response, times, self._policy)
        return isinstance(planned, StorePlan) and planned.for_get

    def _refresh(self, inner: Handler, request: Request, key: bytes, stored: StoredResponse) -> None:
        """Refresh a stored response behind, once at a time however many ask (RFC 5861 §3)."""
        mark = (key, stored.variant)
        if mark not in self._shared.refreshing:
            self._shared.refreshing.add(mark)
            work = self._refresh_now(inner, for_refresh(request), key, stored, mark)
            self._runtime.tasks.spawn(work, name="cache.refresh")

    async def _refresh_now(
        self, inner: Handler, own: Request, key: bytes, stored: StoredResponse, mark: tuple[bytes, bytes]
    ) -> None:
        self._figures.refreshes.inc()
        try:
            confirm = has_origin_validator(stored)
            response = await self._ask(inner, own, key, MissReason.STALE, stored, confirm=confirm)
            response.discard()
        except GatewayError as error:
            self._runtime.log.info("a stored response could not be refreshed", reason=error.reason)
        finally:
            self._shared.refreshing.discard(mark)
