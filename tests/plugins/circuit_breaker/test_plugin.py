import asyncio
from typing import Any

import pytest

from gateway.api import (
    BodyStream,
    CircuitOpenError,
    Handler,
    Request,
    Response,
    StreamAbortedError,
    UpstreamConnectError,
    UpstreamTimeoutError,
)
from gateway.errors import PoolTimeoutError, UpstreamBrokenError
from plugins.circuit_breaker import PLUGIN
from plugins.circuit_breaker.reasons import CircuitReason
from tests.support.circuits import ALONE, Guarded, answering, failing, until
from tests.support.plugins import ScriptedUpstream, SilentUpstream, make_request, make_response

NAME = "server:app/http://a"
DOWN = failing(UpstreamConnectError("refused"))


def reasons(request: Request) -> list[object]:
    return [decision.reason for decision in request.trail]


async def opened(*answers: Any, **settings: Any) -> Guarded:
    """A worker whose upstream has failed twice, and goes on with `answers`."""
    guarded = Guarded(ScriptedUpstream(DOWN, DOWN, *(answers or (DOWN,))), **settings)
    for _ in range(2):
        assert isinstance(await guarded.get(), UpstreamConnectError)
    assert "open" in guarded.states().values()
    return guarded


def requests_of(guarded: Guarded) -> list[Request]:
    assert isinstance(guarded.upstream, ScriptedUpstream)
    return guarded.upstream.requests


async def test_what_comes_back_while_all_is_well_is_what_the_upstream_said() -> None:
    theirs = make_response(200, {"A": "b"}, BodyStream())
    guarded = Guarded(ScriptedUpstream(theirs))
    request = make_request()
    assert await guarded.get(request) is theirs
    assert request.trail == []
    assert request.avoid == frozenset()


async def test_an_open_circuit_refuses_with_503_the_reason_and_when_to_come_back() -> None:
    guarded = await opened(open_for="5s")
    guarded.clock.advance(1.5)
    request = make_request()
    refused = await guarded.get(request)
    assert isinstance(refused, CircuitOpenError)
    assert (refused.status, refused.retry_after) == (503, 4.0)
    assert "2 of 2 exchanges failed" in refused.detail
    assert len(requests_of(guarded)) == 2
    assert reasons(request) == [CircuitReason.REFUSED]
    assert guarded.figures.value("circuit_breaker_requests_total", route="default", outcome="circuit_open") == 1


async def test_it_closes_after_a_probe_that_succeeded_and_everything_passes_again() -> None:
    guarded = await opened(answering())
    guarded.clock.advance(5.0)
    probe, after = make_request(), make_request()
    assert isinstance(await guarded.get(probe), Response)
    assert reasons(probe) == [CircuitReason.PROBE]
    assert guarded.states() == {NAME: "closed"}
    assert isinstance(await guarded.get(after), Response)
    assert after.trail == []


async def test_half_open_one_of_500_waiting_is_the_probe_and_the_others_are_refused() -> None:
    silent = SilentUpstream()
    guarded = await opened(probes=3)
    guarded.handle = guarded.plugin.wrap(silent)
    guarded.clock.advance(5.0)
    waiting = [asyncio.ensure_future(guarded.get()) for _ in range(500)]
    await silent.entered.wait()
    await until(lambda: sum(task.done() for task in waiting) >= 497)
    silent.release()
    answers = await asyncio.gather(*waiting)
    assert sum(isinstance(answer, Response) for answer in answers) == 3
    assert sum(isinstance(answer, CircuitOpenError) for answer in answers) == 497


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_answers_that_are_failures_open_it_and_are_handed_on(status: int) -> None:
    guarded = Guarded(ScriptedUpstream(answering(status=status)))
    for _ in range(2):
        answer = await guarded.get()
        assert isinstance(answer, Response)
        assert answer.status == status
    assert guarded.states() == {NAME: "open"}


@pytest.mark.parametrize(
    "answer",
    [answering(status=404), answering(status=429), answering(status=501), failing(PoolTimeoutError("full"))],
    ids=["404", "429", "501", "pool"],
)
async def test_what_proves_nothing_leaves_it_closed(answer: Any) -> None:
    guarded = Guarded(ScriptedUpstream(answer))
    for _ in range(20):
        await guarded.get()
    assert set(guarded.states().values()) <= {"closed"}


async def test_clients_that_leave_prove_nothing_and_give_their_permits_back() -> None:
    guarded = await opened(probes=1)
    guarded.handle = guarded.plugin.wrap(SilentUpstream())
    guarded.clock.advance(5.0)
    for _ in range(10):
        leaving = asyncio.ensure_future(guarded.get())
        await asyncio.sleep(0)
        assert not leaving.done(), "the permit of the one before is still taken"
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
    assert guarded.states() == {NAME: "half-open"}


async def test_an_exchange_begun_before_the_circuit_changed_counts_for_nothing() -> None:
    silent = SilentUpstream()
    guarded = await opened()
    guarded.clock.advance(5.0)
    handle, guarded.handle = guarded.handle, guarded.plugin.wrap(silent)
    probe = asyncio.ensure_future(guarded.get())
    await silent.entered.wait()
    guarded.board.carry_out({"all": True, "action": "reset"}, guarded.clock.monotonic())
    guarded.handle = handle
    for _ in range(2):
        await guarded.get()
    assert guarded.states() == {NAME: "open"}
    silent.release()
    await probe
    assert guarded.states() == {NAME: "open"}


async def test_a_body_that_breaks_off_counts_when_it_does() -> None:
    bodies = [BodyStream() for _ in range(3)]

    def answer(request: Request) -> Response:
        request.served_by = ALONE
        return make_response(200, (), bodies[len(requests_of(guarded)) - 1])

    guarded = Guarded(ScriptedUpstream(answer))
    for _ in bodies:
        await guarded.get()
    bodies[0].abort()
    bodies[1].fail(StreamAbortedError("the client left"))
    assert guarded.board.listing(guarded.clock.monotonic())[0]["failures"] == 0
    bodies[2].fail(UpstreamBrokenError("half of it"))
    assert guarded.board.listing(guarded.clock.monotonic())[0]["failures"] == 1
    assert guarded.board.listing(guarded.clock.monotonic())[0]["calls"] == 3


async def test_slow_heads_open_it_where_that_is_wanted() -> None:
    guarded = Guarded(slow_call="1s", slow_rate=0.5)

    async def slow(request: Request) -> Response:
        guarded.clock.advance(1.5)
        return answering()(request)

    guarded.handle = guarded.plugin.wrap(slow)
    for _ in range(2):
        await guarded.get()
    assert guarded.states() == {NAME: "open"}


async def test_one_bad_server_of_three_is_gone_around() -> None:
    def answer(request: Request) -> Response:
        at_hand = [server for server in guarded.servers if server not in request.avoid] or guarded.servers
        request.served_by = at_hand[0]
        if at_hand[0] == "http://a":
            raise UpstreamTimeoutError("no answer")
        return make_response()

    guarded = Guarded(ScriptedUpstream(answer), servers=["http://a", "http://b", "http://c"])
    answers = [await guarded.get() for _ in range(10)]
    assert [isinstance(each, Response) for each in answers] == [False] * 2 + [True] * 8
    request = make_request()
    await guarded.get(request)
    assert request.served_by == "http://b"
    assert request.avoid == frozenset(), "what this attempt avoided is no concern of the next"
    assert reasons(request) == [CircuitReason.AROUND]


async def test_a_probe_goes_to_the_server_that_is_to_be_tried() -> None:
    def answer(request: Request) -> Response:
        at_hand = [server for server in guarded.servers if server not in request.avoid] or guarded.servers
        request.served_by = at_hand[-1]
        return make_response()

    guarded = Guarded(ScriptedUpstream(answer), servers=["http://a", "http://b"])
    guarded.board.carry_out({"all": True, "action": "reset"}, guarded.clock.monotonic())
    guarded.plugin._group.breaker("http://a").hold_open(guarded.clock.monotonic(), 5.0)
    request = make_request()
    await guarded.get(request)
    assert request.served_by == "http://b"
    guarded.clock.advance(5.0)
    probe = make_request()
    await guarded.get(probe)
    assert probe.served_by == "http://a"
    assert guarded.states()["server:app/http://a"] == "closed"


async def test_by_upstream_all_servers_share_a_circuit_and_by_route_routes_do_not() -> None:
    guarded = Guarded(ScriptedUpstream(answering("http://a", 500), answering("http://b", 500)), per="upstream")
    for _ in range(2):
        await guarded.get()
    assert guarded.states() == {"upstream:app": "open"}
    by_route = guarded.make(per="route")
    guarded.board.join(by_route._group)
    assert guarded.states() == {"upstream:app": "open", "route:default": "closed"}
    assert isinstance(await by_route.wrap(ScriptedUpstream(answering()))(make_request()), Response)


async def test_a_reload_keeps_the_circuits_and_applies_its_rules() -> None:
    guarded = await opened(open_for="5s")
    after = guarded.make(open_for="5s", minimum_calls=50)
    await after.open()
    await guarded.plugin.close()
    guarded.handle = after.wrap(guarded.upstream)
    assert isinstance(await guarded.get(), CircuitOpenError)
    guarded.board.carry_out({"all": True, "action": "reset"}, guarded.clock.monotonic())
    for _ in range(10):
        await guarded.get()
    assert guarded.states() == {NAME: "closed"}


async def test_explain_says_how_the_circuits_stand_and_changes_nothing() -> None:
    assert Guarded().plugin.explain(make_request()) == {"decision": "pass", "reason": "closed", "circuits": []}
    guarded = await opened()
    guarded.clock.advance(100.0)
    assert guarded.plugin.explain(make_request()) == {
        "decision": "refuse",
        "reason": "open",
        "circuits": [f"{NAME}: open"],
    }
    assert guarded.states() == {NAME: "open"}


def test_it_comes_after_what_answers_or_asks_again() -> None:
    assert {"cache", "coalesce", "retry"} <= set(PLUGIN.after)
    assert not PLUGIN.replay_safe


def streaming(body: BodyStream) -> Handler:
    """The end of the road where an answer comes with this content."""

    async def answer(request: Request) -> Response:
        response = answering()(request)
        response.body = body
        return response

    return answer


@pytest.mark.parametrize(("ends", "state"), [("well", "closed"), ("broken", "open"), ("client left", "half-open")])
async def test_a_probe_is_judged_when_its_content_has_come(ends: str, state: str) -> None:
    body = BodyStream()
    guarded = await opened(probes=1, open_for="5s")
    guarded.handle = guarded.plugin.wrap(streaming(body))
    guarded.clock.advance(5.0)
    assert isinstance(await guarded.get(), Response)
    assert guarded.states() == {NAME: "half-open"}
    assert isinstance(await guarded.get(), CircuitOpenError), "its permit is taken until the content has come"
    if ends == "well":
        body.finish()
    elif ends == "broken":
        body.fail(UpstreamBrokenError("gone"))
    else:
        body.abort()
    assert guarded.states() == {NAME: state}
    assert isinstance(await guarded.get(), CircuitOpenError if state == "open" else Response)


async def test_a_probe_whose_content_goes_on_and_on_is_judged_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.circuit_breaker.plugin.PATIENCE_SECONDS", 0.0)
    guarded = await opened(probes=1, open_for="5s")
    guarded.handle = guarded.plugin.wrap(streaming(BodyStream()))
    guarded.clock.advance(5.0)
    await guarded.get()
    assert guarded.states() == {NAME: "half-open"}
    await until(lambda: guarded.states() == {NAME: "closed"})


async def test_a_probe_whose_head_came_late_has_failed_however_well_its_content_came() -> None:
    body = BodyStream()
    guarded = await opened(probes=1, open_for="5s", slow_call="1s")

    async def late(request: Request) -> Response:
        guarded.clock.advance(2.0)
        return await streaming(body)(request)

    guarded.handle = guarded.plugin.wrap(late)
    guarded.clock.advance(5.0)
    await guarded.get()
    body.finish()
    assert guarded.states() == {NAME: "open"}
