from ipaddress import ip_network
from typing import Any

import pytest

from gateway.api import Request, WallTime
from plugins.rate_limit.keys import Address, address_reader, key_reader
from plugins.rate_limit.settings import LimitSettings, TokenSettings
from tests.support.plugins import make_request

NOW = WallTime(0.0)
HOME = Address(b"home", False)
AWAY = Address(b"away", False)


def key(request: Request, address: Address = HOME, **settings: Any) -> bytes | None:
    limit = LimitSettings.model_validate({"rate": "1/s", **settings})
    return key_reader(limit, TokenSettings())(request, address, NOW)


def test_addresses_of_one_network_are_one_client() -> None:
    read = address_reader(24, 64, ())
    assert read["192.0.2.7"] == read["192.0.2.99"] != read["192.0.3.7"]
    assert read["2001:db8:1:2::7"] == read["2001:db8:1:2:ffff::1"] != read["2001:db8:1:3::7"]


def test_an_ipv4_address_is_the_same_however_it_is_written() -> None:
    read = address_reader(32, 64, (ip_network("192.0.2.0/24"),))
    assert read["::ffff:192.0.2.7"] == read["192.0.2.7"]
    assert read["::ffff:192.0.2.7"].is_exempt


def test_networks_may_be_exempt() -> None:
    read = address_reader(32, 64, (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")))
    wanted = {"10.1.2.3": True, "192.0.2.1": False, "2001:db8::1": True, "::1": False, "unix": False}
    assert {text: read[text].is_exempt for text in wanted} == wanted


def test_what_is_no_address_is_a_client_of_its_own() -> None:
    read = address_reader(32, 64, ())
    assert read["unix"].key == b"unix"


@pytest.mark.parametrize(
    ("part", "same", "other"),
    [
        ("header:X-Api-Key", {"x-api-key": "1"}, {"X-Api-Key": "2"}),
        ("cookie:sid", {"Cookie": "a=1; sid=x"}, {"Cookie": "sid=y; a=1"}),
        ("claim:sub", {"Authorization": "Bearer e30.eyJzdWIiOiJhIn0.x"}, {"Authorization": "e30.eyJzdWIiOiJiIn0.y"}),
    ],
)
def test_a_key_follows_what_it_is_made_of_and_nothing_else(
    part: str, same: dict[str, str], other: dict[str, str]
) -> None:
    found = key(make_request(fields=same), key=part)
    assert found == key(make_request("POST", "/elsewhere", fields=same), AWAY, key=part)
    assert found != key(make_request(fields=other), key=part)
    assert found != key(make_request(), key=part)


def test_route_host_and_method_may_be_part_of_it() -> None:
    def of(part: str, request: Request) -> bytes | None:
        return key(request, key=part)

    assert of("route", make_request(route="a")) != of("route", make_request(route="b"))
    assert of("method", make_request("GET")) != of("method", make_request("POST"))
    assert of("host", make_request(authority="a")) != of("host", make_request(authority="b"))
    assert of("host", make_request(authority="A")) == of("host", make_request(authority="a"))


def test_no_two_combinations_are_the_same_key() -> None:
    parts = ["host", "header:X-A"]
    one = key(make_request(authority="a", fields={"X-A": "b1"}), key=parts)
    two = key(make_request(authority="ab", fields={"X-A": "1"}), key=parts)
    assert one != two


def test_without_a_field_the_address_counts() -> None:
    bare = make_request()
    assert key(bare, HOME, key="header:X-A") != key(bare, AWAY, key="header:X-A")
    assert key(bare, HOME, key="header:X-A", without_key="shared") == key(
        bare, AWAY, key="header:X-A", without_key="shared"
    )
    assert key(bare, key="header:X-A", without_key="skip") is None
    assert key(make_request(fields={"X-A": ""}), key="header:X-A", without_key="skip") is None


def test_nobody_can_pass_for_one_without_a_field() -> None:
    pretends = make_request(fields={"X-A": "-home"})
    assert key(pretends, key="header:X-A") != key(make_request(), key="header:X-A")


def test_long_values_make_short_keys_that_hold_no_secret() -> None:
    found = key(make_request(fields={"X-A": "s3cret" * 1000}, authority="h" * 5000), key=["header:X-A", "host"])
    assert found is not None
    assert len(found) < 64
    assert b"s3cret" not in found


def test_a_signed_token_is_asked_for_when_there_is_a_secret() -> None:
    token = TokenSettings.model_validate({"field": "X-Token", "secret": "0123456789abcdef"})
    read = key_reader(LimitSettings.model_validate({"rate": "1/s", "key": "claim:sub", "without_key": "skip"}), token)
    forged = make_request(fields={"X-Token": "e30.eyJzdWIiOiJhIn0.x"})
    assert read(forged, HOME, NOW) is None
