"""Refusals that need no wait say what the others say, and only while all circuits are open."""

from typing import Any

from gateway.api import CircuitOpenError, Request, error_response
from plugins.circuit_breaker.reasons import CircuitReason
from tests.support.circuits import Guarded, answering
from tests.support.plugins import ScriptedUpstream, make_request

STATIC = {"response": {"status": 503, "body": "later\n"}}


def started(guarded: Guarded) -> Request:
    request = make_request()
    request.started = guarded.clock.monotonic()
    return request


async def opened(seconds: float = 60.0, **settings: Any) -> Guarded:
    """A worker whose only circuit is open for so long, with an upstream that is well again."""
    guarded = Guarded(ScriptedUpstream(answering()), **settings)
    await guarded.get()
    guarded.board.carry_out({"all": True, "action": "open", "seconds": seconds}, guarded.clock.monotonic())
    return guarded


async def test_while_all_circuits_are_open_refusals_take_a_short_way_with_the_same_words() -> None:
    guarded = await opened()
    at_once = guarded.plugin.wrap_at_once(None)
    assert at_once is not None
    request = started(guarded)
    assert at_once(request) is None, "nobody has been refused yet: it is not known whether all are open"
    refused = await guarded.get(request)
    assert isinstance(refused, CircuitOpenError)
    short = at_once(request := started(guarded))
    assert short is not None
    long = error_response(refused, request, "slipstream")
    assert (short.status, short.body) == (long.status, long.body)
    assert {(name, value) for name, value in short.fields if name != b"Date"} == set(long.fields)
    assert short.dated
    assert short.shared
    assert [decision.reason for decision in request.trail] == [CircuitReason.REFUSED]
    assert guarded.figures.value("http_errors_total", reason="circuit_open") == 1


async def test_the_short_way_ends_when_a_circuit_may_be_tried_again_or_is_closed() -> None:
    guarded = await opened(5.0)
    at_once = guarded.plugin.wrap_at_once(None)
    assert at_once is not None
    await guarded.get()
    assert at_once(started(guarded)) is not None
    guarded.clock.advance(5.0)
    assert at_once(started(guarded)) is None
    guarded.board.carry_out({"all": True, "action": "open"}, guarded.clock.monotonic())
    await guarded.get()
    assert at_once(started(guarded)) is not None
    guarded.board.carry_out({"all": True, "action": "reset"}, guarded.clock.monotonic())
    assert at_once(started(guarded)) is None


async def test_the_short_way_is_not_for_those_who_get_an_answer_of_their_own() -> None:
    guarded = await opened()
    at_once = guarded.plugin.wrap_at_once(None)
    assert at_once is not None
    await guarded.get()
    request = started(guarded)
    request.fields.add(b"Accept", b"application/json")
    assert at_once(request) is None
    request = started(guarded)
    request.attributes = {"stale_at_hand": True}
    assert at_once(request) is None


async def test_the_date_of_short_answers_and_when_to_come_back_go_with_the_time() -> None:
    guarded = await opened()
    at_once = guarded.plugin.wrap_at_once(None)
    assert at_once is not None
    seen = []
    for _ in range(3):
        await guarded.get()
        response = at_once(started(guarded))
        assert response is not None
        seen.append((response.fields.get(b"date"), response.fields.get(b"retry-after")))
        guarded.clock.advance(1.0)
    assert len({date for date, _ in seen}) == 3
    assert [after for _, after in seen] == [b"60", b"59", b"58"]


async def test_a_response_of_the_configuration_goes_the_short_way_to_all_who_ask_whatever_they_accept() -> None:
    guarded = await opened(fallback=STATIC)
    at_once = guarded.plugin.wrap_at_once(None)
    assert at_once is not None
    await guarded.get()
    request = started(guarded)
    request.fields.add(b"Accept", b"application/json")
    short = at_once(request)
    assert short is not None
    assert (short.status, short.body) == (503, b"later\n")
    assert [decision.reason for decision in request.trail] == [CircuitReason.FALLBACK_RESPONSE]
    assert guarded.figures.value("http_errors_total", reason="circuit_open") == 0


async def test_one_replay_serves_until_a_circuit_changes() -> None:
    guarded = await opened()
    await guarded.get()
    short_way = guarded.plugin._short_way
    first = short_way.replay_of_now()
    assert short_way.replay_of_now() is first
    guarded.board.carry_out({"all": True, "action": "reset"}, guarded.clock.monotonic())
    assert short_way.replay_of_now() is not first
