import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.body import BodyStream
from gateway.http.message import Body, Downstream, Monotonic, Request
from gateway.http.request_head import HeadLimits, RequestHeads
from gateway.upstream.request_head import request_head
from tests.support.heads import on_request
from tests.support.plugins import make_request

SERVER = b"10.0.0.1:8000"


def sent(request: Request, host: bytes | None = None) -> list[bytes]:
    """The lines of the head, request line first."""
    head = request_head(request, host, SERVER, "front")
    assert head.endswith(b"\r\n\r\n")
    return head[:-4].split(b"\r\n")


def values(request: Request, name: bytes, host: bytes | None = None) -> list[bytes]:
    lines = (line.split(b": ", 1) for line in sent(request, host)[1:])
    return [value for found, value in lines if found.lower() == name]


def test_a_request_goes_on_with_its_fields_as_they_came() -> None:
    head = b"GET /a?b HTTP/1.1\r\nhOST:a.test\r\nX-A:  1\r\n\r\n"
    heads = RequestHeads(HeadLimits(100, 100, 10), frozenset())
    request, _ = heads.parse(head, Downstream("192.0.2.7", "https"), Monotonic(0.0))
    assert sent(request) == [
        b"GET /a?b HTTP/1.1",
        b"hOST:a.test",
        b"X-A:  1",
        b"X-Forwarded-For: 192.0.2.7",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Host: a.test",
        b"Via: 1.1 front",
    ]


def test_the_request_itself_is_not_changed() -> None:
    request = make_request(fields={"Host": "shop.example", "X-Forwarded-For": "198.51.100.1"}, trusted=True)
    before = list(request.fields)
    request_head(request, b"other", SERVER, "front")
    assert list(request.fields) == before


# --- Via (RFC 9110 §7.6.3) -----------------------------------------------------------------------


@pytest.mark.parametrize("minor", [0, 1])
def test_via_says_how_the_request_came_behind_what_others_said(minor: int) -> None:
    request = make_request(fields={"Via": "1.0 other"})
    request.minor = minor
    assert values(request, b"via") == [b"1.0 other", b"1.%d front" % minor]
    assert sent(request)[0].endswith(b" HTTP/1.1")


# --- Host (RFC 9110 §7.2) ------------------------------------------------------------------------


def test_host_is_kept_unless_the_settings_name_another() -> None:
    request = make_request(fields={"X": "1", "Host": "shop.example", "Y": "2"})
    assert values(request, b"host") == [b"shop.example"]
    assert sent(request, b"app:81")[1:4] == [b"X: 1", b"Host: app:81", b"Y: 2"]
    assert values(request, b"x-forwarded-host", b"app:81") == [b"shop.example"]


@pytest.mark.parametrize("fields", [{}, {"Host": ""}])
def test_a_request_without_a_host_gets_the_servers_own(fields: dict[str, str]) -> None:
    request = make_request(fields=fields, authority="")
    assert values(request, b"host") == [SERVER]


# --- framing (RFC 9112 §6) -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "body", "lengths", "codings"),
    [
        ("GET", b"", [], []),
        ("DELETE", b"", [], []),
        ("PURGE", b"", [], []),
        ("POST", b"", [b"0"], []),
        ("PUT", b"", [b"0"], []),
        ("PATCH", b"", [b"0"], []),
        ("GET", b"abc", [b"3"], []),
        ("POST", b"abc", [b"3"], []),
        ("POST", BodyStream(7), [b"7"], []),
        ("POST", BodyStream(0), [b"0"], []),
        ("GET", BodyStream(), [], [b"chunked"]),
    ],
)
def test_framing_fits_the_body(method: str, body: Body, lengths: list[bytes], codings: list[bytes]) -> None:
    request = make_request(method, fields={"Host": "a"}, body=body)
    assert values(request, b"content-length") == lengths
    assert values(request, b"transfer-encoding") == codings
    assert values(request, b"connection") == []


def test_trailers_are_asked_for_when_the_client_understands_them() -> None:
    request = make_request(fields={"Host": "a"})
    request.trailers = True
    assert (values(request, b"te"), values(request, b"connection")) == ([b"trailers"], [b"TE"])


def test_an_upgrade_is_asked_for_as_the_client_asked() -> None:
    request = make_request(fields={"Host": "a", "Sec-WebSocket-Key": "k"})
    request.upgrade, request.trailers = b"WebSocket", True
    assert (values(request, b"upgrade"), values(request, b"connection")) == ([b"WebSocket"], [b"Upgrade"])
    assert values(request, b"te") == []


# --- who asked (RFC 7239) ----------------------------------------------------------------------------


def test_a_stranger_is_reported_and_nothing_else() -> None:
    request = make_request(peer="2001:db8::1", scheme="https")
    assert values(request, b"x-forwarded-for") == [b"2001:db8::1"]
    assert values(request, b"x-forwarded-proto") == [b"https"]
    assert values(request, b"forwarded") == []


def test_a_trusted_proxys_report_goes_on_with_one_hop_more_in_one_line() -> None:
    reported = [
        ("X-Forwarded-For", "198.51.100.1"),
        ("X-Forwarded-Proto", "https"),
        ("x-forwarded-for", "198.51.100.2"),
        ("X-Forwarded-Host", "public.example"),
        ("Forwarded", "for=198.51.100.1;proto=https"),
    ]
    request = make_request(fields=[("Host", "a"), *reported], trusted=True)
    assert values(request, b"x-forwarded-for") == [b"198.51.100.1, 198.51.100.2, 192.0.2.7"]
    assert values(request, b"x-forwarded-proto") == [b"https"]
    assert values(request, b"x-forwarded-host") == [b"public.example"]
    assert values(request, b"forwarded") == [b"for=198.51.100.1;proto=https, for=192.0.2.7;proto=http"]


def test_a_trusted_proxy_that_reports_nothing_is_the_client() -> None:
    request = make_request(fields={"Host": "a"}, trusted=True)
    assert values(request, b"x-forwarded-for") == [b"192.0.2.7"]
    assert values(request, b"x-forwarded-proto") == [b"http"]
    assert values(request, b"x-forwarded-host") == [b"shop.example"]
    assert values(request, b"forwarded") == []


@pytest.mark.parametrize(
    ("peer", "node"), [("2001:db8::1", b'"[2001:db8::1]"'), ("unix", b"_unix"), ("192.0.2.7", b"192.0.2.7")]
)
def test_a_hop_is_named_as_forwarded_wants_it(peer: str, node: bytes) -> None:
    request = make_request(fields={"Forwarded": "for=_x"}, peer=peer, trusted=True)
    assert values(request, b"forwarded") == [b"for=_x, for=" + node + b";proto=http"]


NAMES = st.sampled_from(["Host", "X-A", "Via", "Forwarded", "X-Forwarded-For", "TE", "Upgrade", "Cookie"])
VALUES = st.text('abc,;=" \t/\u00e9', max_size=12).map(str.strip)


@given(
    st.lists(st.tuples(NAMES, VALUES), max_size=6).filter(lambda lines: sum(name == "Host" for name, _ in lines) < 2),
    st.booleans(),
    st.sampled_from([b"", b"abc"]),
    st.sampled_from([None, b"other:1"]),
)
def test_whatever_the_fields_are_llhttp_reads_the_head_as_meant(
    lines: list[tuple[str, str]], trusted: bool, body: bytes, host: bytes | None
) -> None:
    request = make_request("POST", "/x", lines, body, trusted=trusted)
    opinion = on_request(request_head(request, host, SERVER, "front") + body)
    assert (opinion.error, opinion.content, opinion.complete) == ("", body, True)
    found = [name.lower() for name, _ in opinion.fields]
    assert found.count(b"content-length") == 1
    assert found.count(b"x-forwarded-for") >= 1
    assert opinion.fields.count((b"Via", b"1.1 front")) >= 1
