import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.chain import guard
from gateway.chain.compile import build_chain, short_way
from gateway.chain.guard import Guard, GuardReason
from gateway.chain.plugin import Handler, Plugin
from gateway.chain.runtime import Runtime
from gateway.config import base
from gateway.config.guard import GuardSettings
from gateway.config.plan import PluginUse
from gateway.errors import GatewayError, PluginTimeoutError, RefusedError, UpstreamClosedError
from gateway.figures.registry import Figures
from gateway.http.body import BodyStream
from gateway.http.message import Request, Response
from tests.support.light_tasks import LOOPS, outcome, started
from tests.support.plugins import ManualClock, ScriptedUpstream, make_request, make_response, make_runtime, pairs
from tests.support.streams import RecordingSource, stream_of

Does = Callable[[Request, Handler], Awaitable[Response]]
NEVER = "1h"
SHORT = "20ms"


class Odd(Plugin):
    """Does what its test wants."""

    class Settings(base.Settings):
        """No settings."""

    def __init__(self, does: Does) -> None:
        self._does = does

    def wrap(self, inner: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            return await self._does(request, inner)

        return handle


class Site:
    """A guarded plugin with an upstream behind it, and what the guard counted."""

    def __init__(self, does: Does, upstream: Handler | None = None, **settings: Any) -> None:
        self.figures, self.clock = Figures.in_memory(), ManualClock()
        self.upstream = upstream or ScriptedUpstream(lambda request: make_response(200, {"X-From": "origin"}, b"ok"))
        runtime = make_runtime(figures=self.figures, clock=self.clock)
        around = Guard("odd", GuardSettings.model_validate(settings), runtime).around
        self.handler = around(Odd(does), self.upstream)

    async def ask(self, request: Request | None = None) -> Any:
        """The answer or the error, in a light task as on the road."""

        async def main() -> Response:
            return await self.handler(request or make_request())

        return await outcome(started(main()))

    def counted(self, reason: GuardReason, outcome: str) -> float:
        return self.figures.value(
            "plugin_failures_total", plugin="odd", route="default", reason=reason.value, outcome=outcome
        )


async def fails(request: Request, inner: Handler) -> Response:
    raise ZeroDivisionError("a mistake")


async def fails_late(request: Request, inner: Handler) -> Response:
    response = await inner(request)
    response.fields.set(b"X-From", b"half a change")
    response.status = 299
    raise ZeroDivisionError("a mistake")


async def hangs(request: Request, inner: Handler) -> Response:
    await asyncio.Event().wait()
    raise AssertionError


async def hangs_late(request: Request, inner: Handler) -> Response:
    await inner(request)
    return await hangs(request, inner)


async def refuses_late(request: Request, inner: Handler) -> Response:
    await inner(request)
    raise RefusedError("no")


class TestRefusing:
    async def test_a_mistake_is_what_it_was_and_counted(self) -> None:
        site = Site(fails)
        assert isinstance(await site.ask(), ZeroDivisionError)
        assert site.counted(GuardReason.FAILED, "refused") == 1

    @pytest.mark.parametrize("does", [fails_late, refuses_late, hangs_late])
    async def test_an_answer_that_the_plugin_held_is_given_back(self, does: Does) -> None:
        source = RecordingSource()
        told: list[bool] = []
        response = Response(200, make_response().fields, BodyStream(9, source))
        response.on_sent(told.append)
        task = started(_given(Site(does, ScriptedUpstream(response)).handler))
        task.cancel()  # the one that still hangs
        assert isinstance(await outcome(task), ZeroDivisionError | RefusedError | asyncio.CancelledError)
        assert (source.told, told) == (["cancel"], [False])

    @pytest.mark.parametrize("does", [hangs, hangs_late])
    async def test_who_takes_too_long_is_ended(self, does: Does) -> None:
        site = Site(does, time=SHORT)
        error = await site.ask()
        assert isinstance(error, PluginTimeoutError)
        assert (error.status, error.detail) == (500, "the plugin odd took longer than 0.02 s")
        assert site.counted(GuardReason.OVERDUE, "refused") == 1


class TestPassing:
    @pytest.mark.parametrize("does", [fails, fails_late, hangs, hangs_late])
    async def test_the_request_goes_on_as_if_the_plugin_were_not_there(self, does: Does) -> None:
        site, request = Site(does, on_failure="pass", time=SHORT), make_request()
        with capture_logs() as logged:
            response = await site.ask(request)
        assert (response.status, pairs(response.fields), response.body) == (200, [("X-From", "origin")], b"ok")
        reason = GuardReason.OVERDUE if does in (hangs, hangs_late) else GuardReason.FAILED
        assert [(each.by, each.reason) for each in request.trail] == [("odd", reason)]
        assert site.counted(reason, "passed") == 1
        assert isinstance(site.upstream, ScriptedUpstream)
        assert len(site.upstream.requests) == 1
        assert [(each["event"], each["plugin"]) for each in logged] == [(reason.sentence, "odd")]

    async def test_what_the_plugin_changed_in_the_request_is_undone(self) -> None:
        async def half(request: Request, inner: Handler) -> Response:
            request.fields.set(b"X-Secret", b"1")
            request.method, request.target, request.body = "PUT", b"/elsewhere", b"other"
            raise ZeroDivisionError

        site = Site(half, on_failure="pass")
        await site.ask(make_request("POST", "/here", {"X-Its": "own"}, b"content"))
        assert isinstance(site.upstream, ScriptedUpstream)
        (seen,) = site.upstream.requests
        assert (seen.method, seen.target, seen.body) == ("POST", b"/here", b"content")
        assert pairs(seen.fields) == [("X-Its", "own")]

    async def test_content_that_was_read_cannot_be_had_again(self) -> None:
        async def reads(request: Request, inner: Handler) -> Response:
            assert isinstance(request.body, BodyStream)
            await request.body.read(9)
            raise ZeroDivisionError

        site = Site(reads, on_failure="pass")
        assert isinstance(await site.ask(make_request("POST", body=stream_of(b"content"))), ZeroDivisionError)
        assert site.counted(GuardReason.FAILED, "refused") == 1

    async def test_nor_that_of_an_answer(self) -> None:
        async def reads(request: Request, inner: Handler) -> Response:
            body = (await inner(request)).body
            assert isinstance(body, BodyStream)
            await body.read(9)
            raise ZeroDivisionError

        response = Response(200, make_response().fields, stream_of(b"content"))
        assert isinstance(await Site(reads, ScriptedUpstream(response), on_failure="pass").ask(), ZeroDivisionError)

    async def test_nobody_is_asked_twice(self) -> None:
        async def asks_in_a_task_of_its_own(request: Request, inner: Handler) -> Response:
            await asyncio.ensure_future(inner(request))
            raise ZeroDivisionError

        async def asks_and_swallows(request: Request, inner: Handler) -> Response:
            try:
                return await inner(request)
            except UpstreamClosedError:
                raise ZeroDivisionError from None

        site = Site(asks_in_a_task_of_its_own, on_failure="pass")
        assert isinstance(await site.ask(), ZeroDivisionError)
        other = Site(asks_and_swallows, ScriptedUpstream(UpstreamClosedError()), on_failure="pass")
        assert isinstance(await other.ask(), ZeroDivisionError)
        for each in (site.upstream, other.upstream):
            assert isinstance(each, ScriptedUpstream)
            assert len(each.requests) == 1

    async def test_an_answer_that_others_get_too_is_not_changed_and_not_given_again(self) -> None:
        shared = make_response(200, {"X-From": "store"}, b"ok")
        shared.shared, shared.replay = True, object()  # type: ignore[assignment]

        async def copies(request: Request, inner: Handler) -> Response:
            (await inner(request)).copy().fields.set(b"X-From", b"half")
            raise ZeroDivisionError

        given = await Site(copies, ScriptedUpstream(shared), on_failure="pass").ask()
        assert given is not shared
        assert (given.replay, given.shared, pairs(given.fields)) == (None, False, [("X-From", "store")])
        assert shared.replay is not None

    async def test_the_log_is_not_filled_by_each_of_them(self) -> None:
        site = Site(fails, on_failure="pass")
        with capture_logs() as logged:
            for _ in range(5):
                await site.ask()
            site.clock.advance(10)
            await site.ask()
        assert [each.get("not_logged") for each in logged] == [None, 4]


class TestNotAFailure:
    async def test_decisions_and_errors_from_behind_pass(self) -> None:
        async def refuses(request: Request, inner: Handler) -> Response:
            raise RefusedError("no")

        async def asks(request: Request, inner: Handler) -> Response:
            return await inner(request)

        for does, trouble in ((refuses, RefusedError), (asks, UpstreamClosedError), (asks, KeyError)):
            site = Site(does, ScriptedUpstream(trouble("x")), on_failure="pass", time=NEVER)
            assert isinstance(await site.ask(), trouble)
            assert not any(site.counted(reason, end) for reason in GuardReason for end in ("passed", "refused"))

    async def test_while_those_behind_work_its_clock_stands_still(self) -> None:
        rings: list[bool] = []

        def note() -> None:
            passage = guard._passage.get()
            assert passage is not None
            assert passage.limit is not None
            rings.append(passage.limit.when() is not None)

        async def behind(request: Request) -> Response:
            note()
            await asyncio.sleep(0)
            note()
            return make_response()

        async def once(request: Request, inner: Handler) -> Response:
            note()
            response = await inner(request)
            note()
            return response

        async def twice_at_once(request: Request, inner: Handler) -> Response:
            first, _ = await asyncio.gather(inner(request), inner(request))
            note()
            return first

        assert (await Site(once, behind, time=NEVER).ask()).status == 200
        assert rings == [True, False, False, True]
        rings.clear()
        assert (await Site(twice_at_once, behind, time=NEVER).ask()).status == 200
        assert rings == [False, False, False, False, True]

    async def test_what_it_took_before_counts_afterwards(self) -> None:
        async def slow_at_both_ends(request: Request, inner: Handler) -> Response:
            passage = guard._passage.get()
            assert passage is not None
            assert passage.limit is not None
            passage.limit.reschedule(asyncio.get_running_loop().time() + 0.02)
            await inner(request)
            return await hangs(request, inner)

        assert isinstance(await Site(slow_at_both_ends, time=NEVER).ask(), PluginTimeoutError)

    async def test_a_client_that_leaves_is_none(self) -> None:
        site = Site(hangs, on_failure="pass", time=NEVER)
        task = started(self._of(site))
        task.cancel()
        assert isinstance(await outcome(task), asyncio.CancelledError)
        assert not any(site.counted(reason, end) for reason in GuardReason for end in ("passed", "refused"))

    async def _of(self, site: Site) -> Response:
        return await site.handler(make_request())

    async def test_a_task_that_goes_on_after_the_answer_is_let_alone(self) -> None:
        going_on = asyncio.Event()
        ended: list[int] = []

        async def later(request: Request, inner: Handler) -> Response:
            tasks.append(asyncio.ensure_future(behind(request, inner)))
            return make_response(202)

        async def behind(request: Request, inner: Handler) -> None:
            await going_on.wait()
            ended.append((await inner(request)).status)

        tasks: list[asyncio.Future[None]] = []
        assert (await Site(later, time=NEVER).ask()).status == 202
        going_on.set()
        await tasks[0]
        assert ended == [200]


class TestNesting:
    async def test_each_guard_has_its_own_clock_and_its_own_answer(self) -> None:
        figures = Figures.in_memory()

        def around(name: str, does: Does, inner: Handler) -> Handler:
            settings = GuardSettings(on_failure="pass")
            return Guard(name, settings, make_runtime(figures=figures)).around(Odd(does), inner)

        async def adds(request: Request, inner: Handler) -> Response:
            response = await inner(request)
            response.fields.add(b"X-Added", b"1")
            return response

        upstream = ScriptedUpstream(lambda request: make_response())
        handler = around("a", fails_late, around("b", adds, around("c", fails, upstream)))
        response = await outcome(started(_given(handler)))
        assert (response.status, pairs(response.fields)) == (200, [("X-Added", "1")])

    async def test_a_request_made_for_the_sake_of_another_is_apart(self) -> None:
        async def asks_itself(request: Request, inner: Handler) -> Response:
            if request.target == b"/inner":
                raise ZeroDivisionError
            part = await site.handler(make_request(target="/inner"))
            response = await inner(request)
            response.fields.set(b"X-Part", str(part.status).encode())
            return response

        site = Site(asks_itself, on_failure="pass", time=NEVER)
        assert pairs((await site.ask()).fields) == [("X-From", "origin"), ("X-Part", "200")]


async def _given(handler: Handler) -> Response:
    return await handler(make_request())


class TestInChains:
    async def test_plugins_of_others_have_one_and_rooms_where_it_is_set(self) -> None:
        plain = PluginUse("headers", base.Settings())
        theirs = PluginUse(f"{__name__}:Theirs", base.Settings())
        mine = PluginUse("headers", base.Settings(), GuardSettings())
        runtime = make_runtime()
        assert [await self._guards(use, runtime) for use in (plain, theirs, mine)] == [False, True, True]

    async def _guards(self, use: PluginUse, runtime: Runtime) -> bool:
        from gateway.chain.registry import settings_of

        checked = PluginUse(use.name, settings_of(use.name).model_validate({}), use.guard)
        _, (plugin,) = await build_chain("r", [checked], ScriptedUpstream(), runtime)
        await plugin.close()
        return plugin.guard is not None

    async def test_one_that_changes_nothing_costs_nothing(self) -> None:
        upstream = ScriptedUpstream()
        assert Guard("idle", GuardSettings(), make_runtime()).around(Plugin(None, make_runtime()), upstream) is upstream

    def test_a_short_way_that_fails_is_none(self) -> None:
        answer = make_response()

        class Short(Theirs):
            def wrap_at_once(self, inner: Any) -> Any:
                def at_once(request: Request) -> Response | None:
                    if request.target == b"/refused":
                        raise RefusedError("no")
                    if request.target == b"/mistake":
                        raise ZeroDivisionError
                    return answer

                return at_once

        plugin = Short(None, make_runtime())
        plugin.guard = Guard("short", GuardSettings(), make_runtime())
        at_once = short_way([plugin])
        assert at_once is not None
        assert at_once(make_request()) is answer
        assert at_once(make_request(target="/mistake")) is None
        with pytest.raises(GatewayError):
            at_once(make_request(target="/refused"))
        plugin.wrap_at_once = lambda inner: None  # type: ignore[method-assign]
        assert short_way([plugin]) is None


class Theirs(Plugin):
    """A plugin from outside."""

    class Settings(base.Settings):
        """No settings."""


@pytest.mark.parametrize("loop", LOOPS)
def test_on_both_loops(loop: str) -> None:
    async def main() -> None:
        assert (await Site(hangs_late, on_failure="pass", time=SHORT).ask()).status == 200

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(main())
