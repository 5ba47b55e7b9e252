import asyncio
from typing import Any

import pytest

from gateway import errors
from plugins.circuit_breaker.judge import Judge
from plugins.circuit_breaker.settings import CircuitBreakerSettings


def judge(**settings: Any) -> Judge:
    return Judge(CircuitBreakerSettings.model_validate(settings))


@pytest.mark.parametrize(
    "error",
    [
        errors.UpstreamConnectError("refused"),
        errors.UpstreamConnectTimeoutError("slow"),
        errors.UpstreamTlsError("no"),
        errors.UpstreamDnsError("no"),
        errors.UpstreamTimeoutError("slow"),
        errors.UpstreamClosedError("gone"),
        errors.UpstreamProtocolError("what"),
        errors.UpstreamBrokenError("half"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_an_upstream_does_wrong_is_a_failure(error: Exception) -> None:
    assert judge().of_error(error) is True


@pytest.mark.parametrize(
    "error",
    [
        asyncio.CancelledError(),
        errors.BadRequestError("no"),
        errors.BodyTooLargeError("no"),
        errors.RequestTimeoutError("no"),
        errors.StreamAbortedError("left"),
        errors.PoolTimeoutError("full"),
        errors.OverloadedError("full"),
        errors.RefusedError("no", 403),
        ValueError("a mistake in our own code"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_clients_do_and_limits_of_ours_prove_nothing(error: BaseException) -> None:
    assert judge().of_error(error) is None


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("connect", errors.UpstreamConnectTimeoutError()),
        ("timeout", errors.UpstreamTimeoutError()),
        ("closed", errors.UpstreamClosedError()),
        ("protocol", errors.UpstreamProtocolError()),
        ("broken", errors.UpstreamBrokenError()),
    ],
)
def test_each_kind_of_failure_can_be_left_out(kind: str, error: Exception) -> None:
    kinds = ["connect", "timeout", "closed", "protocol", "broken"]
    assert judge(failures=[kind]).of_error(error) is True
    assert judge(failures=[each for each in kinds if each != kind]).of_error(error) is None


def test_a_body_that_its_source_broke_off_is_a_failure_and_one_that_was_given_up_is_not() -> None:
    assert judge().of_body(errors.UpstreamBrokenError())
    assert judge().of_body(errors.UpstreamTimeoutError())
    assert not judge().of_body(errors.StreamAbortedError())
    assert not judge().of_body(None)
    assert not judge(failures=["connect"]).of_body(errors.UpstreamBrokenError())


def test_the_statuses_are_those_of_the_settings() -> None:
    assert judge(failure_statuses=503).statuses == {503}
