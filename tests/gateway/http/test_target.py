import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequestError
from gateway.http.target import authority_and_origin_form, is_authority


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"a",
        b"A.b-c_d~",
        b"a.",
        b"a:",
        b"a:0",
        b"a:65535",
        b"192.0.2.1:80",
        b"[::1]",
        b"[2001:DB8::1]:8443",
        b"[::ffff:192.0.2.1]",
        b"[v7.a:b]",
        b"%41b",
        b"a!$&'()*+,;=b",
        b"a" * 255,
    ],
)
def test_a_host_with_or_without_a_port_is_an_authority(octets: bytes) -> None:
    assert is_authority(octets)
    assert is_authority(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b":80",
        b"a b",
        b" a",
        b"a\t",
        b"a/",
        b"a?",
        b"a#",
        b"a@b",
        b"u:p@a",
        b"a:b",
        b"a:-1",
        b"a:123456",
        b"a:1:2",
        b"::1",
        b"[::1",
        b"::1]",
        b"[]",
        b"[::1]x",
        b"[a b]",
        b"[::1%25eth0]",
        b"a%",
        b"a%4",
        b"a%4g",
        b"a\\b",
        b'"a"',
        b"<a>",
        b"a\x00",
        b"a\r\n",
        b"a\n",
        b"\xe4",
        b"a" * 256,
    ],
)
def test_what_names_no_host_is_no_authority(octets: bytes) -> None:
    assert not is_authority(octets)
    assert not is_authority(octets)


def test_more_authorities_than_are_remembered_are_judged_all_the_same() -> None:
    for number in range(3_000):
        assert is_authority(b"h%d.test" % number)
        assert not is_authority(b"h%d/test" % number)


@pytest.mark.parametrize(
    ("target", "authority", "path"),
    [
        (b"http://a", b"a", b"/"),
        (b"https://a/", b"a", b"/"),
        (b"HTTP://A:80/b/../c?d=http://e", b"A:80", b"/b/../c?d=http://e"),
        (b"http://a?b", b"a", b"/?b"),
        (b"http://[::1]:8080/x", b"[::1]:8080", b"/x"),
        (b"http://a//b", b"a", b"//b"),
    ],
)
def test_an_absolute_target_is_an_authority_and_a_path(target: bytes, authority: bytes, path: bytes) -> None:
    assert authority_and_origin_form("GET", target) == (authority, path)


def test_options_asks_about_the_whole_server_in_two_ways() -> None:
    assert authority_and_origin_form("OPTIONS", b"*") == (b"", b"*")
    assert authority_and_origin_form("OPTIONS", b"http://a:1") == (b"a:1", b"*")
    assert authority_and_origin_form("OPTIONS", b"http://a/") == (b"a", b"/")


@pytest.mark.parametrize(
    "target",
    [
        b"*",
        b"a",
        b"a:80",
        b"http:/a",
        b"http:a",
        b"http://",
        b"http:///a",
        b"http://u@a/",
        b"ftp://a/",
        b"ws://a/",
        b"http://a b/",
        b"http://a#b",
        b"?a",
        b"**",
    ],
)
def test_what_is_neither_a_path_nor_an_http_url_is_refused(target: bytes) -> None:
    with pytest.raises(BadRequestError):
        authority_and_origin_form("GET", target)


@given(st.binary(max_size=30), st.sampled_from(["GET", "OPTIONS", "x"]))
def test_any_target_is_an_authority_and_a_path_or_refused(noise: bytes, method: str) -> None:
    for target in (noise, b"http://" + noise, b"http://a" + noise):
        try:
            authority, path = authority_and_origin_form(method, target)
        except BadRequestError:
            continue
        assert is_authority(authority)
        assert path == b"*" or path.startswith(b"/")
        assert target.endswith(path) or path in (b"/", b"*") or path[1:2] == b"?"
