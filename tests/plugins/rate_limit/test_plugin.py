import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.api import Handler, RefusedError, Request, Runtime, Tasks, UpstreamConnectError
from gateway.figures import Figures
from plugins.rate_limit import PLUGIN
from plugins.rate_limit.limits import RateLimitReason
from plugins.rate_limit.settings import RateLimitSettings
from tests.support.plugins import (
    ManualClock,
    ScriptedUpstream,
    chain_of,
    fields_of,
    make_request,
    make_response,
    make_runtime,
    pairs,
    without_waiting,
)


def limited(
    upstream: ScriptedUpstream | None = None, runtime: Runtime | None = None, rate: str = "2/m", **more: Any
) -> Handler:
    limit = {"rate": rate, **more.pop("limit", {})}
    return chain_of(PLUGIN, upstream or ScriptedUpstream(), runtime, limits=limit, **more)


def refused(handler: Handler, request: Request) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        without_waiting(handler(request))
    return caught.value


def test_who_asks_too_often_is_told_when_to_come_again() -> None:
    clock = ManualClock()
    upstream = ScriptedUpstream()
    handler = limited(upstream, make_runtime(clock=clock))
    for _ in range(2):
        without_waiting(handler(make_request()))
    request = make_request()
    error = refused(handler, request)
    assert (error.status, error.retry_after, error.limit) == (429, 30.0, "rate_limit.default")
    assert "default allows 2 in 60 s" in error.detail
    assert request.error_fields is not None
    assert pairs(request.error_fields) == [
        ("RateLimit-Policy", '"default";q=2;w=60'),
        ("RateLimit", '"default";r=0;t=30'),
    ]
    assert [decision.reason for decision in request.trail] == [RateLimitReason.REFUSED]
    assert len(upstream.requests) == 2
    clock.advance(30)
    without_waiting(handler(make_request()))


def test_clients_do_not_share_a_limit() -> None:
    handler = limited()
    for peer in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
        for _ in range(2):
            without_waiting(handler(make_request(peer=peer)))
        refused(handler, make_request(peer=peer))


def test_answers_say_how_much_is_left() -> None:
    handler = limited(ScriptedUpstream(lambda request: make_response(fields={"ETag": '"1"'})))
    assert pairs(without_waiting(handler(make_request())).fields) == [
        ("ETag", '"1"'),
        ("RateLimit-Policy", '"default";q=2;w=60'),
        ("RateLimit", '"default";r=1;t=30'),
    ]


def test_errors_of_the_upstream_say_it_too() -> None:
    request = make_request()
    with pytest.raises(UpstreamConnectError):
        without_waiting(limited(ScriptedUpstream(UpstreamConnectError()))(request))
    assert request.error_fields is not None
    assert b"ratelimit" in request.error_fields


@pytest.mark.parametrize(("shown", "on_answers", "on_refusals"), [("refused", False, True), ("never", False, False)])
def test_they_may_be_silent(shown: str, on_answers: bool, on_refusals: bool) -> None:
    handler = limited(fields=shown, rate="1/m")
    assert (b"ratelimit" in without_waiting(handler(make_request())).fields) == on_answers
    request = make_request()
    assert refused(handler, request).retry_after == 60
    assert (request.error_fields is not None) == on_refusals


def test_an_exempt_network_has_no_limit() -> None:
    figures = Figures.in_memory()
    handler = limited(runtime=make_runtime(figures=figures), exempt="192.0.2.0/24")
    for _ in range(5):
        assert b"ratelimit" not in without_waiting(handler(make_request())).fields
    assert figures.value("rate_limit_exempt_total", route="default") == 5


def test_a_dry_run_only_counts() -> None:
    figures = Figures.in_memory()
    handler = limited(runtime=make_runtime(figures=figures), limit={"dry_run": True})
    requests = [make_request() for _ in range(5)]
    for request in requests:
        assert b"ratelimit" not in without_waiting(handler(request)).fields

    def counted(outcome: str) -> float:
        return figures.value("rate_limit_requests_total", route="default", limit="default", outcome=outcome)

    assert (counted("allowed"), counted("would_refuse"), counted("refused")) == (2, 3, 0)
    assert [decision.reason for decision in requests[-1].trail] == [RateLimitReason.WOULD_REFUSE]


def test_a_request_that_no_limit_is_for_passes_untouched() -> None:
    handler = limited(limit={"methods": "POST"})
    for _ in range(5):
        assert len(without_waiting(handler(make_request())).fields) == 0


def test_the_upstream_may_say_what_a_request_cost() -> None:
    upstream = ScriptedUpstream(lambda request: make_response(fields={"X-Cost": "9"}))
    handler = limited(upstream, rate="10/m", limit={"cost_field": "X-Cost"})
    answer = without_waiting(handler(make_request()))
    assert b"x-cost" not in answer.fields
    without_waiting(handler(make_request()))
    refused(handler, make_request())


async def test_a_store_that_answers_later_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = PLUGIN(RateLimitSettings.model_validate({"limits": {"rate": "1/m"}}), make_runtime())
    store = plugin._store
    at_once, corrected = store.take, store.correct

    async def later(*arguments: Any) -> Any:
        await asyncio.sleep(0)
        return at_once(*arguments)

    monkeypatch.setattr(store, "take", later)
    handler = plugin.wrap(ScriptedUpstream())
    await handler(make_request())
    with pytest.raises(RefusedError):
        await handler(make_request())
    assert corrected is not None


def test_a_reload_keeps_the_debts() -> None:
    runtime = make_runtime()
    settings = RateLimitSettings.model_validate({"limits": {"rate": "1/m"}})
    before = PLUGIN(settings, runtime)
    without_waiting(before.wrap(ScriptedUpstream())(make_request()))
    after = PLUGIN(settings, runtime)
    without_waiting(before.close())
    del before
    refused(after.wrap(ScriptedUpstream()), make_request())


def test_explain_says_how_a_client_stands_and_takes_nothing() -> None:
    plugin = PLUGIN(
        RateLimitSettings.model_validate({"limits": {"rate": "1/m", "methods": "GET"}, "exempt": "10.0.0.0/8"}),
        make_runtime(),
    )
    asked = make_request()
    for _ in range(3):
        assert plugin.explain(asked)["decision"] == "pass"
    without_waiting(plugin.wrap(ScriptedUpstream())(make_request()))
    told = plugin.explain(asked)
    assert (told["decision"], told["reason"]) == ("refuse", "refused")
    assert told["why"] == "default is used up for another 60 s"
    assert told["limits"]["default"]["remaining"] == 0
    assert plugin.explain(make_request(peer="10.1.1.1"))["reason"] == "exempt"
    assert plugin.explain(make_request("POST"))["why"] == "no limit is for this request"


class Wire:
    """The supervisor between workers: hands on what one of them tells the others."""

    def __init__(self) -> None:
        self.handlers: list[Callable[[dict[str, Any]], Awaitable[Any]]] = []
        self.told: list[Any] = []
        self.broken = False
        self.arrived = asyncio.Event()

    def of(self, number: int) -> "Line":
        return Line(self, number)


class Line:
    """A worker's end of it."""

    def __init__(self, wire: Wire, number: int) -> None:
        self._wire = wire
        self._number = number

    def send(self, kind: str, **fields: Any) -> None:
        raise AssertionError("nothing is sent without an answer")

    def on(self, kind: str, handler: Callable[[dict[str, Any]], Awaitable[Any]]) -> None:
        assert kind == "rate_limit"
        self._wire.handlers.append(handler)

    async def call(self, kind: str, *, timeout: float = 5.0, **fields: Any) -> dict[str, Any]:
        assert (kind, fields["to"]) == ("relay", "rate_limit")
        self._wire.told.append(fields["news"])
        if self._wire.broken:
            self._wire.arrived.set()
            raise ConnectionError
        for number, handler in enumerate(self._wire.handlers):
            if number != self._number:
                await handler({"kind": "rate_limit", "news": fields["news"]})
        self._wire.arrived.set()
        return {}


async def two_workers(wire: Wire, rate: str = "4/m") -> list[Handler]:
    settings = RateLimitSettings.model_validate({"limits": {"rate": rate}, "share_every": "10ms"})
    handlers = []
    for number in range(2):
        runtime = replace(make_runtime(), control=wire.of(number), workers=2, tasks=Tasks())
        plugin = PLUGIN(settings, runtime)
        await plugin.open()
        handlers.append(plugin.wrap(ScriptedUpstream()))
    return handlers


async def test_workers_count_together() -> None:
    wire = Wire()
    here, there = await two_workers(wire)
    for _ in range(4):
        await here(make_request())
    await asyncio.wait_for(wire.arrived.wait(), 30)
    with pytest.raises(RefusedError):
        await there(make_request())
    assert [cost for news in wire.told for _, _, cost in news] == [4]


async def test_a_wire_that_broke_is_used_again() -> None:
    wire = Wire()
    here, there = await two_workers(wire)
    wire.broken = True
    await here(make_request())
    await asyncio.wait_for(wire.arrived.wait(), 30)
    await there(make_request())
    wire.broken = False
    wire.arrived.clear()
    for _ in range(3):
        await here(make_request())
    await asyncio.wait_for(wire.arrived.wait(), 30)
    assert sum(cost for news in wire.told for _, _, cost in news) >= 4


async def test_gauges_are_shown_while_it_is_open() -> None:
    figures = Figures.in_memory()
    runtime = make_runtime(figures=figures)
    plugin = PLUGIN(RateLimitSettings.model_validate({"limits": {"rate": "1/m"}}), runtime)
    await plugin.open()
    await plugin.wrap(ScriptedUpstream())(make_request())
    for look in runtime.at_each_sweep:
        look()
    assert figures.value("rate_limit_keys", limit="default") == 1
    await plugin.close()
    assert runtime.at_each_sweep == []


def test_it_counts_so_it_cannot_be_replayed() -> None:
    assert not PLUGIN.replay_safe
    assert fields_of({}) == make_request().fields


def short_way(inner: Any, figures: Figures | None = None, rate: str = "2/m", **settings: Any) -> Any:
    plugin = PLUGIN(
        RateLimitSettings.model_validate({"limits": {"rate": rate}, **settings}), make_runtime(figures=figures)
    )
    return plugin.wrap_at_once(inner)


def test_what_needs_no_wait_is_counted_on_its_short_way_and_refused_on_the_long_one() -> None:
    figures = Figures.in_memory()
    stored = make_response()
    stored.shared = True
    at_once = short_way(lambda request: stored, figures)
    answers = [at_once(make_request()) for _ in range(3)]
    assert [answer and answer.fields.get(b"ratelimit") for answer in answers] == [
        b'"default";r=1;t=30',
        b'"default";r=0;t=60',
        None,
    ]
    assert len(stored.fields) == 0
    assert figures.value("rate_limit_requests_total", route="default", limit="default", outcome="allowed") == 2


def test_what_the_short_way_cannot_answer_takes_nothing() -> None:
    asked: list[Request] = []
    at_once = short_way(lambda request: asked.append(request))
    for _ in range(5):
        assert at_once(make_request()) is None
    assert len(asked) == 5


def test_exempt_clients_have_a_short_way_too() -> None:
    figures, answer = Figures.in_memory(), make_response()
    at_once = short_way(lambda request: answer, figures, rate="1/m", exempt="192.0.2.0/24")
    assert [at_once(make_request()) for _ in range(3)] == [answer] * 3
    assert figures.value("rate_limit_exempt_total", route="default") == 3


def test_without_a_short_way_behind_it_there_is_none() -> None:
    assert short_way(None) is None
