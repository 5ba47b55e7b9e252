from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import BodyStream, Request
from plugins.cache.cookies import CookieMatcher
from plugins.cache.key import Keyer, site, url_of
from plugins.cache.reasons import BypassReason
from plugins.cache.settings import KeySettings
from tests.support.plugins import make_request


def keyer(**settings: Any) -> Keyer:
    return Keyer(KeySettings.model_validate(settings))


def key(request: Request, **settings: Any) -> str:
    found = keyer(**settings).key(request)
    assert isinstance(found, bytes), found
    return found.decode()


def test_a_key_is_the_url() -> None:
    assert key(make_request(target="/a/b?x=1&y=2")) == "http://shop.example/a/b?x=1&y=2"
    assert key(make_request("HEAD", "/a")) == key(make_request("GET", "/a"))


@pytest.mark.parametrize(
    ("scheme", "authority", "url"),
    [
        ("http", "SHOP.example", "http://shop.example/"),
        ("http", "shop.example:80", "http://shop.example/"),
        ("https", "shop.example:443", "https://shop.example/"),
        ("https", "shop.example:80", "https://shop.example:80/"),
        ("http", "shop.example:8080", "http://shop.example:8080/"),
        ("http", "shop.example:", "http://shop.example/"),
        ("http", "[::1]:80", "http://[::1]/"),
        ("http", "shop.example.", "http://shop.example./"),
        ("http", "", "http:///"),
    ],
)
def test_the_host_counts_as_a_host_does(scheme: str, authority: str, url: str) -> None:
    assert key(make_request(authority=authority, scheme=scheme)) == url


@pytest.mark.parametrize(
    "target", ["/Account/x.css", "/account;x.css", "/account/%2e%2e/x", "/account%00.css", "//account", "/account."]
)
def test_a_path_is_keyed_as_it_came(target: str) -> None:
    assert key(make_request(target=target)) == f"http://shop.example{target}"


@pytest.mark.parametrize(
    ("settings", "target", "kept"),
    [
        ({"query": "sort"}, "/?b=2&a=1", "/?a=1&b=2"),
        ({"query": "sort"}, "/?b=2&a=2&a=1&c", "/?a=2&a=1&b=2&c"),
        ({"drop": ["utm_*", "gclid"]}, "/?utm_source=x&id=7&gclid=y&gclidx=z", "/?id=7&gclidx=z"),
        ({"drop": ["utm_*"]}, "/?utm_source=x", "/"),
        ({"drop": ["utm_*"]}, "/?UTM_source=x", "/?UTM_source=x"),
        ({"drop": ["utm_*"]}, "/a?b?utm_x=1", "/a?b?utm_x=1"),
        ({"only": ["page", "filter_*"]}, "/?x=1&filter_a=2&page=3", "/?filter_a=2&page=3"),
        ({"only": ["page", "filter_*"], "query": "sort"}, "/?page=3&filter_a=2", "/?filter_a=2&page=3"),
        ({"only": []}, "/?x=1", "/"),
        ({"query": "sort"}, "/path", "/path"),
        ({}, "/?b&a&&c=", "/?b&a&&c="),
    ],
)
def test_only_the_parameters_that_count_are_in_the_key_and_go_upstream(
    settings: dict[str, Any], target: str, kept: str
) -> None:
    assert key(make_request(target=target), **settings) == f"http://shop.example{kept}"
    assert keyer(**settings).target(target.encode()) == kept.encode()


def test_request_fields_and_cookies_count_where_the_route_says_so() -> None:
    settings = {"fields": ["X-Tenant"], "cookies": ["currency"]}
    plain = key(make_request(), **settings)
    tenant = key(make_request(fields={"X-Tenant": "a"}), **settings)
    euro = key(make_request(fields={"Cookie": "s=1; currency=EUR"}), **settings)
    both = key(make_request(fields={"X-Tenant": "a", "Cookie": "currency=EUR; s=2"}), **settings)
    assert len({plain, tenant, euro, both}) == 4
    assert euro == key(make_request(fields={"Cookie": "currency=EUR"}), **settings)
    assert {url_of(each.encode()) for each in (plain, tenant, euro, both)} == {b"http://shop.example/"}


def test_an_empty_field_is_not_an_absent_one() -> None:
    assert key(make_request(fields={"X-Tenant": ""}), fields=["X-Tenant"]) != key(make_request(), fields=["X-Tenant"])


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (make_request("POST"), BypassReason.METHOD),
        (make_request("PURGE"), BypassReason.METHOD),
        (make_request("get"), BypassReason.METHOD),
        (make_request("OPTIONS", "*"), BypassReason.METHOD),
        (make_request(body=b"x"), BypassReason.CONTENT),
        (make_request("HEAD", body=BodyStream(None)), BypassReason.CONTENT),
        (make_request("QUERY", body=BodyStream(10)), BypassReason.CONTENT_TOO_LARGE),
        (make_request("QUERY", body=b"x" * 65_537), BypassReason.CONTENT_TOO_LARGE),
        (make_request(target="*"), BypassReason.TARGET),
    ],
)
def test_what_no_key_is_found_for_says_why(request_: Request, reason: BypassReason) -> None:
    assert keyer().key(request_) is reason


def test_an_upgrade_is_no_answer_to_store() -> None:
    request = make_request()
    request.upgrade = b"websocket"
    assert keyer().key(request) is BypassReason.UPGRADE


def test_requests_with_a_named_cookie_pass_by() -> None:
    passing = Keyer(KeySettings(), CookieMatcher(["session"]))
    assert passing.key(make_request(fields={"Cookie": "a=1; session=2"})) is BypassReason.COOKIE
    assert passing.key(make_request(fields={"Cookie": "a=1"})) == b"http://shop.example/"


def test_a_query_is_keyed_by_its_content_and_by_how_to_read_it() -> None:
    asks = [
        make_request("QUERY", body=b"a"),
        make_request("QUERY", body=b"b"),
        make_request("QUERY", "/", {"Content-Type": "application/json"}, b"a"),
        make_request("QUERY", "/", {"Content-Encoding": "gzip"}, b"a"),
        make_request("QUERY", "/", {"Content-Language": "gzip"}, b"a"),
        make_request("GET"),
    ]
    keys = [key(request) for request in asks]
    assert len(set(keys)) == len(keys)
    assert {url_of(each.encode()) for each in keys} == {b"http://shop.example/"}
    assert key(make_request("QUERY", body=b"a")) == keys[0]


def test_a_post_is_keyed_by_its_content_where_it_only_asks() -> None:
    asking = keyer(body=True)
    assert asking.reads_content("POST")
    assert not keyer().reads_content("POST")
    assert not asking.reads_content("PUT")
    assert keyer().reads_content("QUERY")
    found = asking.key(make_request("POST", body=b"a"))
    assert found != asking.key(make_request("POST", body=b"b"))
    assert found != asking.key(make_request("QUERY", body=b"a"))


def test_an_answer_to_post_may_be_stored_for_get() -> None:
    assert keyer().get_key(make_request("POST", "/a", body=b"x")) == keyer().key(make_request("GET", "/a"))
    tenant = keyer(fields=["X-Tenant"])
    with_field = {"X-Tenant": "a"}
    assert tenant.get_key(make_request("POST", fields=with_field)) == tenant.key(make_request(fields=with_field))


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "X-Forwarded-Prefix", "X-Original-URL", "X-Rewrite-URL"])
def test_what_a_trusted_proxy_reports_counts(name: str) -> None:
    poisoned = make_request(fields={name: "evil.test"}, trusted=True)
    assert key(poisoned) != key(make_request(trusted=True))
    assert url_of(key(poisoned).encode()) == b"http://shop.example/"


def test_the_host_in_forwarded_counts_and_addresses_do_not() -> None:
    def forwarded(value: str) -> str:
        return key(make_request(fields={"Forwarded": value}, trusted=True))

    plain = key(make_request(trusted=True))
    assert forwarded("for=192.0.2.1") == plain
    assert forwarded("for=192.0.2.1;host=evil.test") != plain
    assert forwarded('for=192.0.2.1; Host="evil.test"') != forwarded("for=192.0.2.1;host=shop.example")
    assert forwarded("for=192.0.2.1;host=a") == forwarded("for=192.0.2.9;host=a")


def test_the_same_host_reported_again_changes_nothing() -> None:
    assert key(make_request(fields={"X-Forwarded-Host": "Shop.Example"}, trusted=True)) == key(make_request())


targets = st.binary(max_size=30).map(lambda octets: b"/" + octets.translate(None, bytes(range(33)) + b"\x7f#"))


@given(targets, targets, st.sampled_from(["http", "https"]), st.binary(max_size=10), st.binary(max_size=10))
def test_two_requests_share_a_key_only_for_the_same_site_target_and_fields(
    one: bytes, two: bytes, scheme: str, value: bytes, other: bytes
) -> None:
    tenant = keyer(fields=["X-Tenant", "X-Region"], cookies=["c"])

    def found(target: bytes, tenant_value: bytes) -> bytes | BypassReason:
        request = make_request(scheme=scheme)
        request.target = target
        clean = tenant_value.translate(None, bytes(range(32)) + b"\x7f")
        request.fields.add(b"X-Tenant", clean)
        return tenant.key(request)

    clean_values = [each.translate(None, bytes(range(32)) + b"\x7f").strip(b" \t") for each in (value, other)]
    same = one == two and clean_values[0] == clean_values[1]
    assert (found(one, value) == found(two, other)) is same


def test_the_site_is_what_a_url_begins_with() -> None:
    assert site("https", b"Shop.Example:443") == b"https://shop.example"
    assert site("http", b"a:443") != site("https", b"a")


def test_upstreams_with_the_same_urls_are_told_apart_by_a_mark_behind_the_url() -> None:
    marked = Keyer(KeySettings(), mark=b"upstream two")
    request = make_request(target="/a")
    assert marked.key(request) == b"http://shop.example/a\nupstream two"
    assert marked.get_key(request) == marked.key(request)
    assert marked.url(request) == url_of(b"http://shop.example/a\nupstream two") == b"http://shop.example/a"
    query = make_request("QUERY", "/a", body=b"x")
    assert marked.key(query) != keyer().key(query)
