"""Content codings on the road. The only file of the room that awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, assert_never

from gateway.api import AtOnce, Handler, Plugin, Request, Response, Runtime
from plugins.compress.codecs import unavailable
from plugins.compress.desk import explained
from plugins.compress.dressing import Dresser, First, Pending, Whole
from plugins.compress.errors import ContentCodingError
from plugins.compress.figures import CompressFigures
from plugins.compress.kept import Kept
from plugins.compress.making import make
from plugins.compress.planning import Plan, plan
from plugins.compress.policy import Make
from plugins.compress.settings import Coding, CompressSettings
from plugins.compress.streaming import FormStream, Timer
from plugins.compress.workshop import LOOK_EVERY, MOST_BEHIND, Workshop

Made = bytes | None | ContentCodingError


class CompressPlugin(Plugin):
    """Code content for clients that can read it, once for each stored response."""

    Settings = CompressSettings
    replay_safe = True  # all it does follows from the request's fields and the stored response
    before = ("cache", "coalesce")  # what they share is shared by clients of all codings

    def __init__(self, settings: CompressSettings, runtime: Runtime) -> None:
        """Raises ValueError when none of the preferred codings can be made here."""
        self._runtime = runtime
        self._most_waiting = settings.waiting
        self._busy_after = settings.busy_after
        self._shop: Workshop = runtime.lasting.share(f"compress {settings.threads}", lambda: Workshop(settings.threads))
        figures = CompressFigures(runtime.figures, runtime.route)
        self._dresser = Dresser(
            settings,
            runtime.route,
            _offered(settings, runtime),
            figures,
            self._shop.lateness,
            runtime.clock.monotonic,
            _later,
            self._popular,
        )
        self._jobs: dict[tuple[int, Make], asyncio.Future[Made]] = {}
        self._behind: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin to look at how late the loop is."""
        shop = self._shop
        shop.join(self)
        if shop.looking is None:
            shop.looking = _Looking(shop)

    async def close(self) -> None:
        """Give up what is made behind."""
        for task in self._behind:
            task.cancel()
        self._shop.leave(self)

    def explain(self, request: Request) -> dict[str, Any]:
        """What would become of the answer to `request`, as far as its fields decide."""
        return explained(plan(request, self._dresser.clients, self._dresser.policy))

    # --- requests ------------------------------------------------------------------------------

    def wrap(self, inner: Handler) -> Handler:
        """`inner` with its answers in the form that their clients should get."""
        dresser = self._dresser
        clients, policy, finish = dresser.clients, dresser.policy, dresser.finish

        async def handle(request: Request) -> Response:
            if request.upgrade is not None:
                return await inner(request)
            came = request.fields
            notes = came.notes
            planned: Plan | None = None if notes is None else notes.get(dresser)
            if planned is None:
                planned = plan(request, clients, policy)
                if notes is not None:
                    notes[dresser] = planned
            if planned.inward is not None:
                request.fields = planned.inward if notes is None else planned.inward.again()
            try:
                response = await inner(request)
            finally:
                request.fields = came
            try:
                pending = finish(request, planned, response)
                if pending is not None:
                    await self._complete(request, planned, response, pending)
            except BaseException:
                response.discard()
                raise
            return response

        return handle

    def wrap_at_once(self, inner: AtOnce | None) -> AtOnce | None:
        """The short way of heads that came before."""
        if inner is None:
            return None
        dresser = self._dresser
        finish, shelf, ask = dresser.finish, dresser.shelf, inner

        def at_once(request: Request) -> Response | None:
            came = request.fields
            if came.notes is None or request.upgrade is not None:
                return None
            planned: Plan | None = came.notes.get(dresser)
            if planned is None:
                return None
            if planned.inward is not None:
                request.fields = planned.inward.again()
            response = ask(request)
            request.fields = came
            if response is None:
                return None
            if not response.shared:
                finish(request, planned, response, may_wait=False)
                return response
            if planned.leaves is None and (known := shelf.give_shared(request, planned.client, response)) is not None:
                return known
            own = response.copy()
            finish(request, planned, own, may_wait=False)
            if planned.leaves is None:
                shelf.share(planned.client, response, own)
            return own

        return at_once

    async def _complete(self, request: Request, planned: Plan, response: Response, pending: Pending) -> None:
        match pending:
            case Whole(wanted, level):
                await self._make(request, planned, response, wanted, level)
            case First(stream):
                await _until_begun(stream)
                if stream.changed.error is not None:
                    raise stream.changed.error
            case _:
                assert_never(pending)

    async def _make(self, request: Request, planned: Plan, response: Response, wanted: Make, level: int) -> None:
        """Have a thread make it: one for all who wait for the same form of a stored response."""
        shop, content = self._shop, response.body
        assert isinstance(content, bytes), "streams are not made whole"
        clock = self._runtime.clock.monotonic
        key = (id(content), wanted)
        job = self._jobs.get(key)
        if job is None:
            if shop.waiting >= self._most_waiting:
                self._dresser.leave_for_now(request, response)
                return
            job = self._begin(key, content, wanted, level)
        began = clock()
        made = await asyncio.shield(job)  # others may wait for it
        if isinstance(made, ContentCodingError):
            raise made
        self._dresser.use(request, planned, response, wanted, made, level, clock() - began)

    def _begin(self, key: tuple[int, Make], content: bytes, wanted: Make, level: int) -> asyncio.Future[Made]:
        shop, jobs = self._shop, self._jobs
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(shop.now, self._made, content, wanted, level)
        shop.waiting += 1
        jobs[key] = work

        def ended(work: asyncio.Future[Made]) -> None:
            shop.waiting -= 1
            jobs.pop(key, None)

        work.add_done_callback(ended)
        return work

    def _made(self, content: bytes, wanted: Make, level: int) -> Made:
        """For threads. What goes wrong is handed over: whoever waited may have left, and nobody would hear of it."""
        try:
            return make(content, wanted, level, self._dresser.limits, self._shop.is_going)
        except ContentCodingError as error:
            return error

    # --- behind --------------------------------------------------------------------------------

    def _popular(self, kept: Kept) -> None:
        """A kept form deserves a better one, if there is time for it now. If not, its next uses ask again."""
        shop = self._shop
        if shop.behind >= MOST_BEHIND or shop.lateness.is_busy(self._busy_after) or not shop.is_going():
            return
        kept.improves = True
        shop.behind += 1
        task = self._runtime.tasks.spawn(self._improve(kept), name="compress.improve")
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)

    async def _improve(self, kept: Kept) -> None:
        shop, wanted = self._shop, kept.verdict
        assert isinstance(wanted, Make), "what is as it came has no level"
        assert wanted.coding is not None, "nor has what is only decoded"
        level = self._dresser.levels.best[wanted.coding]
        try:
            loop = asyncio.get_running_loop()
            made = await loop.run_in_executor(shop.later, self._made, kept.stored.body, wanted, level)
        finally:
            shop.behind -= 1
        if not isinstance(made, ContentCodingError):
            self._dresser.shelf.improve(kept, made, level)


class _Looking:
    """Looks at how late the loop comes to a timer, again and again."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + LOOK_EVERY
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        self._shop.lateness.observe(now - self._due)
        self._due = now + LOOK_EVERY
        self._timer = self._loop.call_at(self._due, self._look)

    def cancel(self) -> None:
        """Look no more."""
        self._timer.cancel()


def _later(seconds: float, callback: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, callback)


async def _until_begun(stream: FormStream) -> None:
    """Wait until something of the stream could be decoded, or it has ended."""
    begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    stream.on_first(lambda: None if begun.done() else begun.set_result(None))
    await begun


def _offered(settings: CompressSettings, runtime: Runtime) -> tuple[Coding, ...]:
    """The preferred codings that can be made here. Raises ValueError for none at all."""
    missing = {coding: reason for coding in settings.prefer if (reason := unavailable(coding)) is not None}
    if len(missing) == len(settings.prefer):
        raise ValueError(f"none of the codings in prefer can be made: {'; '.join(missing.values())}")
    for coding, reason in missing.items():
        runtime.log.warning("a content coding is not offered", coding=coding.value, reason=reason)
    return tuple(coding for coding in settings.prefer if coding not in missing)
