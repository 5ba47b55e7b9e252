from collections.abc import Iterator
from typing import Any

import pytest

from gateway.api import Monotonic, Request
from plugins.cache.codec import decode, encode
from plugins.cache.key import Keyer
from plugins.cache.settings import KeySettings
from plugins.cache.stored import StoredResponse
from plugins.cache.sweeping_request import request_of
from plugins.cache.vary import secondary_key, selecting_fields
from tests.support.plugins import make_request
from tests.support.stored_responses import stored_response


def stored_for(request: Request, keyer: Keyer, *vary: bytes) -> StoredResponse:
    """What would be stored for the answer to a request."""
    key = keyer.key(request)
    assert isinstance(key, bytes)
    stored = stored_response(key, variant=secondary_key(vary, request.fields), route="shop")
    stored.request_fields = selecting_fields(vary, request.fields)
    return stored


def again(stored: StoredResponse, keyer: Keyer) -> Request | None:
    return request_of(stored, keyer, "slipstream (sweep)", Monotonic(5.0))


def requests() -> Iterator[Any]:
    plain = KeySettings()
    counting = KeySettings(fields=("X-Tenant",), cookies=("currency", "size"))
    yield make_request(), Keyer(plain), ()
    yield make_request(target="/a?b=c&d=%2F"), Keyer(plain), ()
    yield make_request(scheme="https", authority="shop.example:8443"), Keyer(plain), ()
    yield make_request(fields={"Accept-Encoding": "br, gzip"}), Keyer(plain), (b"accept-encoding",)
    yield make_request(), Keyer(plain), (b"accept-language",)
    yield make_request(fields={"User-Agent": "x"}), Keyer(plain), (b"user-agent",)
    yield make_request(fields={"X-Tenant": "a", "Cookie": "currency=eur; other=1; size=m"}), Keyer(counting), ()
    yield make_request(), Keyer(plain, mark=b"upstream other"), ()
    yield make_request(trusted=True, fields={"X-Forwarded-Host": "www.example"}), Keyer(plain), ()
    yield make_request(trusted=True, fields={"Forwarded": "host=www.example;proto=https"}), Keyer(plain), ()
    yield make_request(method="HEAD"), Keyer(plain), ()


@pytest.mark.parametrize(("request_", "keyer", "vary"), list(requests()))
def test_the_request_of_a_stored_response_is_made_again(
    request_: Request, keyer: Keyer, vary: tuple[bytes, ...]
) -> None:
    stored = stored_for(request_, keyer, *vary)
    made = again(stored, keyer)
    assert made is not None
    assert keyer.key(made) == stored.key
    assert secondary_key(vary, made.fields) == stored.variant
    assert (made.method, made.route, made.started, made.scheme) == ("GET", "shop", 5.0, request_.scheme)
    assert made.downstream.trusted == request_.downstream.trusted
    assert made.fields.get(b"host") == request_.authority


def test_who_asks_is_said_unless_answers_depend_on_it() -> None:
    keyer = Keyer(KeySettings())
    made = again(stored_for(make_request(), keyer), keyer)
    assert made is not None
    assert made.fields.get(b"user-agent") == b"slipstream (sweep)"
    varied = again(stored_for(make_request(), keyer, b"user-agent"), keyer)
    assert varied is not None
    assert b"user-agent" not in varied.fields


def test_what_is_not_known_whole_is_not_asked_for() -> None:
    keyer = Keyer(KeySettings())
    assert again(stored_for(make_request("QUERY", body=b"{}"), keyer), keyer) is None


def test_a_key_of_other_settings_is_not_asked_for() -> None:
    before, after = Keyer(KeySettings(fields=("X-Tenant",))), Keyer(KeySettings())
    assert again(stored_for(make_request(fields={"X-Tenant": "a"}), before), after) is None


@pytest.mark.parametrize(
    "key", [b"", b"nonsense", b"ftp://shop.example/", b"http://shop.example", b"http:///\nhost: x"]
)
def test_a_key_that_is_none_is_not_asked_for(key: bytes) -> None:
    assert again(stored_response(key), Keyer(KeySettings())) is None


def test_a_field_that_no_message_may_have_is_not_sent() -> None:
    keyer = Keyer(KeySettings())
    stored = stored_response(b"http://shop.example/\ncontent-length: 5")
    assert again(stored, keyer) is None


def test_credentials_that_only_a_tier_knew_of_are_not_made_up() -> None:
    keyer = Keyer(KeySettings())
    stored = stored_for(make_request(fields={"Authorization": "Bearer alice"}), keyer, b"authorization")
    assert again(stored, keyer) is not None
    assert again(decode(encode(stored, 0.0), 0.0), keyer) is None
