"""What stands around a plugin that may fail: its own time is bounded, what it held is given back, and where the
configuration says so a request goes on as if it were not there.

A plugin fails when it raises what is no `GatewayError` and came from nobody behind it, or when its own time is over.
Its own time is what it takes beside the handlers behind it: while they work, the clock stands still."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

from gateway.chain.plugin import AtOnce, Handler, Plugin
from gateway.chain.runtime import Runtime
from gateway.config.guard import GuardSettings
from gateway.errors import GatewayError, PluginTimeoutError
from gateway.http.body import BodyStream
from gateway.http.message import Body, Decision, Request, Response, ToldReason

_LOG_SECONDS = 10.0


class GuardReason(ToldReason):
    """Why a request went on without a plugin."""

    FAILED = "plugin_failed", "A plugin failed, and its guard let the request pass without it."
    OVERDUE = "plugin_overdue", "A plugin took too long, and its guard let the request pass without it."


_passage: ContextVar[Passage | None] = ContextVar("passage", default=None)


class Guard:
    """Stands around one plugin of one route."""

    def __init__(self, name: str, settings: GuardSettings, runtime: Runtime) -> None:
        self._name = name
        self._seconds = settings.time
        self._passes = settings.on_failure == "pass"
        self._runtime = runtime
        self._unlogged = 0
        self._logged_at = -_LOG_SECONDS
        self._passed = {reason: Decision(name, reason) for reason in GuardReason}
        figures, route = runtime.figures, runtime.route
        self._counters = {
            (reason, outcome): figures.counter(
                "plugin_failures_total",
                "Requests that a plugin failed or kept too long: passed on without it, or refused.",
                plugin=name,
                route=route,
                reason=reason.value,
                outcome=outcome,
            )
            for reason in GuardReason
            for outcome in ("passed", "refused")
        }

    def around(self, plugin: Plugin, inner: Handler) -> Handler:
        """The handler that takes the place of `inner`: `plugin`'s, guarded."""
        seconds, remembers, failed = self._seconds, self._passes, self._failed

        async def inside(request: Request) -> Response:
            passage = _passage.get()
            while passage is not None and passage.guard is not self:
                passage = passage.outer
            if passage is None:
                return await inner(request)
            passage.enter()
            try:
                response = await inner(request)
            except BaseException as error:
                passage.inner_error = error
                raise
            finally:
                passage.leave()
            passage.came(response)
            return response

        outer = plugin.wrap(inside)
        if outer is inside:
            return inner

        async def handle(request: Request) -> Response:
            before = _passage.get()
            passage = Passage(self, before, request, remembers)
            _passage.set(passage)
            try:
                if seconds is None:
                    return await outer(request)
                async with asyncio.timeout(seconds) as passage.limit:
                    return await outer(request)
            except (GatewayError, asyncio.CancelledError):
                passage.give_back()
                raise
            except Exception as error:
                if error is passage.inner_error:
                    raise
                is_late = passage.limit is not None and passage.limit.expired()
                passage.limit = None
                _passage.set(before)
                reason = GuardReason.OVERDUE if is_late else GuardReason.FAILED
                return await failed(request, passage, error, reason, inner)
            finally:
                passage.limit = None
                _passage.set(before)

        return handle

    def at_once(self, answer: AtOnce | None) -> AtOnce | None:
        """The plugin's short way, which is none for a request that fails there: then the handler is asked."""
        if answer is None:
            return None

        def guarded(request: Request) -> Response | None:
            try:
                return answer(request)
            except GatewayError:
                raise
            except Exception:
                return None

        return guarded

    async def _failed(
        self, request: Request, passage: Passage, error: Exception, reason: GuardReason, inner: Handler
    ) -> Response:
        """What takes the place of the answer that the plugin did not give. Raises when nothing can."""
        go_on = passage.without_it(request, inner) if self._passes else None
        self._counters[reason, "refused" if go_on is None else "passed"].inc()
        if go_on is None:
            passage.give_back()
            if reason is GuardReason.FAILED:
                raise error
            raise PluginTimeoutError(f"the plugin {self._name} took longer than {self._seconds:g} s") from error
        self._log(error, reason)
        request.note(self._passed[reason])
        return await go_on(request)

    def _log(self, error: Exception, reason: GuardReason) -> None:
        now = self._runtime.clock.monotonic()
        if now - self._logged_at < _LOG_SECONDS:
            self._unlogged += 1
            return
        more: dict[str, Any] = {"not_logged": self._unlogged} if self._unlogged else {}
        self._logged_at, self._unlogged = now, 0
        if reason is GuardReason.FAILED:
            more["exc_info"] = error
        self._runtime.log.error(reason.sentence, plugin=self._name, route=self._runtime.route, **more)


class Passage:
    """One request's way through a guarded plugin, and what it and its answer were before the plugin touched them."""

    __slots__ = (
        "_answer",
        "_before",
        "_calls",
        "_left",
        "_task",
        "_under_way",
        "guard",
        "inner_error",
        "limit",
        "outer",
    )

    def __init__(self, guard: Guard, outer: Passage | None, request: Request, remembers: bool) -> None:
        self.guard = guard
        self.outer = outer
        """That of a guard further out, or of another request for whose sake this one is made."""
        self.limit: asyncio.Timeout | None = None
        self.inner_error: BaseException | None = None
        """What came from behind the plugin last."""
        self._task = asyncio.current_task()
        self._calls = 0
        self._under_way = 0
        self._left = 0.0
        self._before = _Before(request) if remembers else None
        self._answer: _Answer | None = None

    # --- the clock -------------------------------------------------------------------------------

    def enter(self) -> None:
        """The plugin calls what is behind it: its clock stands still."""
        self._calls += 1
        self._under_way += 1
        if asyncio.current_task() is self._task:
            self._answer = None
        limit = self.limit
        if limit is not None and self._under_way == 1 and not limit.expired():
            until = limit.when()
            if until is not None:
                self._left = until - asyncio.get_running_loop().time()
                limit.reschedule(None)

    def leave(self) -> None:
        """It has been answered: its clock goes on."""
        self._under_way -= 1
        limit = self.limit
        if limit is not None and self._under_way == 0 and not limit.expired():
            limit.reschedule(asyncio.get_running_loop().time() + self._left)

    # --- without the plugin ----------------------------------------------------------------------

    def came(self, response: Response) -> None:
        """An answer for the plugin. What its own tasks fetch may belong to others and is not remembered."""
        if asyncio.current_task() is self._task:
            self._answer = _Answer(response)

    def give_back(self) -> None:
        """Let go of an answer that the plugin did not hand on."""
        if self._answer is not None:
            self._answer.response.discard()

    def without_it(self, request: Request, inner: Handler) -> Handler | None:
        """How the request goes on as if the plugin were not there; `None` when it cannot: content was read that is not
        to be had again, or somebody behind the plugin was asked and has not answered it."""
        if self._answer is not None:
            return self._answer.restored()
        if self._calls or self._before is None or not self._before.restore(request):
            return None
        return inner


class _Before:
    """A request as it came to the plugin."""

    __slots__ = ("_body", "_fields", "_method", "_target")

    def __init__(self, request: Request) -> None:
        self._method, self._target = request.method, request.target
        self._fields, self._body = request.fields.copy(), request.body

    def restore(self, request: Request) -> bool:
        """Make `request` what it was; whether that is possible."""
        if _is_used_up(self._body):
            return False
        request.method, request.target = self._method, self._target
        request.fields, request.body = self._fields, self._body
        return True


class _Answer:
    """An answer as it came to the plugin."""

    __slots__ = ("_body", "_fields", "_reason", "_status", "response")

    def __init__(self, response: Response) -> None:
        self.response = response
        self._status, self._reason = response.status, response.reason
        self._fields, self._body = response.fields.copy(), response.body

    def restored(self) -> Handler | None:
        """Gives it as it came, once, and not to the next request as well; `None` when its content is used up."""
        if _is_used_up(self._body):
            return None
        response = self.response.copy() if self.response.shared else self.response
        response.status, response.reason = self._status, self._reason
        response.fields, response.body = self._fields, self._body
        response.replay, response.replay_lines = None, b""

        async def give(request: Request) -> Response:
            return response

        return give


def _is_used_up(body: Body) -> bool:
    return isinstance(body, BodyStream) and body.is_taken
