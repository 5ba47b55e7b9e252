import inspect
import re

import pytest

from gateway import errors
from gateway.errors import Fault, GatewayError, RefusedError

FAMILY = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, GatewayError) and member.__module__ == errors.__name__
]
RFC_9209_TYPES = {
    "dns_timeout",
    "dns_error",
    "destination_not_found",
    "destination_unavailable",
    "connection_refused",
    "connection_terminated",
    "connection_timeout",
    "connection_limit_reached",
    "tls_protocol_error",
    "tls_certificate_error",
    "http_request_error",
    "http_request_denied",
    "http_response_incomplete",
    "http_response_timeout",
    "http_upgrade_failed",
    "http_protocol_error",
    "proxy_internal_error",
    "proxy_configuration_error",
    "proxy_loop_detected",
}


def of(member: type[GatewayError]) -> GatewayError:
    return member("words")


def pictured() -> dict[str, tuple[str, str | None]]:
    """Name → (parent, status) as the picture in the module's docstring has them."""
    family: dict[str, tuple[str, str | None]] = {}
    branch: list[str] = ["GatewayError"]
    for indent, name, status in re.findall(r"^    ([│ ]*)[├└]── (\w+) *(\d{3})?", errors.__doc__ or "", re.M):
        depth = len(indent) // 4 + 1
        family[name] = (branch[depth - 1], status or None)
        branch[depth:] = [name]
    return family


def test_the_picture_shows_the_whole_family_and_its_parents() -> None:
    drawn = {name: parent for name, (parent, _) in pictured().items()}
    assert drawn == {member.__name__: member.__mro__[1].__name__ for member in FAMILY if member is not GatewayError}


@pytest.mark.parametrize("member", FAMILY)
def test_a_status_in_the_picture_is_the_status_of_the_error(member: type[GatewayError]) -> None:
    _, status = pictured().get(member.__name__, ("", None))
    assert status in (None, str(of(member).status))


@pytest.mark.parametrize("member", FAMILY)
def test_every_error_answers_whose_fault_which_status_and_what_for_logs(member: type[GatewayError]) -> None:
    error = of(member)
    assert 400 <= error.status <= 599
    assert error.proxy_error in RFC_9209_TYPES
    assert re.fullmatch(r"[a-z_]+", error.reason)
    assert error.detail == "words"


@pytest.mark.parametrize("member", FAMILY)
def test_the_fault_fits_the_status(member: type[GatewayError]) -> None:
    error = of(member)
    if error.fault is Fault.UPSTREAM:
        assert error.status in (502, 503, 504)
    if error.fault is Fault.DOWNSTREAM:
        assert error.status in range(400, 500) or error.status in (501, 505)


@pytest.mark.parametrize("member", [member for member in FAMILY if member.retryable])
def test_only_what_never_reached_the_upstream_may_be_tried_again(member: type[GatewayError]) -> None:
    assert issubclass(member, errors.UpstreamConnectError)


def test_an_error_without_words_says_what_its_kind_means() -> None:
    assert errors.UpstreamClosedError().detail == "The upstream closed the connection before it answered."


def test_a_refusal_carries_the_status_and_the_time_a_plugin_chose() -> None:
    refusal = RefusedError("too many", status=429, retry_after=3.0)
    assert (refusal.status, refusal.retry_after, refusal.detail) == (429, 3.0, "too many")
    assert RefusedError("no").status == 403
