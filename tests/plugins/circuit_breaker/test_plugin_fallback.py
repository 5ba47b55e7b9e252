"""What answers in place of an upstream whose circuit is open. Beside `test_plugin.py`."""

from typing import Any

import pytest

from gateway.api import (
    BodyStream,
    CircuitOpenError,
    Handler,
    Request,
    Response,
    UpstreamConnectError,
    UpstreamTimeoutError,
)
from plugins.circuit_breaker.plugin import STALE_AT_HAND
from plugins.circuit_breaker.reasons import CircuitReason
from tests.support.circuits import Guarded, answering, failing
from tests.support.plugins import ScriptedUpstream, make_request, make_response

DOWN = failing(UpstreamConnectError("refused"))
PAGE = {"status": 200, "body": "back soon"}


def spare(upstream: Handler) -> Any:
    def forward(name: str) -> Handler:
        return {"spare": upstream}[name]

    return forward


async def opened(elsewhere: Handler | None = None, **fallback: Any) -> Guarded:
    guarded = Guarded(
        ScriptedUpstream(DOWN), forward=spare(elsewhere) if elsewhere is not None else None, fallback=fallback
    )
    for _ in range(2):
        await guarded.get()
    return guarded


def status(answer: Response | Exception) -> int:
    assert isinstance(answer, Response)
    return answer.status


async def test_another_upstream_answers_first() -> None:
    elsewhere = ScriptedUpstream(make_response(201))
    guarded = await opened(elsewhere, upstream="spare", response=PAGE)
    request = make_request()
    assert status(await guarded.get(request)) == 201
    assert elsewhere.requests == [request]
    assert [each.reason for each in request.trail] == [CircuitReason.FALLBACK_UPSTREAM]


@pytest.mark.parametrize("answer", [UpstreamTimeoutError("slow"), make_response(503)], ids=["error", "503"])
async def test_if_that_fails_too_the_response_of_the_configuration_does(answer: Any) -> None:
    guarded = await opened(ScriptedUpstream(answer), upstream="spare", response=PAGE)
    request = make_request()
    found = await guarded.get(request)
    assert isinstance(found, Response)
    assert (found.status, found.body) == (200, b"back soon")
    assert [each.reason for each in request.trail] == [CircuitReason.FALLBACK_RESPONSE]


async def test_without_one_what_the_other_upstream_says_stands_and_its_failure_is_ours() -> None:
    guarded = await opened(ScriptedUpstream(make_response(503), UpstreamTimeoutError("slow")), upstream="spare")
    assert status(await guarded.get()) == 503
    refused = await guarded.get()
    assert isinstance(refused, CircuitOpenError)
    assert refused.retry_after == 5.0


async def test_a_response_of_the_configuration_alone_is_given_and_says_when_to_come_back() -> None:
    guarded = await opened(response={"status": 503, "body": "later"})
    found = await guarded.get()
    assert isinstance(found, Response)
    assert found.fields.get(b"retry-after") == b"5"


async def test_a_store_in_front_that_has_a_stale_answer_goes_before_all_of_it() -> None:
    elsewhere = ScriptedUpstream(make_response(201))
    guarded = await opened(elsewhere, upstream="spare", response=PAGE)
    request = make_request()
    request.attributes = {STALE_AT_HAND: True}
    assert isinstance(await guarded.get(request), CircuitOpenError)
    assert elsewhere.requests == []


async def test_an_upstream_that_the_configuration_does_not_have_is_refused_with_it() -> None:
    with pytest.raises(LookupError):
        await opened(ScriptedUpstream(), upstream="another")


async def test_single_failures_are_failures_unless_the_settings_want_it_otherwise() -> None:
    guarded = Guarded(ScriptedUpstream(DOWN), fallback={"response": PAGE})
    assert isinstance(await guarded.get(), UpstreamConnectError)
    guarded = Guarded(ScriptedUpstream(DOWN), fallback={"response": PAGE, "on_failure": True})
    assert status(await guarded.get()) == 200


async def test_a_failing_answer_that_is_not_handed_on_is_given_up() -> None:
    body = BodyStream()
    theirs = make_response(500, (), body)

    def answer(request: Request) -> Response:
        request.served_by = "http://a"
        return theirs

    guarded = Guarded(ScriptedUpstream(answer), fallback={"response": PAGE, "on_failure": True})
    assert status(await guarded.get()) == 200
    assert body.end is not None


async def test_a_request_whose_body_is_used_up_gets_the_failure() -> None:
    guarded = Guarded(ScriptedUpstream(answering(status=500), DOWN), fallback={"response": PAGE, "on_failure": True})
    assert status(await guarded.get(make_request("POST", body=BodyStream()))) == 500
    assert isinstance(await guarded.get(make_request("POST", body=BodyStream())), UpstreamConnectError)


async def test_failures_count_though_something_else_answers() -> None:
    guarded = Guarded(ScriptedUpstream(DOWN), fallback={"response": PAGE, "on_failure": True})
    for _ in range(5):
        assert status(await guarded.get()) == 200
    assert set(guarded.states().values()) == {"open"}
    assert isinstance(guarded.upstream, ScriptedUpstream)
    assert len(guarded.upstream.requests) == 2
