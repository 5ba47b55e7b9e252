from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import Request
from plugins.idempotency.key import namer, read_key
from plugins.idempotency.settings import IdempotencySettings
from tests.support.plugins import make_request

UUID = b"8e03978e-40d5-43e8-bc93-6894a57f9324"


def name(request: Request, key: bytes = b"k", **settings: Any) -> bytes:
    return namer(IdempotencySettings.model_validate(settings))(request, key)


def test_a_key_is_a_string_with_or_without_quotes() -> None:
    assert read_key(b'"%b"' % UUID) == read_key(UUID) == UUID
    assert read_key(b'"a \\"b\\" c"; v=1') == b'a "b" c'


@pytest.mark.parametrize(
    "value",
    [b"", b'""', b'"', b"a b", b'a"b', b'"a"b', b"a, b", b'"a", "b"', b"\xff", b"x" * 256, b'"%b"' % (b"x" * 256)],
)
def test_what_is_no_key_is_none(value: bytes) -> None:
    assert read_key(value) is None


@given(st.binary(max_size=300))
def test_whatever_comes_a_key_is_short(value: bytes) -> None:
    key = read_key(value)
    assert key is None or 0 < len(key) <= 255


def test_a_key_is_its_owners_alone() -> None:
    owners: list[dict[str, str]] = [
        {},
        {"Authorization": "a"},
        {"Authorization": "b"},
        {"X-Api-Key": "a"},
        {"Cookie": "a"},
        {"Authorization": "a", "Cookie": "a"},
    ]
    assert len({name(make_request(fields=fields)) for fields in owners}) == len(owners)


def test_another_key_or_host_or_scheme_is_another_name() -> None:
    names = {
        name(make_request()),
        name(make_request(), b"other"),
        name(make_request(authority="other.example")),
        name(make_request(scheme="https")),
    }
    assert len(names) == 4
    assert name(make_request(authority="SHOP.example")) == name(make_request())


def test_a_key_does_not_depend_on_the_target() -> None:
    assert name(make_request(target="/a")) == name(make_request("PATCH", "/b"))


def test_without_identity_the_address_counts_unless_it_is_everybodys() -> None:
    one, other = make_request(peer="192.0.2.1"), make_request(peer="192.0.2.2")
    assert name(one) != name(other)
    assert name(one, anonymous="shared") == name(other, anonymous="shared")
    with_identity = [make_request(peer=peer, fields={"Authorization": "a"}) for peer in ("192.0.2.1", "192.0.2.2")]
    assert name(with_identity[0]) == name(with_identity[1])


def test_one_cookie_may_be_the_identity() -> None:
    def of(cookies: str) -> bytes:
        return name(make_request(fields={"Cookie": cookies}), identity=["cookie:sid"])

    assert of("sid=1; theme=dark") == of("theme=light;  sid=1")
    assert of("sid=1") != of("sid=2")
    assert of("xsid=1") == of("theme=dark")


def test_nothing_can_be_read_from_a_name() -> None:
    found = name(make_request(fields={"Authorization": "secret" * 100}))
    assert len(found) == 32
    assert b"secret" not in found
