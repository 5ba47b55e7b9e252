"""The `idempotency` plugin on the road. The only file of the room that awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from functools import partial
from typing import Any, assert_never

from gateway.api import (
    AtOnce,
    BodyStream,
    Decision,
    GatewayError,
    Handler,
    OverloadedError,
    Plugin,
    RefusedError,
    Request,
    Response,
    Runtime,
)
from plugins.idempotency.directory import DirectoryStore, remove_unused
from plugins.idempotency.fingerprint import Print
from plugins.idempotency.keeping import Collector
from plugins.idempotency.key import read_key
from plugins.idempotency.memory import MemoryStore
from plugins.idempotency.placing import directory_of
from plugins.idempotency.policy import Policy, judge
from plugins.idempotency.reasons import IdempotencyReason, KeptReason
from plugins.idempotency.record import Answer, Record
from plugins.idempotency.settings import IdempotencySettings
from plugins.idempotency.store import Begun, Done, Found, Running, Store, StoreError

_MAX_LAG = 64 * 1024
_LOOK_SECONDS = 5.0
_REFUSALS = {
    IdempotencyReason.MISSING: (400, "this request needs an idempotency key"),
    IdempotencyReason.MALFORMED: (400, "the idempotency key cannot be read: it is a text of 1 to 255 characters"),
    IdempotencyReason.RUNNING: (409, "a request with this idempotency key is under way"),
    IdempotencyReason.GONE: (409, "this request was carried out, and its answer was too large to be kept"),
    IdempotencyReason.MISMATCH: (422, "this idempotency key was used for another request"),
}


class Lead:
    """A request that is carried out: the first with its key."""

    __slots__ = ("claim", "content", "fingerprint", "is_alone", "name")

    def __init__(self, name: bytes, claim: Any) -> None:
        self.name = name
        self.claim = claim
        self.fingerprint: Print | None = None
        self.content: BodyStream | None = None
        """The answer's content on its way into the store."""
        self.is_alone = False
        """Whether its client has left."""


class IdempotencyPlugin(Plugin):
    """Carry a request out once, however often it is sent, and give its answer again."""

    Settings = IdempotencySettings

    def __init__(self, settings: IdempotencySettings, runtime: Runtime) -> None:
        self._settings = settings
        self._runtime = runtime
        self._policy = Policy(settings)
        self._store: Store = runtime.lasting.share("idempotency", MemoryStore)
        self._directory: DirectoryStore | None = None
        self._under_way = 0
        self._tidying: asyncio.Task[Any] | None = None
        self._decisions = {reason: Decision("idempotency", reason) for reason in IdempotencyReason}
        figures, route = runtime.figures.scope("idempotency"), runtime.route
        self._counters = {
            reason: figures.counter("requests_total", "Requests with a key.", route=route, outcome=reason.value)
            for reason in IdempotencyReason
        }
        self._kept = {
            reason: figures.counter(
                "answers_total", "What became of answers to them.", route=route, outcome=reason.value
            )
            for reason in KeptReason
        }
        self._running = figures.gauge("under_way", "Requests with a key that are under way.", route=route)
        self._records = figures.gauge("records", "Requests remembered.")
        self._octets = figures.gauge("bytes", "Octets of what is remembered.")
        self._evicted = figures.gauge("evicted", "Records that went before their time.")

    async def open(self) -> None:
        """Take over the store. Raises StoreError when its directory cannot be used."""
        directory = directory_of(self._settings.store, self._runtime.workers)
        if directory is not None:
            store = self._runtime.lasting.share(f"idempotency {directory}", partial(DirectoryStore, directory))
            store.open()
            self._store = self._directory = store
            self._tidying = self._runtime.tasks.spawn(self._keep_tidy(store), name="idempotency.tidy")
        self._store.bounds.join(self, self._settings.memory, self._settings.keep)
        self._runtime.at_each_sweep.append(self._show)

    async def close(self) -> None:
        """Leave the store to the other routes."""
        self._store.bounds.leave(self)
        if self._tidying is not None:
            self._tidying.cancel()
        if self._show in self._runtime.at_each_sweep:
            self._runtime.at_each_sweep.remove(self._show)
        store = self._directory
        if store is not None and store.bounds.is_unwanted:
            store.close()
            if self._settings.store == "auto":  # the last worker to go takes it along
                await asyncio.to_thread(remove_unused, store.directory.parent, store.directory.name)

    def wrap(self, inner: Handler) -> Handler:
        """`inner`, to which each key comes once."""
        policy, store, clock = self._policy, self._store, self._runtime.clock
        methods, field = policy.methods, policy.field

        async def handle(request: Request) -> Response:
            if request.method not in methods:
                return await inner(request)
            value = request.fields.get(field)
            if value is None:
                if policy.required:
                    raise self._refusal(request, IdempotencyReason.MISSING)
                return await inner(request)
            key = read_key(value)
            if key is None:
                raise self._refusal(request, IdempotencyReason.MALFORMED)
            name = policy.name_of(request, key)
            try:
                beginning = store.begin(name, clock.monotonic(), clock.wall())
                found: Found = await beginning if isinstance(beginning, Awaitable) else beginning
            except StoreError:
                self._note(request, IdempotencyReason.WITHOUT_STORE)
                return await inner(request)
            match found:
                case Begun(claim):
                    return await self._lead(inner, request, Lead(name, claim))
                case Running():
                    raise self._refusal(request, IdempotencyReason.RUNNING)
                case Done(record):
                    return await self._again(request, record)
                case _:
                    assert_never(found)

        return handle

    def wrap_at_once(self, inner: AtOnce | None) -> AtOnce | None:
        """The short way of methods that have no keys."""
        if inner is None:
            return None
        methods = self._policy.methods
        return lambda request: None if request.method in methods else inner(request)

    # --- the first ----------------------------------------------------------------------------------

    async def _lead(self, inner: Handler, request: Request, lead: Lead) -> Response:
        """Carry a request out, and see it through though its client leaves."""
        if self._under_way >= self._policy.running:
            self._release(lead)
            self._note(request, IdempotencyReason.CROWDED)
            raise OverloadedError("too many requests with a key are under way", limit="idempotency.running")
        self._under_way += 1
        try:
            await self._take_print(request, lead)
        except BaseException:
            self._end(lead, KeptReason.FAILED)
            raise
        self._note(request, IdempotencyReason.FIRST)
        work = self._runtime.tasks.spawn(self._carry_out(inner, request, lead), name="idempotency.request")
        try:
            result = await asyncio.shield(work)
        except asyncio.CancelledError:
            request.interim = None
            lead.is_alone = True
            if work.done() and not work.cancelled() and isinstance(work.result(), Response):
                _see_through(work.result(), lead)
            raise
        if isinstance(result, Response):
            return result
        raise result

    async def _take_print(self, request: Request, lead: Lead) -> None:
        """Take the fingerprint: of small content before it goes on, of larger while it does."""
        body, policy = request.body, self._policy
        if isinstance(body, BodyStream) and body.length is not None and body.length <= policy.buffer:
            request.body = await body.read(policy.buffer)
        lead.fingerprint = Print(request, policy.by)
        if isinstance(request.body, BodyStream) and lead.fingerprint.wants_content:
            request.body, passing = request.body.tee(_MAX_LAG, keep_first=True)
            passing.attach(lead.fingerprint)

    async def _carry_out(self, inner: Handler, request: Request, lead: Lead) -> Response | Exception:
        """The answer, or the error there was instead of one. Runs beside the road."""
        try:
            response = await inner(request)
            self._keep(response, lead)
        except Exception as error:
            self._end(lead, KeptReason.FAILED)
            if lead.is_alone and not isinstance(error, GatewayError):
                self._runtime.log.error("a request failed after its client left", exc_info=error)
            return error
        except BaseException:
            self._end(lead, KeptReason.FAILED)
            raise
        if lead.is_alone:
            _see_through(response, lead)
        return response

    def _keep(self, response: Response, lead: Lead) -> None:
        """Keep the answer, now or when its content has come."""
        policy, body = self._policy, response.body
        if not policy.keeps(response.status):
            self._end(lead, KeptReason.STATUS)
            return
        answer = Answer.of(response, b"")  # as it is now: what comes further out is not for keeping
        if isinstance(body, bytes):
            self._collected(lead, answer, body if len(body) <= policy.max_response else KeptReason.TOO_LARGE)
        elif body.length is not None and body.length > policy.max_response:
            self._collected(lead, answer, KeptReason.TOO_LARGE)
        else:
            response.body, lead.content = body.tee(_MAX_LAG, keep_first=True)
            Collector(lead.content, policy.max_response, partial(self._collected, lead, answer))

    def _collected(self, lead: Lead, answer: Answer, content: bytes | KeptReason) -> None:
        """The answer's content is here, or will not be."""
        fingerprint = lead.fingerprint
        if content is KeptReason.FAILED:
            self._end(lead, KeptReason.FAILED)
        elif fingerprint is None or not fingerprint.is_whole:
            self._end(lead, KeptReason.UNFINISHED)
        elif isinstance(content, bytes):
            self._end(lead, KeptReason.KEPT, Record(fingerprint.octets, replace(answer, body=content)))
        else:
            self._end(lead, KeptReason.TOO_LARGE, Record(fingerprint.octets, None))

    def _end(self, lead: Lead, reason: KeptReason, record: Record | None = None) -> None:
        """The request is not under way any more; its claim ends, once."""
        if lead.claim is None:
            return
        self._under_way -= 1
        if record is None:
            self._release(lead)
        else:
            claim, lead.claim = lead.claim, None
            clock = self._runtime.clock
            try:
                work = self._store.finish(lead.name, claim, record, clock.monotonic(), clock.wall())
            except StoreError as error:
                reason = KeptReason.STORE_FAILED
                self._runtime.log.warning("an answer could not be kept", reason=str(error))
            else:
                self._beside(work)
        self._kept[reason].inc()

    def _release(self, lead: Lead) -> None:
        claim, lead.claim = lead.claim, None
        self._beside(self._store.release(lead.name, claim))

    def _beside(self, work: Awaitable[None] | None) -> None:
        """Let a store that takes its time do so beside the road."""

        async def done(work: Awaitable[None]) -> None:
            await work

        if work is not None:
            self._runtime.tasks.spawn(done(work), name="idempotency.store")

    # --- the others ---------------------------------------------------------------------------------

    async def _again(self, request: Request, record: Record) -> Response:
        """Give the answer of a request that was carried out, if this is the same one."""
        fingerprint = Print(request, self._policy.by)
        if isinstance(request.body, BodyStream) and fingerprint.wants_content:
            await fingerprint.read(request.body)
        reason = judge(record, fingerprint.octets)
        if reason is not IdempotencyReason.REPLAYED or record.answer is None:
            raise self._refusal(request, reason)
        self._note(request, reason)
        return record.answer.respond(self._policy.mark)

    def _refusal(self, request: Request, reason: IdempotencyReason) -> RefusedError:
        self._note(request, reason)
        status, words = _REFUSALS[reason]
        return RefusedError(words, status, retry_after=1.0 if reason is IdempotencyReason.RUNNING else None)

    def _note(self, request: Request, reason: IdempotencyReason) -> None:
        request.trail.append(self._decisions[reason])
        self._counters[reason].inc()

    # --- the store ----------------------------------------------------------------------------------

    async def _keep_tidy(self, store: DirectoryStore) -> None:
        clock = self._runtime.clock
        while True:
            if store.needs_tidying(clock.monotonic()):
                try:
                    await asyncio.to_thread(store.tidy, clock.wall())
                except OSError as error:
                    self._runtime.log.warning("the store of answers cannot be tidied", reason=str(error))
            await asyncio.sleep(_LOOK_SECONDS)

    def _show(self) -> None:
        records, octets = self._store.size()
        self._running.set(self._under_way)
        self._records.set(records)
        self._octets.set(octets)
        self._evicted.set(self._store.evicted)

    def explain(self, request: Request) -> dict[str, Any] | None:
        """What is known of the key of `request`."""
        policy, clock = self._policy, self._runtime.clock
        if request.method not in policy.methods:
            return None
        value = request.fields.get(policy.field)
        key = read_key(value) if value is not None else None
        if value is None or key is None:
            refused = policy.required if value is None else True
            reason = IdempotencyReason.MISSING if value is None else IdempotencyReason.MALFORMED
            why = "it has no key" if value is None else "its key cannot be read"
            return {"decision": "refuse" if refused else "pass", "reason": reason.value, "why": why}
        match self._store.look(policy.name_of(request, key), clock.monotonic(), clock.wall()):
            case None:
                return {"decision": "pass", "reason": "first", "why": "nobody has used this key"}
            case Running():
                return {"decision": "refuse", "reason": "running", "why": "a request with this key is under way"}
            case Done(record):
                status = record.answer.status if record.answer is not None else None
                why = "a request with this key was carried out"
                return {"decision": "answer", "reason": "replayed", "why": why, "status": status}


def _see_through(response: Response, lead: Lead) -> None:
    """Nobody waits for this answer: let its content come as far as it is kept, and then let go of everything."""
    content = lead.content
    if content is None or not isinstance(response.body, BodyStream):
        response.discard()
        return
    response.body.abort()
    content.on_end(lambda end: response.sent(False))
