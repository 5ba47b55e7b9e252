import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.cors.origins import Origins, normal_origin, own_origin


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("HTTPS://App.Example.COM", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://app.example.com:80", "http://app.example.com"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("https://app.example.com:080", "https://app.example.com:80"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://*.example.com", "https://*.example.com"),
        ("https://*.example.com:8443", "https://*.example.com:8443"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("null", "null"),
        ("*", "*"),
    ],
)
def test_an_origin_is_kept_as_browsers_write_it(written: str, meant: str) -> None:
    assert normal_origin(written) == meant
    assert normal_origin(meant) == meant


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("https://app.example.com/", "without a path"),
        ("https://app.example.com/shop", "without a path"),
        ("app.example.com", "must be an origin"),
        ("https://", "must be an origin"),
        ("https://user@app.example.com", "must be an origin"),
        ("https://app.*.com", "must be an origin"),
        ("https://*app.example.com", "must be an origin"),
        ("https://b\u00fccher.example", "must be an origin"),
        ("https://app.example.com\n", "must be an origin"),
        (".*", "must be an origin"),
        ("", "must be an origin"),
        ("https://app..example.com", "empty part"),
        ("https://app.example.com.", "empty part"),
        ("https://*", "must be an origin"),
        ("https://*.com", "a domain with a dot"),
        ("https://*.0.0.1", "a domain with a dot"),
        ("https://*.[::1]", "a domain with a dot"),
        ("https://app.example.com:0", "port outside"),
        ("https://app.example.com:70000", "port outside"),
    ],
)
def test_what_is_no_origin_is_refused_in_words(written: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        normal_origin(written)


ALLOWED = Origins(["https://app.example.com", "https://*.trusted.example", "http://*.dev.example:8080"])


@pytest.mark.parametrize(
    "origin",
    [
        b"https://app.example.com",
        b"https://a.trusted.example",
        b"https://a.b-c.trusted.example",
        b"http://x.dev.example:8080",
    ],
)
def test_origins_that_are_meant(origin: bytes) -> None:
    assert origin in ALLOWED


@pytest.mark.parametrize(
    "origin",
    [
        b"",
        b"null",
        b"*",
        b"http://app.example.com",
        b"https://app.example.com:8443",
        b"https://APP.example.com",
        b"https://app.example.com.evil.test",
        b"https://evil.test/app.example.com",
        b"https://xapp.example.com",
        b"https://app-example.com",
        b"https://trusted.example",
        b"https://.trusted.example",
        b"https://a..trusted.example",
        b"https://-.trusted.example",
        b"https://eviltrusted.example",
        b"https://evil.test/.trusted.example",
        b"https://evil.test:443.trusted.example",
        b"https://user@evil.test#.trusted.example",
        b"https://evil.test%00.trusted.example",
        b"https://evil.test, https://a.trusted.example",
        b"https://a.trusted.example\n",
        b"https://a.trusted.example:8443",
        b"http://x.dev.example",
        b"https://" + b"a" * 600 + b".trusted.example",
    ],
)
def test_origins_that_only_look_like_it(origin: bytes) -> None:
    assert origin not in ALLOWED


@given(st.text("ab./:@#?-_ ,*\\", max_size=12).map(str.encode))
def test_a_star_stands_for_labels_of_a_host_and_for_nothing_else(middle: bytes) -> None:
    labels = middle.split(b".")
    plain = all(
        label and not label.strip(b"ab-_") and not (label.startswith(b"-") or label.endswith(b"-")) for label in labels
    )
    assert (b"https://" + middle + b".trusted.example" in ALLOWED) == plain


def test_null_is_meant_only_when_it_is_named() -> None:
    assert b"null" in Origins(["null"])


def test_a_star_alone_means_everybody() -> None:
    everybody = Origins(["*"])
    assert everybody.any
    assert b"https://anything.example" in everybody
    assert not ALLOWED.any


@pytest.mark.parametrize(
    ("scheme", "authority", "origin"),
    [
        ("http", b"shop.example", b"http://shop.example"),
        ("http", b"Shop.Example:80", b"http://shop.example"),
        ("https", b"shop.example:443", b"https://shop.example"),
        ("http", b"shop.example:443", b"http://shop.example:443"),
        ("http", b"[::1]:8080", b"http://[::1]:8080"),
        ("http", b"[::1]", b"http://[::1]"),
    ],
)
def test_the_origin_of_an_address(scheme: str, authority: bytes, origin: bytes) -> None:
    assert own_origin(scheme, authority) == origin
