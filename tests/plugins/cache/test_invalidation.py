import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.cache.invalidation import Invalidation, invalidated, names_target, same_site_target
from plugins.cache.selection import ByTag, ByUrl
from tests.support.caching import policy_of
from tests.support.plugins import FieldsLike, fields_of, make_request, make_response

policy = policy_of()


def as_it_came(target: bytes) -> list[bytes]:
    return [target]


def after(
    method: str = "POST", status: int = 200, fields: FieldsLike = (), target: str = "/a/b?x=1"
) -> Invalidation | None:
    return invalidated(make_request(method, target), make_response(status, fields), as_it_came, policy)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PURGE", "M-SEARCH", "post"])
@pytest.mark.parametrize("status", [200, 204, 301, 303, 399])
def test_a_change_that_succeeded_makes_its_target_unusable(method: str, status: int) -> None:
    assert after(method, status) == Invalidation((b"http://shop.example/a/b?x=1",), ())


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"])
def test_asking_changes_nothing(method: str) -> None:
    assert after(method, fields={"Cache-Group-Invalidation": '"a"', "Location": "/x"}) is None


@pytest.mark.parametrize("status", [400, 404, 409, 500, 503])
def test_a_change_that_failed_changes_nothing(status: int) -> None:
    assert after(status=status) is None


def test_other_urls_of_the_same_site_go_too() -> None:
    found = after(fields=[("Location", "/orders/7"), ("Content-Location", "http://SHOP.example:80/a/c")])
    assert found is not None
    assert found.urls == (
        b"http://shop.example/a/b?x=1",
        b"http://shop.example/orders/7",
        b"http://shop.example/a/c",
    )


@pytest.mark.parametrize(
    "location",
    [
        "https://shop.example/x",
        "http://shop.example:8080/x",
        "http://other.example/x",
        "//other.example/x",
        "http://shop.example@evil.test/x",
        "http://user@shop.example/x",
        "http://[bad/x",
        "mailto:someone@shop.example",
    ],
)
def test_another_sites_urls_stay(location: str) -> None:
    assert after(fields={"Location": location}) == Invalidation((b"http://shop.example/a/b?x=1",), ())


def test_groups_of_the_same_site_go_too() -> None:
    found = after(fields={"Cache-Group-Invalidation": '"news", "home"'})
    assert found is not None
    assert found.tags == (b"group http://shop.example news", b"group http://shop.example home")
    assert after(fields={"Cache-Group-Invalidation": "news"}) == after()


def test_a_post_that_only_asks_changes_nothing() -> None:
    asking = policy_of(key={"body": True})
    assert invalidated(make_request("POST"), make_response(), as_it_came, asking) is None
    assert invalidated(make_request("PUT"), make_response(), as_it_came, asking) is not None


def test_a_target_that_is_no_path_has_nothing_stored() -> None:
    assert after("PURGE", target="*") is None


def test_urls_are_named_in_every_form_that_keys_have_them_in() -> None:
    response = make_response(201, {"Location": "/a?x=1"})
    bare = lambda target: [target, target.partition(b"?")[0]]  # noqa: E731  # a form of each of two routes
    found = invalidated(make_request("POST", "/?y=1"), response, bare, policy)
    assert found is not None
    assert found.urls == tuple(b"http://shop.example" + form for form in (b"/?y=1", b"/", b"/a?x=1", b"/a"))


def test_a_purge_is_told_what_it_means() -> None:
    found = Invalidation((b"http://shop.example/", b"http://shop.example/a"), (b"group http://shop.example g",))
    assert found.selectors == [
        ByUrl(b"http://shop.example/"),
        ByUrl(b"http://shop.example/a"),
        ByTag(b"group http://shop.example g"),
    ]


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("c", b"/a/c"),
        ("?y", b"/a/b?y"),
        ("/c#part", b"/c"),
        ("", b"/a/b?x=1"),
        ("//shop.example/c", b"/c"),
        ("http://shop.example", b"/"),
        ("http://shop.example?q=1", b"/?q=1"),
        ("HTTP://shop.example/c", b"/c"),
        ("/c?u=http://other.example/", b"/c?u=http://other.example/"),
    ],
)
def test_references_are_resolved_as_a_browser_would(reference: str, target: bytes) -> None:
    assert same_site_target(make_request(target="/a/b?x=1"), reference.encode()) == target


def test_content_location_names_the_target_or_not() -> None:
    request = make_request("POST", "/search?x=1")
    assert names_target(request, fields_of({"Content-Location": "/search?x=1"}))
    assert not names_target(request, fields_of({"Content-Location": "/search"}))
    assert not names_target(request, fields_of({}))
    assert not names_target(request, fields_of([("Content-Location", "/search?x=1")] * 2))


@given(st.binary(max_size=30).filter(lambda value: not any(c < 32 or c == 127 for c in value)))
def test_whatever_a_location_holds_only_this_site_is_touched(location: bytes) -> None:
    response = make_response(201)
    response.fields.add(b"Location", location)
    found = invalidated(make_request("POST"), response, as_it_came, policy)
    assert found is not None
    assert all(url.startswith(b"http://shop.example/") and b"\n" not in url for url in found.urls)
