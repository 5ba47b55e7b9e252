import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.message import Request, WallTime
from gateway.upstream.wrote import WroteMark, cookie_of
from tests.support.plugins import make_request, make_response

NOW = WallTime(1_700_000_000.0)
KEY = b"k" * 32


def mark(upstream: str = "app", key: bytes = KEY, cookie: str | None = "wrote", header: str | None = None) -> WroteMark:
    return WroteMark(upstream, key, 5.0, cookie, header)


def marked(by: WroteMark, at: WallTime = NOW) -> Request:
    """The next request of a client whose write was answered then."""
    response = make_response()
    by.put(make_request("POST"), response, at)
    cookie = response.fields.get(b"set-cookie")
    fields = {"Cookie": "a=b; " + cookie.decode().partition(";")[0]} if cookie else {}
    token = response.fields.get(b"x-wrote")
    return make_request(fields=fields | ({"X-Wrote": token.decode()} if token else {}))


@pytest.mark.parametrize(("cookie", "header"), [("wrote", None), (None, "X-Wrote"), ("wrote", "X-Wrote")])
def test_a_client_that_wrote_is_known_until_the_window_ends(cookie: str | None, header: str | None) -> None:
    by = mark(cookie=cookie, header=header)
    request = marked(by)
    assert by.is_on(request, NOW)
    assert by.is_on(request, WallTime(NOW + 4.9))
    assert not by.is_on(request, WallTime(NOW + 5.0))


def test_another_client_is_not() -> None:
    assert not mark(header="X-Wrote").is_on(make_request(), NOW)


def test_tokens_of_another_key_or_upstream_are_worth_nothing() -> None:
    request = marked(mark())
    assert not mark(key=b"x" * 32).is_on(request, NOW)
    assert not mark(upstream="other").is_on(request, NOW)


def test_a_token_that_was_changed_is_worth_nothing() -> None:
    by = mark()
    token = by.token(NOW + 5)
    later = b"%d" % int((NOW + 500) * 1000)
    assert by.is_good(token, NOW)
    assert not by.is_good(later + token[token.index(b".") :], NOW)


@given(st.binary(max_size=100))
def test_no_octets_of_a_stranger_are_a_token(token: bytes) -> None:
    assert not mark().is_good(token, NOW)


def test_a_token_of_the_far_future_is_none() -> None:
    by = mark()
    assert not by.is_good(by.token(NOW + 86400.0 * 5000), NOW)


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_the_cookie_is_for_this_site_alone(scheme: str, secure: bool) -> None:
    response = make_response(fields={"Set-Cookie": "own=1"})
    mark().put(make_request("POST", scheme=scheme), response, NOW)
    own, cookie = response.fields.values(b"set-cookie")
    assert own == b"own=1"
    assert b"; Path=/; Max-Age=5; HttpOnly; SameSite=Lax" in cookie
    assert cookie.endswith(b"; Secure") is secure


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("a=1; b=2", b"2"),
        ("b=2;a=1", b"2"),
        ("b=x=y", b"x=y"),
        ("bb=1", None),
        ("b", None),
        ("", None),
        ("b=;b=2", b""),
    ],
)
def test_cookies_are_found_by_name(line: str, value: bytes | None) -> None:
    assert cookie_of(make_request(fields={"Cookie": line}), b"b") == value
