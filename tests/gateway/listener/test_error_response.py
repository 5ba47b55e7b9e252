import inspect

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.errors import (
    BadRequestError,
    GatewayError,
    MethodNotAllowedError,
    NoRouteError,
    OverloadedError,
    RefusedError,
    UpstreamConnectError,
    UpstreamTimeoutError,
)
from gateway.http.fields import Fields
from gateway.http.message import Monotonic, Response
from gateway.http.phrases import phrase
from gateway.listener.error_response import (
    _rendered,
    error_response,
    internal_error,
    let_again,
    proxy_status,
    wants_json,
)
from tests.support.plugins import fields_of, make_request

FAMILY = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, GatewayError) and kind is not GatewayError
]


def text(response: Response, name: bytes) -> str:
    return (response.fields.get(name) or b"").decode()


@pytest.mark.parametrize("kind", FAMILY)
def test_every_error_has_an_answer_that_says_what_happened(kind: type[GatewayError]) -> None:
    error = kind("it broke")
    response = error_response(error, None, "front")
    assert response.status == error.status
    assert 400 <= response.status <= 599
    assert response.body == f"{error.status} {phrase(error.status)}: it broke\n".encode()
    assert text(response, b"proxy-status") == f'front; error={error.proxy_error}; details="it broke"'
    assert text(response, b"cache-control") == "no-store"
    assert text(response, b"content-type") == "text/plain; charset=utf-8"


def test_an_error_without_words_speaks_for_itself() -> None:
    assert b"The upstream did not answer in time" in bytes(error_response(UpstreamTimeoutError(), None, "front").body)  # type: ignore[arg-type]  # content at hand


@pytest.mark.parametrize(
    ("accept", "wants"),
    [
        (None, False),
        ("*/*", False),
        ("text/html", False),
        ("application/json", True),
        ("text/html, application/problem+JSON;q=0.3", True),
        ("application/json;q=0", False),
        ("application/json; charset=x; q=0.000", False),
        ("application/json;q=0, application/vnd.api+json", True),
        ("application/json;q=0.001", True),
        ("text/html;profile=json", False),
    ],
)
def test_json_is_for_those_who_ask_for_it(accept: str | None, wants: bool) -> None:
    request = make_request(fields={} if accept is None else {"Accept": accept})
    assert wants_json(request) is wants
    assert not wants_json(None)
    response = error_response(NoRouteError("nothing here"), request, "front")
    assert (text(response, b"content-type") == "application/problem+json") is wants


def test_a_problem_has_the_members_of_rfc_9457() -> None:
    response = error_response(NoRouteError('no "such" thing'), make_request(fields={"Accept": "a/json"}), "front")
    assert isinstance(response.body, bytes)
    assert orjson.loads(response.body) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": 'no "such" thing',
    }


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (OverloadedError("full"), "1"),
        (RefusedError("slow down", 429, 0.2), "1"),
        (RefusedError("later", 429, 59.6), "60"),
    ],
)
def test_a_time_to_try_again_is_said_in_whole_seconds_and_never_none(error: GatewayError, seconds: str) -> None:
    assert text(error_response(error, None, "front"), b"retry-after") == seconds


def test_no_time_to_try_again_is_invented() -> None:
    assert b"retry-after" not in error_response(UpstreamConnectError("refused"), None, "front").fields


def test_a_method_we_do_not_serve_is_told_which_we_do() -> None:
    allowed = text(error_response(MethodNotAllowedError("no"), None, "front"), b"allow")
    assert "GET" in allowed
    assert "CONNECT" not in allowed


def test_what_is_only_answered_here_is_told_the_same_and_of_no_failure() -> None:
    response = error_response(RefusedError("Max-Forwards ends here", status=200), None, "front")
    assert "GET" in text(response, b"allow")
    assert b"proxy-status" not in response.fields


def test_what_plugins_left_for_the_answer_is_on_it_but_does_not_replace_its_own() -> None:
    request = make_request()
    request.error_fields = fields_of([("Vary", "Origin"), ("Vary", "Accept"), ("CACHE-control", "public"), ("X", "1")])
    response = error_response(BadRequestError("x"), request, "front")
    assert response.fields.values(b"vary") == [b"Origin", b"Accept"]
    assert response.fields.values(b"cache-control") == [b"no-store"]
    assert response.fields.values(b"x") == [b"1"]


def test_a_failure_of_ours_tells_nothing_of_our_insides() -> None:
    response = internal_error(None, "front")
    assert response.status == 500
    assert response.body == b"500 Internal Server Error: the gateway failed; its log says why\n"
    assert "proxy_internal_error" in text(response, b"proxy-status")


def test_a_status_without_a_usual_phrase_is_an_error_all_the_same() -> None:
    assert phrase(599) == ""
    assert error_response(RefusedError("x", 599), None, "front").body == b"599 Error: x\n"


@given(st.text(max_size=300))
def test_whatever_the_detail_says_proxy_status_stays_one_well_formed_member(detail: str) -> None:
    value = proxy_status("front", NoRouteError(detail)).decode("ascii")
    begin = 'front; error=destination_not_found; details="'
    assert value.startswith(begin)
    inside, closing = value[len(begin) : -1], value[-1]
    assert closing == '"'
    assert all(" " <= character <= "~" for character in inside)
    assert '"' not in inside.replace("\\\\", "").replace('\\"', "")
    assert len(inside) <= 400


@given(st.text(max_size=50), st.booleans())
def test_any_detail_becomes_an_answer(detail: str, json: bool) -> None:
    request = make_request(fields={"Accept": "application/json"} if json else {})
    response = error_response(BadRequestError(detail), request, "front")
    assert isinstance(response.body, bytes)
    if json:
        assert orjson.loads(response.body)["status"] == 400
    else:
        assert response.body.startswith(b"400 Bad Request: ")


def test_answers_to_the_same_error_are_alike_and_none_changes_another() -> None:
    first = error_response(OverloadedError("full"), None, "front")
    first.fields.set(b"Content-Type", b"image/png")
    first.fields.remove(b"retry-after")
    second = error_response(OverloadedError("full"), None, "front")
    assert text(second, b"content-type") == "text/plain; charset=utf-8"
    assert text(second, b"retry-after") == "1"


def test_answers_differ_by_words_by_time_and_by_who_asks() -> None:
    request = make_request(fields={"Accept": "application/json"})
    answers = [
        error_response(RefusedError("no", 403), None, "front"),
        error_response(RefusedError("never", 403), None, "front"),
        error_response(RefusedError("no", 429), None, "front"),
        error_response(RefusedError("no", 403, retry_after=7.0), None, "front"),
        error_response(RefusedError("no", 403), request, "front"),
        error_response(RefusedError("no", 403), None, "back"),
    ]
    assert len({(answer.status, answer.body, answer.fields.encode()) for answer in answers}) == len(answers)


def test_what_is_remembered_of_errors_is_bounded() -> None:
    for number in range(2000):
        error_response(RefusedError(f"no {number}"), None, "front")
    error_response(RefusedError("x" * 100_000), None, "front")
    assert len(_rendered) <= 512
    assert all(len(str(mark[1])) <= 300 for mark in _rendered)


class Changing:
    """What changes with time in an answer to be given again."""

    alive = True
    until = Monotonic(2e9)
    reads: frozenset[bytes] = frozenset()

    def lines(self, now: float) -> tuple[bytes, float]:
        return b"Retry-After: %d\r\nDate: then\r\n" % now, now + 1.0

    def used(self, times: int) -> None:
        """Nobody counts."""


def test_what_changes_with_time_stands_in_one_piece_where_an_error_may_be_told_again() -> None:
    request = make_request()
    request.error_fields = Fields([(b"Vary", b"Origin")])
    response, source = error_response(OverloadedError("too much"), request, "front"), Changing()
    let_again(response, source, 7.0)
    assert response.fields.encode().endswith(b"Vary: Origin\r\nRetry-After: 7\r\nDate: then\r\n")
    assert response.fields.encode().count(b"Retry-After") == 1
    assert response.dated
    assert response.replay is source
    assert response.replay_lines == b"Retry-After: 7\r\nDate: then\r\n"
