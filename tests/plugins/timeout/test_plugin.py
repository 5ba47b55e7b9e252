import asyncio
from typing import Any

import pytest

from gateway.api import BodyStream, Fields, Handler, RefusedError, Request, Response, StreamEnd, UpstreamTimeoutError
from gateway.figures import Figures
from plugins.timeout import PLUGIN
from plugins.timeout.budget import TimeoutReason
from tests.support.light_tasks import Recorded, outcome, started, value_of
from tests.support.plugins import (
    ManualClock,
    ScriptedUpstream,
    SilentUpstream,
    chain_of,
    make_request,
    make_response,
    make_runtime,
    pairs,
)
from tests.support.roads import Later
from tests.support.streams import RecordingSource

SAID = {"name": "X-Timeout"}


def bounded(
    inner: Any, clock: ManualClock | None = None, figures: Figures | None = None, total: str = "100ms", **settings: Any
) -> Handler:
    return chain_of(PLUGIN, inner, make_runtime(clock=clock, figures=figures), total=total, **settings)


def asks(handler: Handler, request: Request) -> Recorded:
    return started(value_of(handler(request)))


async def test_an_answer_in_time_is_not_touched() -> None:
    response = make_response()
    assert await bounded(ScriptedUpstream(response))(make_request()) is response


async def test_the_deadline_goes_inwards() -> None:
    clock = ManualClock(monotonic=50.0)
    upstream = ScriptedUpstream()
    await bounded(upstream, clock, total="2s")(make_request())
    assert upstream.requests[0].deadline == 52.0


@pytest.mark.parametrize("as_task", [False, True])
async def test_when_time_is_up_the_client_gets_504_and_the_inner_exchange_ends(as_task: bool) -> None:
    clock, figures, upstream = ManualClock(), Figures.in_memory(), Later()
    handler, request = bounded(upstream, clock, figures), make_request()
    error: Any
    if as_task:
        waiting = asyncio.ensure_future(value_of(handler(request)))
        await asyncio.sleep(0)
        clock.advance(0.11)
        (error,) = await asyncio.gather(waiting, return_exceptions=True)
    else:
        light = asks(handler, request)
        clock.advance(0.11)
        error = await outcome(light)
        assert light.cancelling() == 0
    assert isinstance(error, UpstreamTimeoutError)
    assert (error.status, upstream.cancelled) == (504, 1)
    assert "within 0.1 s" in error.detail
    assert [decision.reason for decision in request.trail] == [TimeoutReason.TOTAL]
    assert figures.value("timeout_requests_total", route="default", reason="total") == 1


async def test_an_upstream_that_gives_up_at_the_deadline_is_counted_the_same() -> None:
    clock, figures = ManualClock(), Figures.in_memory()

    def gives_up(request: Request) -> Response:
        clock.advance(0.1)
        raise UpstreamTimeoutError("the upstream did not answer in time")

    request = make_request()
    with pytest.raises(UpstreamTimeoutError, match="the upstream did not"):
        await bounded(ScriptedUpstream(gives_up), clock, figures)(request)
    assert [decision.reason for decision in request.trail] == [TimeoutReason.TOTAL]


async def test_a_time_out_of_the_upstream_alone_is_not_ours() -> None:
    request = make_request()
    with pytest.raises(UpstreamTimeoutError):
        await bounded(ScriptedUpstream(UpstreamTimeoutError()))(request)
    assert request.trail == []


async def test_a_short_deadline_does_not_wait_for_the_others_turn() -> None:
    plugin = PLUGIN(
        PLUGIN.Settings.model_validate({"total": "1h", "downstream_field": SAID, "trust": "everybody"}), make_runtime()
    )
    handler = plugin.wrap(Later())
    asks(handler, make_request())
    first = plugin._timer
    asks(handler, make_request(fields={"X-Timeout": "20"}))
    assert first is not None
    assert plugin._timer is not None
    assert plugin._timer.when() < first.when()


async def test_a_client_that_leaves_is_no_time_out() -> None:
    figures, upstream = Figures.in_memory(), Later()
    light = asks(bounded(upstream, figures=figures), make_request())
    light.cancel()
    assert isinstance(await outcome(light), asyncio.CancelledError)
    assert figures.value("timeout_requests_total", route="default", reason="total") == 0


async def test_a_client_that_leaves_in_the_turn_in_which_time_is_up_has_left() -> None:
    clock, upstream = ManualClock(), Later()
    plugin = PLUGIN(PLUGIN.Settings.model_validate({"total": "100ms"}), make_runtime(clock=clock))
    light = asks(plugin.wrap(upstream), make_request())
    clock.advance(0.11)
    plugin._look()
    light.cancel()
    assert isinstance(await outcome(light), asyncio.CancelledError)


async def test_an_answer_that_comes_all_the_same_is_given() -> None:
    clock = ManualClock()
    waits = SilentUpstream()

    async def stubborn(request: Request) -> Response:
        try:
            return await waits(request)
        except asyncio.CancelledError:
            return make_response(203)

    light = asks(bounded(stubborn, clock), make_request())
    clock.advance(0.11)
    answer = await outcome(light)
    assert answer.status == 203
    assert light.cancelling() == 0


async def test_a_request_whose_time_has_passed_never_goes_upstream() -> None:
    upstream = ScriptedUpstream()
    request = make_request(fields={"X-Timeout": "20"}, trusted=True)
    with pytest.raises(RefusedError, match="no time left") as refused:
        await bounded(upstream, downstream_field=SAID, margin="20ms")(request)
    assert (refused.value.status, upstream.requests) == (504, [])
    assert [decision.reason for decision in request.trail] == [TimeoutReason.PASSED]


async def test_a_deadline_of_the_downstream_is_honoured_and_named() -> None:
    clock, upstream = ManualClock(), Later()
    request = make_request(fields={"X-Timeout": "40"}, trusted=True)
    light = asks(bounded(upstream, clock, total="1m", downstream_field=SAID), request)
    clock.advance(0.05)
    assert isinstance(await outcome(light), UpstreamTimeoutError)
    assert [decision.reason for decision in request.trail] == [TimeoutReason.DEADLINE]


async def test_a_strangers_deadline_is_noted_removed_and_not_honoured() -> None:
    upstream = ScriptedUpstream()
    request = make_request(fields={"X-Timeout": "0"})
    await bounded(upstream, downstream_field=SAID, upstream_field={"name": "X-Left"})(request)
    assert pairs(upstream.requests[0].fields) == [("X-Left", "100")]
    assert [decision.reason for decision in request.trail] == [TimeoutReason.UNTRUSTED]


def streaming() -> tuple[ScriptedUpstream, BodyStream, RecordingSource]:
    source = RecordingSource()
    body = BodyStream(None, source)
    return ScriptedUpstream(Response(200, Fields(), body)), body, source


async def test_a_body_that_does_not_end_in_time_is_cut() -> None:
    clock, figures = ManualClock(), Figures.in_memory()
    upstream, body, source = streaming()
    request = make_request()
    ended = asyncio.Event()
    response = await bounded(upstream, clock, figures, body="50ms")(request)
    assert response.body is body
    body.on_end(lambda end: ended.set())
    clock.advance(0.06)
    await asyncio.wait_for(ended.wait(), 30)
    assert (body.end, source.told) == (StreamEnd.ABORTED, ["cancel"])
    assert [decision.reason for decision in request.trail] == [TimeoutReason.BODY]
    assert figures.value("timeout_requests_total", route="default", reason="body") == 1


async def test_a_body_that_ends_in_time_is_forgotten() -> None:
    clock = ManualClock()
    upstream, body, source = streaming()
    plugin = PLUGIN(PLUGIN.Settings.model_validate({"total": "1s", "body": "1s"}), make_runtime(clock=clock))
    await plugin.wrap(upstream)(make_request())
    body.feed(b"x")
    body.finish()
    clock.advance(5)
    plugin._look()
    assert (body.end, source.told) == (StreamEnd.FINISHED, [])
    assert len(plugin._bodies) == 0


async def test_without_a_bound_for_bodies_they_may_last() -> None:
    upstream, body, _ = streaming()
    plugin = PLUGIN(PLUGIN.Settings.model_validate({"total": "1s"}), make_runtime())
    await plugin.wrap(upstream)(make_request())
    assert (body.end, len(plugin._bodies), len(plugin._exchanges)) == (None, 0, 0)


def test_explain_says_how_much_time_there_is() -> None:
    settings = PLUGIN.Settings.model_validate({"total": "2s", "downstream_field": SAID, "trust": "everybody"})
    plugin = PLUGIN(settings, make_runtime())
    assert plugin.explain(make_request()) == {
        "decision": "pass",
        "reason": "total",
        "why": "it has 2 s, by the route's budget",
        "seconds": 2.0,
    }
    assert plugin.explain(make_request(fields={"X-Timeout": "500"}))["why"] == "it has 0.5 s, by its own deadline"
    assert plugin.explain(make_request(fields={"X-Timeout": "0"}))["decision"] == "refuse"


def test_what_needs_no_wait_needs_no_budget() -> None:
    def inner(request: Request) -> Response:
        return make_response()

    def short_way(**settings: Any) -> Any:
        return PLUGIN(PLUGIN.Settings.model_validate({"total": "1s", **settings}), make_runtime()).wrap_at_once(inner)

    assert short_way() is inner
    assert short_way(downstream_field=SAID) is None
