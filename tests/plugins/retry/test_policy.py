from typing import Any

import pytest

from gateway import errors
from gateway.api import BodyStream, Request, Response, UpstreamError, WallTime
from plugins.retry.policy import Again, Policy, Stop
from plugins.retry.reasons import RetryReason, StopReason
from plugins.retry.settings import RetrySettings
from tests.support.plugins import make_request, make_response

NOW = WallTime(1_700_000_000.0)
REFUSED = errors.UpstreamConnectError("refused")
CLOSED = errors.UpstreamClosedError("gone")
BROKEN = errors.UpstreamBrokenError("half")
LATE = errors.UpstreamTimeoutError("late")


def policy(**settings: Any) -> Policy:
    return Policy(RetrySettings.model_validate(settings))


def keyed(method: str = "POST", **more: Any) -> Request:
    return make_request(method, fields={"Idempotency-Key": '"1"'}, **more)


def after_error(request: Request, error: UpstreamError, attempt: int = 1, **settings: Any) -> Again | Stop:
    return policy(**settings).after_error(request, error, attempt, 1.0)


def after_answer(
    request: Request, response: Response, attempt: int = 1, *, server: str = "http://a", **settings: Any
) -> Again | Stop:
    request.served_by = server
    return policy(**settings).after_answer(request, response, attempt, 1.0, NOW)


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "PUT"])
def test_without_a_connection_nothing_was_sent_so_every_method_is_tried_again_at_once(method: str) -> None:
    assert after_error(make_request(method), REFUSED) == Again(RetryReason.CONNECT, 0.0)
    assert after_error(make_request(method, body=BodyStream()), REFUSED) == Again(RetryReason.CONNECT, 0.0)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "QUERY"])
def test_idempotent_methods_are_tried_again_when_the_upstream_may_have_begun(method: str) -> None:
    assert after_error(make_request(method), CLOSED) == Again(RetryReason.CLOSED, 0.0)
    assert after_error(make_request(method), LATE) == Again(RetryReason.TIMEOUT, 0.025)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_others_are_not_unless_they_have_a_key(method: str) -> None:
    assert after_error(make_request(method), CLOSED) == Stop(StopReason.NOT_REPEATABLE)
    assert after_error(make_request(method), LATE) == Stop(StopReason.NOT_REPEATABLE)
    assert after_error(keyed(method), LATE) == Again(RetryReason.TIMEOUT, 0.025)
    assert after_error(keyed(method), LATE, idempotency_key=False) == Stop(StopReason.NOT_REPEATABLE)


def test_an_upgrade_is_never_repeated() -> None:
    request = make_request()
    request.upgrade = b"websocket"
    assert after_error(request, CLOSED) == Stop(StopReason.NOT_REPEATABLE)


def test_a_body_that_is_used_up_cannot_be_sent_again() -> None:
    assert after_error(make_request("PUT", body=BodyStream(10)), CLOSED) == Stop(StopReason.BODY)
    assert after_answer(make_request("PUT", body=BodyStream(10)), make_response(503)) == Stop(StopReason.BODY)
    assert after_error(make_request("PUT", body=b"all"), CLOSED) == Again(RetryReason.CLOSED, 0.0)


def test_bodies_are_read_before_only_if_they_say_that_they_are_short() -> None:
    assert policy(max_body=10).buffers(BodyStream(10))
    assert not policy(max_body=10).buffers(BodyStream(11))
    assert not policy(max_body=10).buffers(BodyStream())


def test_failures_that_the_settings_do_not_name_are_no_concern_of_ours() -> None:
    assert after_error(make_request(), errors.UpstreamProtocolError("what")) == Stop()
    assert after_error(make_request(), LATE, on=["connect"]) == Stop()
    assert after_error(make_request(), REFUSED, on=["closed"]) == Stop()
    assert after_error(make_request(), BROKEN, on=["closed"]) == Stop()


def test_a_short_answer_that_broke_off_before_it_went_on_is_tried_again_where_repeating_does_no_harm() -> None:
    assert after_error(make_request(), BROKEN) == Again(RetryReason.BROKEN, 0.0)
    assert after_error(make_request("POST"), BROKEN) == Stop(StopReason.NOT_REPEATABLE)
    assert after_error(make_request("PUT", body=BodyStream(10)), BROKEN) == Stop(StopReason.BODY)


def test_there_is_a_last_attempt() -> None:
    assert after_error(make_request(), CLOSED, attempt=2, attempts=3) == Again(RetryReason.CLOSED, 0.05)
    assert after_error(make_request(), CLOSED, attempt=3, attempts=3) == Stop(StopReason.ATTEMPTS)
    assert after_answer(make_request(), make_response(503), attempt=3) == Stop(StopReason.ATTEMPTS)


def test_an_error_that_says_when_to_come_back_is_heard() -> None:
    assert after_error(make_request(), errors.NoServerError("none")) == Again(RetryReason.CONNECT, 1.0)
    nobody = after_error(make_request(), errors.NoServerError("none"), longest_retry_after="500ms")
    assert nobody == Stop(StopReason.RETRY_AFTER)


def test_answers_are_tried_again_for_requests_that_may_be_repeated() -> None:
    assert after_answer(make_request(), make_response(503)) == Again(RetryReason.STATUS, 0.025)
    assert after_answer(keyed(), make_response(503)) == Again(RetryReason.STATUS, 0.025)
    assert after_answer(make_request("POST"), make_response(503)) == Stop(StopReason.NOT_REPEATABLE)


def test_an_answer_that_no_server_gave_is_not() -> None:
    assert after_answer(make_request(), make_response(503), server="") == Stop()


@pytest.mark.parametrize(
    ("value", "plan"),
    [
        ("1", Again(RetryReason.STATUS, 1.025)),
        ("2", Again(RetryReason.STATUS, 2.025)),
        ("3", Stop(StopReason.RETRY_AFTER)),
        ("Tue, 14 Nov 2023 22:13:21 GMT", Again(RetryReason.STATUS, 1.025)),
        ("whenever", Again(RetryReason.STATUS, 0.025)),
    ],
)
def test_retry_after_is_kept_to_or_the_answer_handed_on(value: str, plan: Again | Stop) -> None:
    assert after_answer(make_request(), make_response(503, {"Retry-After": value})) == plan
