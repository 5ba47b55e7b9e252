import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.warming.urls import UrlError, authority_of, clean, host_of, is_among, join, lines, shown


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://shop.example", "http://shop.example/"),
        (" HTTPS://Shop.Example:8443/A?b=C#d\n", "https://shop.example:8443/A?b=C"),
        ("http://shop.example?a=1", "http://shop.example/?a=1"),
        ("http://shop.example/a//b/../c?x=/?&y=%7e", "http://shop.example/a//b/../c?x=/?&y=%7e"),
        ("http://shop.example/süß und gut", "http://shop.example/s%C3%BC%C3%9F%20und%20gut"),
        ("http://bücher.example:80/", "http://xn--bcher-kva.example:80/"),
        ("http://[::1]:8080/a", "http://[::1]:8080/a"),
    ],
)
def test_a_url_is_as_requests_name_it(text: str, url: str) -> None:
    assert clean(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/path",
        "shop.example/a",
        "ftp://shop.example/a",
        "http:///a",
        "http://user:secret@shop.example/",
        "http://shop.example\\@evil.example/",
        "http://shop example/",
        "http://shop.example/a\r\nHost: evil",
        "http://shop.example/\x00",
        "http://shop.example:port/",
        "http://-.\u2028./",
        "http://shop.example/\ud800",
        "http://shop.example/" + "a" * 9000,
    ],
)
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(UrlError):
        clean(text)


@given(st.text(max_size=60))
def test_any_text_is_a_url_on_one_line_or_refused(text: str) -> None:
    try:
        url = clean("http://shop.example/" + text)
    except UrlError:
        return
    assert url.isascii()
    assert all(character > " " and character != "\x7f" for character in url)
    assert clean(url) == url


def test_references_are_read_where_they_stand() -> None:
    assert join("http://shop.example/maps/index.xml", "../a.xml") == "http://shop.example/a.xml"
    assert join("http://shop.example/", " https://cdn.example/b#c ") == "https://cdn.example/b"
    with pytest.raises(UrlError):
        join("http://shop.example/", "http://[::1/")


def test_hosts_are_told_apart_by_name() -> None:
    assert authority_of("http://shop.example:81/a") == "shop.example:81"
    assert host_of("http://shop.example:81/a") == "shop.example"
    assert host_of("http://[::1]:81/a") == "[::1]"


@pytest.mark.parametrize(
    ("url", "is_wanted"),
    [
        ("http://shop.example:81/", True),
        ("http://a.b.cdn.example/", True),
        ("http://cdn.example/", False),
        ("http://notshop.example/", False),
        ("http://evilcdn.example/", False),
    ],
)
def test_a_star_is_every_name_below(url: str, is_wanted: bool) -> None:
    assert is_among(url, ("shop.example", "*.cdn.example")) is is_wanted


def test_secrets_are_masked_and_long_ones_cut() -> None:
    assert shown("http://shop.example/?token=abc&a=1") == "http://shop.example/?token=***&a=1"
    assert len(shown("http://shop.example/" + "a" * 1000)) == 300


def test_empty_lines_and_comments_are_left_out() -> None:
    assert list(lines(["\ufeffhttp://a/", "", "  # no", " http://b/ "])) == ["http://a/", "http://b/"]
