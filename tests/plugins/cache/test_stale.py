from typing import Any

import pytest

from gateway.api import CircuitOpenError, GatewayError, OverloadedError, UpstreamTimeoutError
from gateway.http.cache_control import CacheControl, parse_cache_control
from plugins.cache.stale import Failure, error_window, failure_of, forbids_stale, revalidation_window, stand_in
from tests.support.caching import policy_of, stored_from


@pytest.mark.parametrize("directive", ["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=60"])
def test_the_origin_can_forbid_every_stale_answer(directive: str) -> None:
    assert forbids_stale(parse_cache_control(directive.encode()))
    control = f"max-age=10, {directive}, stale-if-error=100"
    stored = stored_from({"Cache-Control": control, "ETag": '"a"'})
    for failure in Failure:
        assert stand_in(stored, 61, None, failure, policy_of(stale_if_error="1h")) is None


@pytest.mark.parametrize("directive", [b"max-age=60", b"public", b'no-cache="set-cookie"', b"immutable"])
def test_other_directives_do_not(directive: bytes) -> None:
    assert not forbids_stale(parse_cache_control(directive))


def why(
    control: str, age: float, failure: Failure = Failure.STATUS, asked: CacheControl | None = None, **settings: Any
) -> str | None:
    stored = stored_from({"Cache-Control": control})
    found = stand_in(stored, age, asked, failure, policy_of(**settings))
    return found.value if found is not None else None


def test_an_answer_stands_in_for_errors_as_long_as_it_says() -> None:
    assert why("max-age=60, stale-if-error=30", 90) == "stale_if_error"
    assert why("max-age=60, stale-if-error=30", 90.5) is None
    assert why("max-age=60", 61) is None


def test_a_route_says_so_for_answers_that_say_nothing() -> None:
    assert why("max-age=60", 90, stale_if_error="30s") == "stale_if_error"
    assert why("max-age=60, stale-if-error=5", 90, stale_if_error="30s") is None
    assert why("max-age=60, stale-if-error=0", 61, stale_if_error="30s") is None


def test_a_fresh_one_that_a_client_wanted_newer_stands_in_without_permission() -> None:
    assert why("max-age=60", 20, asked=CacheControl(max_age=0)) == "stale_if_error"


def test_one_whose_lifetime_is_just_over_needs_permission_like_any_stale_one() -> None:
    assert why("max-age=60", 60) is None
    assert why("max-age=60, stale-if-error=1", 60) == "stale_if_error"


def test_a_client_that_wants_confirmation_gets_the_error() -> None:
    assert why("max-age=60, stale-if-error=30", 70, asked=CacheControl(no_cache=True)) is None


def test_a_client_may_permit_it_itself() -> None:
    assert why("max-age=60", 70, asked=CacheControl(stale_if_error=20)) == "stale_if_error"
    assert why("max-age=60", 90, asked=CacheControl(stale_if_error=20)) is None


def test_an_origin_out_of_reach_is_stood_in_for_within_bounds() -> None:
    assert why("max-age=60", 3660, Failure.DISCONNECTED) == "disconnected"
    assert why("max-age=60", 3661, Failure.DISCONNECTED) is None
    assert why("max-age=60", 100, Failure.DISCONNECTED, serve_stale_on_disconnect="off") is None
    assert why("max-age=60, stale-if-error=100", 100, Failure.DISCONNECTED) == "stale_if_error"


def test_an_origin_whose_circuit_is_open_is_out_of_reach_and_that_is_said() -> None:
    assert why("max-age=60", 3660, Failure.CIRCUIT_OPEN) == "circuit_open"
    assert why("max-age=60", 3661, Failure.CIRCUIT_OPEN) is None
    assert why("max-age=60, stale-if-error=100", 100, Failure.CIRCUIT_OPEN) == "circuit_open"
    assert why("max-age=60, must-revalidate", 61, Failure.CIRCUIT_OPEN) is None


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (CircuitOpenError("down"), Failure.CIRCUIT_OPEN),
        (OverloadedError("full"), Failure.STATUS),
        (UpstreamTimeoutError("slow"), Failure.DISCONNECTED),
    ],
)
def test_errors_are_told_apart(error: GatewayError, failure: Failure) -> None:
    assert failure_of(error) is failure


def test_what_a_response_says_about_windows_comes_before_the_route() -> None:
    policy = policy_of(stale_while_revalidate="10s", stale_if_error="20s")
    said = CacheControl(stale_while_revalidate=1, stale_if_error=2)
    assert (revalidation_window(said, policy), error_window(said, policy)) == (1, 2)
    assert (revalidation_window(CacheControl(), policy), error_window(CacheControl(), policy)) == (10, 20)
