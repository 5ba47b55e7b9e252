import pytest

from gateway.api import BodyStream, StreamAbortedError
from gateway.errors import UpstreamBrokenError
from plugins.circuit_breaker.judge import Judge
from plugins.circuit_breaker.probing import Probing
from plugins.circuit_breaker.settings import CircuitBreakerSettings


def watched(body: BodyStream) -> tuple[Probing, list[bool | None]]:
    told: list[bool | None] = []
    probing = Probing(body, Judge(CircuitBreakerSettings()))
    probing.watch(told.append)
    return probing, told


def test_a_body_that_came_whole_is_a_success() -> None:
    body = BodyStream()
    _, told = watched(body)
    assert told == []
    body.finish()
    assert told == [False]


def test_a_body_that_broke_off_is_a_failure() -> None:
    body = BodyStream()
    _, told = watched(body)
    body.fail(UpstreamBrokenError("gone"))
    assert told == [True]


@pytest.mark.parametrize("error", [None, StreamAbortedError("left")])
def test_a_client_that_leaves_proves_nothing(error: Exception | None) -> None:
    body = BodyStream()
    _, told = watched(body)
    if error is None:
        body.abort()
    else:
        body.fail(error)
    assert told == [None]


def test_one_that_has_ended_already_tells_in_the_same_call() -> None:
    body = BodyStream()
    body.finish()
    assert watched(body)[1] == [False]


def test_one_that_goes_on_and_on_is_good_enough_and_told_once() -> None:
    body = BodyStream()
    probing, told = watched(body)
    probing.be_content()
    body.fail(UpstreamBrokenError("gone"))
    assert told == [False]
