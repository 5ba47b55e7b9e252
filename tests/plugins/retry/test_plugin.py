import asyncio
from typing import Any

import pytest

from gateway.api import (
    BodyStream,
    CircuitOpenError,
    DownstreamError,
    Monotonic,
    Request,
    Response,
    UpstreamClosedError,
    UpstreamConnectError,
    UpstreamTimeoutError,
)
from plugins.retry import PLUGIN
from plugins.retry.reasons import RetryReason, StopReason
from tests.support.plugins import SilentUpstream, make_request, make_response, without_waiting
from tests.support.retries import Retrying, Servers

REFUSED = UpstreamConnectError("refused")
CLOSED = UpstreamClosedError("gone")
LATE = UpstreamTimeoutError("late")


def reasons(request: Request) -> list[object]:
    return [decision.reason for decision in request.trail]


async def failure(retrying: Retrying, request: Request) -> Exception:
    with pytest.raises(Exception) as raised:  # which one it is, the test says
        await retrying.handle(request)
    return raised.value


def test_an_answer_is_handed_on_and_costs_no_wait() -> None:
    theirs = make_response(200, {}, BodyStream())
    retrying, request = Retrying(Servers(theirs)), make_request()
    assert without_waiting(retrying.handle(request)) is theirs
    assert request.trail == []


@pytest.mark.parametrize("error", [REFUSED, CLOSED, LATE], ids=["connect", "closed", "timeout"])
async def test_another_server_is_asked_when_one_fails(error: Exception) -> None:
    servers = Servers(error, make_response(200))
    retrying, request = Retrying(servers), make_request()
    assert (await retrying.handle(request)).status == 200
    assert servers.asked == ["http://a", "http://b"]
    assert retrying.figures.value("retry_rescued_total", route="default") == 1


async def test_an_answer_that_is_a_failure_is_given_up_and_another_server_asked() -> None:
    body = BodyStream()
    servers = Servers(make_response(503, {}, body), make_response(502), make_response(200))
    retrying, request = Retrying(servers), make_request()
    assert (await retrying.handle(request)).status == 200
    assert servers.asked == ["http://a", "http://b", "http://c"]
    assert body.end is not None
    assert reasons(request) == [RetryReason.STATUS, RetryReason.STATUS]


async def test_after_the_last_attempt_the_failure_is_handed_on() -> None:
    servers, request = Servers(CLOSED, make_response(503), make_response(503, {"X-Last": "1"})), make_request()
    retrying = Retrying(servers, attempts=3)
    answer = await retrying.handle(request)
    assert (answer.status, answer.fields.get(b"x-last")) == (503, b"1")
    assert len(servers.seen) == 3
    assert reasons(request)[-1] is StopReason.ATTEMPTS
    retrying = Retrying(Servers(CLOSED), attempts=2)
    assert await failure(retrying, make_request()) is CLOSED


async def test_what_may_have_been_done_is_not_done_twice() -> None:
    for turn in (CLOSED, LATE):
        servers, request = Servers(turn), make_request("POST", body=b"pay")
        assert await failure(Retrying(servers), request) is turn
        assert len(servers.seen) == 1
        assert reasons(request) == [StopReason.NOT_REPEATABLE]
    servers = Servers(make_response(503), make_response(200))
    assert (await Retrying(servers).handle(make_request("POST", body=b"pay"))).status == 503


async def test_with_a_key_it_is_and_with_the_same_content() -> None:
    servers = Servers(CLOSED, make_response(201))
    body = BodyStream(3)
    body.feed(b"pay")
    body.finish()
    request = make_request("POST", fields={"Idempotency-Key": '"7"'}, body=body)
    assert (await Retrying(servers).handle(request)).status == 201
    assert [each["body"] for each in servers.seen] == [b"pay", b"pay"]


async def test_a_body_that_is_long_or_of_unknown_length_flows_and_is_sent_once() -> None:
    for length in (None, 100):
        body = BodyStream(length)
        servers, request = Servers(CLOSED), make_request("PUT", body=body)
        assert await failure(Retrying(servers, max_body=10), request) is CLOSED
        assert [each["body"] for each in servers.seen] == [body]
        assert reasons(request) == [StopReason.BODY]


async def test_a_body_of_what_may_not_be_repeated_is_not_held_up() -> None:
    body = BodyStream(3)
    servers = Servers(make_response(200))
    assert without_waiting(Retrying(servers).handle(make_request("POST", body=body))).status == 200
    assert servers.seen[0]["body"] is body


async def test_a_client_that_leaves_within_its_body_is_no_failure_of_the_upstream() -> None:
    body = BodyStream(3)
    servers = Servers()
    body.fail(DownstreamError("left"))
    assert isinstance(await failure(Retrying(servers), make_request("PUT", body=body)), DownstreamError)
    assert servers.seen == []


async def test_what_is_sent_again_is_what_came() -> None:
    def spoiling(request: Request) -> Response:
        request.fields.add(b"X-Added", b"1")
        request.target = b"/other"
        request.method = "HEAD"
        request.body = b"other"
        raise CLOSED

    servers = Servers(spoiling, spoiling, make_response(200))
    request = make_request("PUT", "/page", {"A": "b"}, b"content")
    await Retrying(servers).handle(request)
    first = {**servers.seen[0], "server": None}
    assert [{**each, "server": None} for each in servers.seen] == [first] * 3
    assert first["fields"] == [(b"A", b"b")]


async def test_the_upstream_itself_does_not_try_again_as_well() -> None:
    servers = Servers(CLOSED, make_response(200))
    await Retrying(servers).handle(make_request())
    assert [each["once"] for each in servers.seen] == [True, True]


async def test_an_open_circuit_ends_it() -> None:
    refused = CircuitOpenError("down", 5.0)
    servers, request = Servers(CLOSED, refused), make_request()
    retrying = Retrying(servers)
    assert await failure(retrying, request) is refused
    assert len(servers.seen) == 2
    servers = Servers(refused)
    assert await failure(Retrying(servers), make_request()) is refused
    assert len(servers.seen) == 1


async def test_an_answer_made_in_place_of_the_upstream_is_not_tried_again() -> None:
    def fallback(request: Request) -> Response:
        request.served_by = ""
        return make_response(503)

    servers = Servers(fallback)
    assert (await Retrying(servers).handle(make_request())).status == 503
    assert len(servers.seen) == 1


async def test_the_budget_of_the_upstream_bounds_them_and_all_routes_share_it() -> None:
    servers = Servers(make_response(503))
    retrying = Retrying(servers, budget={"share": 0.2, "floor": 0}, attempts=3)
    other = retrying.make(budget={"share": 0.2, "floor": 0}).wrap(servers)
    last = make_request()
    for _ in range(50):
        await retrying.handle(make_request())
        await other(last)
    assert len(servers.seen) <= 120
    assert len(servers.seen) >= 110
    assert StopReason.BUDGET in reasons(last)
    assert retrying.stopped("budget") > 50


async def test_no_attempt_begins_after_the_deadline_of_the_request_or_the_total() -> None:
    def slow(request: Request) -> Response:
        retrying.clock.advance(3.0)
        raise CLOSED

    for deadline, settings in ((5.0, {}), (None, {"total": "5s"})):
        servers, request = Servers(slow), make_request()
        retrying = Retrying(servers, attempts=10, **settings)
        request.started = retrying.clock.monotonic()
        if deadline is not None:
            request.deadline = Monotonic(retrying.clock.monotonic() + deadline)
        came_with = request.deadline
        assert await failure(retrying, request) is CLOSED
        assert len(servers.seen) == 2
        assert reasons(request)[-1] is StopReason.DEADLINE
        assert request.deadline == came_with


async def test_each_attempt_has_a_time_of_its_own_within_the_deadline() -> None:
    def late(request: Request) -> Response:
        retrying.clock.advance(2.0)
        raise LATE

    servers, request = Servers(late, late, make_response(200)), make_request()
    retrying = Retrying(servers, attempt_timeout="2s")
    begun = retrying.clock.monotonic()
    request.deadline = Monotonic(begun + 5.0)
    await retrying.handle(request)
    assert [each["deadline"] - begun for each in servers.seen] == [2.0, 4.0, 5.0]


async def test_a_client_that_leaves_while_it_waits_leaves_nothing_behind() -> None:
    retrying = Retrying(Servers(make_response(503)), backoff="1h", longest_backoff="1h", total="off")
    leaving = asyncio.ensure_future(retrying.handle(make_request()))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    leaving = asyncio.ensure_future(Retrying(SilentUpstream()).handle(make_request()))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_mistakes_of_our_own_are_not_tried_again() -> None:
    servers = Servers(ValueError("a mistake"))
    assert isinstance(await failure(Retrying(servers), make_request()), ValueError)
    assert len(servers.seen) == 1


async def test_a_reload_keeps_the_budget_and_leaves_no_sweep_behind() -> None:
    retrying = Retrying(Servers(), hedge={})
    await retrying.plugin.open()
    after = retrying.make()
    await after.open()
    assert after._budget is retrying.plugin._budget
    await retrying.plugin.close()
    await retrying.plugin.close()
    assert retrying.runtime.at_each_sweep == []


@pytest.mark.parametrize(("method", "decision"), [("GET", "retry"), ("POST", "connect only")])
def test_explain_says_what_would_be_tried_again(method: str, decision: str) -> None:
    said: dict[str, Any] | None = Retrying(Servers()).plugin.explain(make_request(method))
    assert said is not None
    assert said["decision"] == decision
    assert said["budget_left"] == 2000


def test_it_stands_behind_what_answers_and_before_the_circuit_breaker() -> None:
    assert (PLUGIN.after, PLUGIN.before) == (("cache", "coalesce"), ("circuit_breaker",))
