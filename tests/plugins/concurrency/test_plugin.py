import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from gateway.api import (
    BodyStream,
    Handler,
    Monotonic,
    OverloadedError,
    Request,
    Response,
    Runtime,
    UpstreamTimeoutError,
)
from gateway.figures import Figures
from plugins.concurrency import PLUGIN
from plugins.concurrency.gate import ConcurrencyReason
from plugins.concurrency.limiter import Gradient
from plugins.concurrency.settings import ConcurrencySettings
from tests.support.light_tasks import Recorded, outcome, started, turns, value_of
from tests.support.plugins import (
    ManualClock,
    ScriptedUpstream,
    chain_of,
    make_request,
    make_response,
    make_runtime,
    without_waiting,
)
from tests.support.roads import Later


def asks(answer: Awaitable[Response]) -> Recorded:
    return started(value_of(answer))


def limited(inner: Any, runtime: Runtime | None = None, limit: int = 1, **settings: Any) -> Handler:
    return chain_of(PLUGIN, inner, runtime, limit=limit, **settings)


def test_a_place_is_given_back_when_the_answer_has_been_sent() -> None:
    handler = limited(ScriptedUpstream(lambda request: make_response()), queue={"size": 0})
    answer = without_waiting(handler(make_request()))
    request = make_request()
    with pytest.raises(OverloadedError) as refused:
        without_waiting(handler(request))
    assert (refused.value.status, refused.value.retry_after, refused.value.limit) == (503, 1.0, "concurrency.queue")
    assert [decision.reason for decision in request.trail] == [ConcurrencyReason.FULL]
    answer.sent(True)
    without_waiting(handler(make_request()))


def test_a_place_is_given_back_with_the_head_where_the_settings_say_so() -> None:
    handler = limited(ScriptedUpstream(lambda request: make_response()), queue={"size": 0}, held_until="head")
    for _ in range(3):
        without_waiting(handler(make_request()))


def test_a_websocket_counts_until_it_is_opened() -> None:
    handler = limited(ScriptedUpstream(lambda request: make_response(101)), queue={"size": 0})
    for _ in range(3):
        without_waiting(handler(make_request()))


@pytest.mark.parametrize("error", [UpstreamTimeoutError(), ValueError()])
def test_an_error_gives_its_place_back(error: Exception) -> None:
    handler = limited(ScriptedUpstream(error), queue={"size": 0})
    for _ in range(3):
        with pytest.raises(type(error)):
            without_waiting(handler(make_request()))


def test_a_dropped_answer_gives_its_place_back_once() -> None:
    figures = Figures.in_memory()
    runtime = make_runtime(figures=figures)
    handler = limited(ScriptedUpstream(lambda request: Response(200, make_response().fields, BodyStream())), runtime)
    for _ in range(3):
        answer = without_waiting(handler(make_request()))
        answer.discard()
        answer.sent(False)
    assert figures.value("concurrency_requests_total", route="default", outcome="admitted") == 3


async def test_who_waits_is_let_in_in_turn() -> None:
    upstream = Later()
    handler = limited(upstream)
    tasks = [asks(handler(make_request(peer=peer))) for peer in ("192.0.2.1", "192.0.2.1", "192.0.2.2")]
    served = []
    for _ in tasks:
        served.append(upstream.requests[-1].client)
        await upstream.answer()
        for task in tasks:
            for end in task.ends:
                if isinstance(end, Response):
                    end.sent(True)
        await turns()
    assert served == ["192.0.2.1", "192.0.2.1", "192.0.2.2"]
    assert [decision.reason for decision in upstream.requests[2].trail] == [ConcurrencyReason.WAITED]


async def test_a_client_that_leaves_while_it_waits_leaves_the_queue() -> None:
    upstream = Later()
    handler = limited(upstream)
    first = asks(handler(make_request()))
    gone, stays = asks(handler(make_request())), asks(handler(make_request()))
    gone.cancel()
    assert isinstance(await outcome(gone), asyncio.CancelledError)
    await upstream.answer()
    (await outcome(first)).sent(True)
    await turns()
    await upstream.answer()
    assert isinstance(await outcome(stays), Response)
    assert len(upstream.requests) == 2


async def test_a_client_that_leaves_in_the_moment_it_is_let_in_gives_its_place_back() -> None:
    upstream = Later()
    handler = limited(upstream)
    first = asks(handler(make_request()))
    gone, stays = asks(handler(make_request())), asks(handler(make_request()))
    await upstream.answer()
    (await outcome(first)).sent(True)  # lets `gone` in
    gone.cancel()  # before it has heard of it
    assert isinstance(await outcome(gone), asyncio.CancelledError)
    await turns()
    await upstream.answer()
    assert isinstance(await outcome(stays), Response)


async def test_cancelled_first_and_let_in_then_gives_the_place_on() -> None:
    upstream = Later()
    handler = limited(upstream)
    first = asks(handler(make_request()))
    gone, stays = asks(handler(make_request())), asks(handler(make_request()))
    await upstream.answer()
    answer = await outcome(first)
    gone.cancel()
    answer.sent(True)
    assert isinstance(await outcome(gone), asyncio.CancelledError)
    await turns()
    await upstream.answer()
    assert isinstance(await outcome(stays), Response)


async def test_a_wait_that_is_too_long_ends_with_503() -> None:
    clock = ManualClock()
    upstream = Later()
    handler = limited(upstream, make_runtime(clock=clock), queue={"wait": "20ms", "target": "20ms"})
    asks(handler(make_request()))
    request = make_request()
    waits = asks(handler(request))
    clock.advance(0.021)
    error = await outcome(waits)
    assert isinstance(error, OverloadedError)
    assert "the wait was too long" in error.detail
    assert [decision.reason for decision in request.trail] == [ConcurrencyReason.TOO_LONG]
    await upstream.answer()


async def test_a_deadline_ends_the_wait_early() -> None:
    clock = ManualClock()
    upstream = Later()
    handler = limited(upstream, make_runtime(clock=clock), queue={"wait": "60s", "target": "20ms", "interval": "50s"})
    asks(handler(make_request()))
    request = make_request()
    request.deadline = Monotonic(clock.monotonic() + 0.5)
    waits = asks(handler(request))
    clock.advance(0.6)
    assert isinstance(await outcome(waits), OverloadedError)
    assert [decision.reason for decision in request.trail] == [ConcurrencyReason.TOO_LATE]
    await upstream.answer()


async def test_what_matters_more_pushes_out_what_waits_and_health_checks_pass() -> None:
    upstream = Later()
    runtime = make_runtime()
    normal = limited(upstream, runtime, per="upstream", queue={"size": 1})
    high = limited(upstream, runtime, per="upstream", queue={"size": 1}, priority="high")
    critical = limited(upstream, runtime, per="upstream", queue={"size": 1}, priority="critical")
    asks(normal(make_request()))
    pushed = asks(normal(make_request()))
    asks(high(make_request()))
    error = await outcome(pushed)
    assert isinstance(error, OverloadedError)
    assert "others matter more" in error.detail
    health = asks(critical(make_request("GET", "/healthz")))
    assert upstream.requests[-1].target == b"/healthz"
    await upstream.answer()
    await upstream.answer()
    assert isinstance(await outcome(health), Response)


async def test_a_reload_knows_of_those_that_are_still_under_way() -> None:
    upstream = Later()
    runtime = make_runtime()
    before = limited(upstream, runtime, limit=1)
    first = asks(before(make_request()))
    after = limited(upstream, runtime, limit=2, queue={"size": 0})
    second = asks(after(make_request()))
    with pytest.raises(OverloadedError):
        await after(make_request())
    for _ in range(2):
        await upstream.answer()
    for task in (first, second):
        (await outcome(task)).sent(True)
    without = asks(after(make_request()))
    await upstream.answer()
    assert isinstance(await outcome(without), Response)


def test_a_configuration_that_is_only_prepared_changes_nothing() -> None:
    runtime = make_runtime()
    handler = limited(ScriptedUpstream(lambda request: make_response()), runtime, limit=1, queue={"size": 0})
    limited(ScriptedUpstream(), runtime, limit=50)
    without_waiting(handler(make_request()))
    with pytest.raises(OverloadedError):
        without_waiting(handler(make_request()))


def test_routes_have_limits_of_their_own_unless_they_share_one() -> None:
    runtime = make_runtime()

    def two(per: str) -> list[Handler]:
        lasting = runtime.lasting
        return [
            limited(
                ScriptedUpstream(lambda request: make_response()),
                Runtime(**{**_fields(make_runtime(route=route)), "lasting": lasting}),
                per=per,
                queue={"size": 0},
            )
            for route in ("a", "b")
        ]

    apart = two("route")
    for handler in apart:
        without_waiting(handler(make_request()))
    one, other = two("upstream")
    without_waiting(one(make_request()))
    with pytest.raises(OverloadedError):
        without_waiting(other(make_request()))


def _fields(runtime: Runtime) -> dict[str, Any]:
    return {name: getattr(runtime, name) for name in runtime.__dataclass_fields__}


@pytest.mark.parametrize(("server", "falls"), [("http://a", True), ("", False)], ids=["upstream", "stand-in"])
async def test_an_adaptive_limit_falls_when_the_upstream_gives_up_and_not_when_somebody_stands_in_for_it(
    server: str, falls: bool
) -> None:
    def answer(request: Request) -> Response:
        request.served_by = server
        return make_response(503)

    clock, figures = ManualClock(), Figures.in_memory()
    runtime = make_runtime(clock=clock, figures=figures)
    plugin = PLUGIN(
        ConcurrencySettings.model_validate({"limit": 100, "adaptive": {"window": "100ms"}, "per": "gateway"}), runtime
    )
    await plugin.open()
    handler = plugin.wrap(ScriptedUpstream(answer))
    for _ in range(5):
        clock.advance(0.2)
        (await handler(make_request())).sent(True)
    for look in runtime.at_each_sweep:
        look()
    assert (figures.value("concurrency_limit", gate="gateway") < 50) is falls
    assert figures.value("concurrency_under_way", gate="gateway") == 0
    await plugin.close()
    assert runtime.at_each_sweep == []


def test_explain_says_whether_there_is_room() -> None:
    plugin = PLUGIN(ConcurrencySettings(limit=1), make_runtime())
    handler = plugin.wrap(ScriptedUpstream(lambda request: make_response()))
    assert plugin.explain(make_request())["decision"] == "pass"
    without_waiting(handler(make_request()))
    assert plugin.explain(make_request()) == {
        "decision": "wait",
        "reason": "waited",
        "why": "as many are under way as may be",
        "under_way": 1,
        "limit": 1,
        "waiting": 0,
    }
    vital = PLUGIN(ConcurrencySettings.model_validate({"priority": "critical"}), make_runtime())
    assert vital.explain(make_request())["reason"] == "critical"


def test_what_needs_no_wait_has_a_short_way_while_there_is_room() -> None:
    figures, answer = Figures.in_memory(), make_response()
    plugin = PLUGIN(ConcurrencySettings(limit=1), make_runtime(figures=figures))
    handler, at_once = (
        plugin.wrap(ScriptedUpstream(lambda request: make_response())),
        plugin.wrap_at_once(lambda request: answer),
    )
    assert at_once is not None
    assert at_once(make_request()) is None  # its settings are not in force yet
    without_waiting(handler(make_request())).sent(True)
    assert [at_once(make_request()) for _ in range(3)] == [answer] * 3
    assert figures.value("concurrency_requests_total", route="default", outcome="admitted") == 4
    without_waiting(handler(make_request()))
    assert at_once(make_request()) is None
    assert plugin.wrap_at_once(None) is None


async def test_a_stand_in_is_no_measure_of_how_fast_the_upstream_can_be() -> None:
    clock = ManualClock()
    plugin = PLUGIN(ConcurrencySettings.model_validate({"limit": 10, "adaptive": {}}), make_runtime(clock=clock))
    handler = plugin.wrap(ScriptedUpstream(lambda request: make_response(200)))
    for _ in range(50):
        clock.advance(0.1)
        (await handler(make_request())).sent(True)
    limiter = plugin._door.gate.limiter
    assert isinstance(limiter, Gradient)
    assert limiter.best is None
