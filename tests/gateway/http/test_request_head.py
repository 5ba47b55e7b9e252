from typing import Any

import pytest

from gateway.errors import (
    BadRequestError,
    DownstreamError,
    FieldsTooLargeError,
    MethodNotAllowedError,
    MisdirectedError,
    TargetTooLongError,
    UnknownTransferCodingError,
    VersionError,
)
from gateway.http.message import Downstream, Monotonic, Request
from gateway.http.request_head import (
    CHUNKED,
    Framing,
    HeadLimits,
    RequestHeads,
    check_partial_head,
    is_one_head,
    skip_empty_lines,
)

LIMITS = HeadLimits(target=100, field=60, fields=8)
STRANGER = Downstream("192.0.2.7", "http")


def read(head: bytes) -> tuple[Request, Framing]:
    return RequestHeads(LIMITS, frozenset({b"websocket"})).parse(head, STRANGER, Monotonic(7.0))


def get(*lines: bytes, line: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: a.test") -> bytes:
    return b"\r\n".join([line, host, *lines, b"", b""])


def refused(head: bytes, error: type[DownstreamError] = BadRequestError) -> DownstreamError:
    with pytest.raises(error) as caught:
        read(head)
    assert type(caught.value) is error
    return caught.value


# --- the request line (RFC 9112 §3) --------------------------------------------------------------


def test_a_plain_request_keeps_the_octets_of_its_fields() -> None:
    request, framing = read(b"GET /a?b HTTP/1.1\r\nhOST:a.test\r\nX-A:  1 \r\nx-a:\r\n\r\n")
    assert (request.method, request.target, request.authority, request.minor) == ("GET", b"/a?b", b"a.test", 1)
    assert request.fields.encode() == b"hOST:a.test\r\nX-A:  1 \r\nx-a:\r\n"
    assert request.fields.values(b"x-a") == [b"1", b""]
    assert (request.body, request.upgrade, request.trailers, request.started) == (b"", None, False, 7.0)
    assert framing == Framing(0, close=False, expect=False)


@pytest.mark.parametrize("method", [b"get", b"M-SEARCH", b"PURGE", b"!#$%&'*+-.^_`|~", b"QUERY", b"A" * 64])
def test_any_token_is_a_method_and_keeps_its_case(method: bytes) -> None:
    assert read(get(line=method + b" / HTTP/1.1"))[0].method == method.decode()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET",
        b"GET /",
        b"GET  / HTTP/1.1",
        b"GET /  HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b" GET / HTTP/1.1",
        b"GET\t/\tHTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"G(T / HTTP/1.1",
        b"\xe9 / HTTP/1.1",
        b"A" * 65 + b" / HTTP/1.1",
        b" / HTTP/1.1",
    ],
)
def test_a_line_that_is_not_method_target_and_version_is_refused(line: bytes) -> None:
    refused(get(line=line))


@pytest.mark.parametrize("version", [b"HTTP/1.2", b"HTTP/1.9"])
def test_a_higher_minor_version_is_read_as_the_one_we_know(version: bytes) -> None:
    assert read(get(line=b"GET / " + version))[0].minor == 1


@pytest.mark.parametrize("version", [b"HTTP/2.0", b"HTTP/0.9", b"HTTP/3.0", b"HTTP/9.9"])
def test_another_major_version_is_answered_with_505(version: bytes) -> None:
    assert refused(get(line=b"GET / " + version), VersionError).status == 505


@pytest.mark.parametrize(
    "version", [b"http/1.1", b"HTTP/1", b"HTTP/1.10", b"HTTP/11", b"HTTP/1.1\r", b"HTTPS/1.1", b"HTTP/1.x"]
)
def test_what_is_no_version_is_answered_with_400(version: bytes) -> None:
    refused(get(line=b"GET / " + version))


# --- targets (RFC 9112 §3.2) -----------------------------------------------------------------------


@pytest.mark.parametrize("target", [b"/", b"//evil.test/x", b"/a/../b", b"/%00", b"/?", b'/"<>\\^`{|}', b"/a;b=c:d@e"])
def test_a_path_arrives_as_it_came(target: bytes) -> None:
    request = read(get(line=b"GET " + target + b" HTTP/1.1"))[0]
    assert (request.target, request.authority) == (target, b"a.test")


@pytest.mark.parametrize(
    "target", [b"/a#b", b"/\x7f", b"/\x00", b"/\xc3\xa9", b"/\x0b", b"a", b"?", b"", b"ftp://a.test/", b"a.test:80"]
)
def test_a_target_in_no_form_we_serve_is_refused(target: bytes) -> None:
    refused(get(line=b"GET " + target + b" HTTP/1.1"))


def test_the_authority_of_an_absolute_target_replaces_host() -> None:
    request = read(get(b"X: 1", line=b"GET HTTP://b.test:81/p?q HTTP/1.1"))[0]
    assert (request.target, request.authority) == (b"/p?q", b"b.test:81")
    assert list(request.fields) == [(b"Host", b"b.test:81"), (b"X", b"1")]


def test_an_absolute_target_that_agrees_with_host_leaves_the_fields_as_they_came() -> None:
    request = read(get(line=b"GET http://a.test HTTP/1.1", host=b"host:a.test"))[0]
    assert (request.target, request.fields.encode()) == (b"/", b"host:a.test\r\n")


def test_an_absolute_target_needs_a_host_field_all_the_same() -> None:
    refused(b"GET http://a.test/ HTTP/1.1\r\n\r\n")
    request = read(b"GET http://a.test/ HTTP/1.0\r\n\r\n")[0]
    assert list(request.fields) == [(b"Host", b"a.test")]


def test_what_is_secured_is_not_asked_for_without_security() -> None:
    heads = RequestHeads(LIMITS, frozenset())
    head = get(line=b"GET HTTPS://b.test/p HTTP/1.1")
    for downstream in (Downstream("192.0.2.7", "https"), Downstream("192.0.2.7", "http", trusted=True)):
        for _ in range(5):  # whatever is remembered of it
            request, _ = heads.parse(head, downstream, Monotonic(7.0))
            assert (request.target, request.authority) == (b"/p", b"b.test")
    with pytest.raises(MisdirectedError) as refused:
        heads.parse(head, STRANGER, Monotonic(7.0))
    assert (refused.value.status, refused.value.close) == (421, True)
    assert read(get(line=b"GET /https://b.test/ HTTP/1.1"))[0].target == b"/https://b.test/"


def test_the_asterisk_is_for_options() -> None:
    assert read(get(line=b"OPTIONS * HTTP/1.1"))[0].target == b"*"
    assert read(get(line=b"OPTIONS http://a.test HTTP/1.1"))[0].target == b"*"
    refused(get(line=b"GET * HTTP/1.1"))


@pytest.mark.parametrize("target", [b"a.test:443", b"/", b"http://a.test/", b"*"])
def test_connect_is_refused_whatever_its_target_looks_like(target: bytes) -> None:
    assert refused(get(line=b"CONNECT " + target + b" HTTP/1.1"), MethodNotAllowedError).status == 405


# --- Host (RFC 9112 §3.2) ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", [b"", b"a", b"A.test:", b"a.test:65535", b"[::1]:8080", b"[v1.a:b]", b"1.2.3.4", b"a_b%2D", b"a,b"]
)
def test_a_host_is_a_name_or_an_address_perhaps_with_a_port(host: bytes) -> None:
    assert read(get(host=b"Host:\t" + host + b" "))[0].authority == host


@pytest.mark.parametrize(
    "host",
    [
        b"a b",
        b"a/b",
        b"a?b",
        b"a#b",
        b"u@a",
        b"a:b",
        b"a:1:2",
        b"a:123456",
        b"[::1",
        b"::1",
        b"[g::]",
        b"\xe9",
        b"a%2",
        b"a" * 256,
        b'"a"',
    ],
)
def test_what_is_no_host_is_refused(host: bytes) -> None:
    wide = HeadLimits(target=100, field=1000, fields=8)
    for lines in ([], [b"Connection: close"]):
        with pytest.raises(BadRequestError):
            RequestHeads(wide, frozenset()).parse(get(*lines, host=b"Host: " + host), STRANGER, Monotonic(0.0))


@pytest.mark.parametrize("second", [b"Host: a.test", b"host: b.test", b"HOST:"])
@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
def test_two_hosts_are_refused_even_when_they_agree(second: bytes, version: bytes) -> None:
    refused(get(second, line=b"GET / " + version))


def test_only_http_1_0_may_do_without_a_host() -> None:
    refused(b"GET / HTTP/1.1\r\n\r\n")
    refused(b"GET / HTTP/1.1\r\nX: 1\r\n\r\n")
    request, framing = read(b"GET / HTTP/1.0\r\n\r\n")
    assert (request.authority, request.minor, len(request.fields), framing.close) == (b"", 0, 0, True)


# --- field lines and limits ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        b"no colon",
        b"X : 1",
        b"X\t: 1",
        b" X: 1",
        b"\tfold",
        b": 1",
        b"X\x00: 1",
        b"X: \x00",
        b"X: a\rb",
        b"X: a\nb",
        b"X: \x7f",
        b"(X): 1",
        b"\xe9: 1",
        b"X: 1\r",
    ],
)
@pytest.mark.parametrize("more", [[], [b"Content-Length: 0"]])
def test_what_a_strict_reading_does_not_allow_is_refused(line: bytes, more: list[bytes]) -> None:
    refused(get(line, *more))


def test_a_target_above_its_limit_is_answered_with_414() -> None:
    assert read(get(line=b"GET /" + b"a" * 99 + b" HTTP/1.1"))[0].target == b"/" + b"a" * 99
    error = refused(get(line=b"GET /" + b"a" * 100 + b" HTTP/1.1"), TargetTooLongError)
    assert (error.status, error.limit) == (414, "target")


def test_fields_above_their_limits_are_answered_with_431() -> None:
    read(get(*[b"X: 1"] * 7, b"", line=b"GET / HTTP/1.1")[:-2])
    assert refused(get(*[b"X: 1"] * 8), FieldsTooLargeError).limit == "fields"
    read(get(b"X:" + b"1" * 58))
    error = refused(get(b"X:" + b"1" * 59), FieldsTooLargeError)
    assert (error.status, error.limit) == (431, "field")


# --- framing (RFC 9112 §6) ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "length"),
    [
        (b"Content-Length: 0", 0),
        (b"content-length:5", 5),
        (b"Content-Length: 0005\t", 5),
        (b"Content-Length: 999999999999999999", 10**18 - 1),
        (b"Transfer-Encoding: chunked", CHUNKED),
        (b"transfer-encoding:\tCHUNKED \t", CHUNKED),
    ],
)
def test_the_length_is_read_and_the_field_goes_no_further(line: bytes, length: int) -> None:
    request, framing = read(get(line, b"X: 1", line=b"POST / HTTP/1.1"))
    assert framing == Framing(length, close=False, expect=False)
    assert request.fields.encode() == b"Host: a.test\r\nX: 1\r\n"


@pytest.mark.parametrize(
    "value", [b"", b"+5", b"-5", b"5 5", b"5, 5", b"5,", b"0x5", b"5.0", b"1_0", b"1" * 19, b"\xb2", b"five", b'"5"']
)
def test_a_length_that_is_no_plain_number_is_refused(value: bytes) -> None:
    refused(get(b"Content-Length: " + value))


@pytest.mark.parametrize(
    "lines",
    [
        [b"Content-Length: 5", b"Content-Length: 5"],
        [b"Content-Length: 5", b"Content-Length: 6"],
        [b"Content-Length: 5", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"content-length: 0"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked, identity"],
        [b"Transfer-Encoding:"],
        [b"Transfer-Encoding: chunked;q=1"],
        [b'Transfer-Encoding: "chunked"'],
        [b"Transfer-Encoding: chun\tked"],
    ],
)
def test_framing_that_two_readers_could_take_differently_is_refused(lines: list[bytes]) -> None:
    refused(get(*lines, line=b"POST / HTTP/1.1"))


@pytest.mark.parametrize("coding", [b"gzip", b"identity", b"xchunked", b"gzip, chunked", b"chunked, chunked"])
def test_a_transfer_coding_we_do_not_know_is_answered_with_501(coding: bytes) -> None:
    assert refused(get(b"Transfer-Encoding: " + coding), UnknownTransferCodingError).status == 501


def test_http_1_0_has_no_transfer_codings() -> None:
    refused(get(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0"))
    assert read(get(b"Content-Length: 3", line=b"POST / HTTP/1.0"))[1].length == 3


def test_a_bounded_number_of_methods_is_remembered_and_all_are_served() -> None:
    seen: list[Any] = [read(get(line=b"M%d / HTTP/1.1" % number))[0].method for number in range(600)]
    assert seen == [f"M{number}" for number in range(600)]


@pytest.mark.parametrize(("data", "at", "begins"), [(b"GET", 0, 0), (b"\r\nGET", 0, 2), (b"x\r\n\r\nGET", 1, 5)])
def test_empty_lines_before_a_request_are_skipped(data: bytes, at: int, begins: int) -> None:
    assert skip_empty_lines(data, at) == begins


def test_empty_lines_without_end_are_refused() -> None:
    with pytest.raises(BadRequestError):
        skip_empty_lines(b"\r\n" * 20, 0)


@pytest.mark.parametrize(
    ("part", "status"),
    [
        (b"GET /" + b"a" * 200, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 400, 431),
        (b"GET / HTTP/1.1\nHost", 400),
        (b"GET / HTTP/1.1\r\nHo\x00st", 400),
    ],
)
def test_what_can_never_become_a_head_is_refused_before_it_ends(part: bytes, status: int) -> None:
    with pytest.raises(DownstreamError) as refused:
        check_partial_head(part, 100, 300)
    assert refused.value.status == status


@pytest.mark.parametrize("part", [b"", b"G", b"GET / HTTP/1.1\r", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_a_head_that_may_still_become_one_is_waited_for(part: bytes) -> None:
    check_partial_head(part, 100, 300)


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", False),
        (b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", False),
        (b"", False),
    ],
)
def test_one_whole_head_is_told_from_anything_else(data: bytes, is_one: bool) -> None:
    assert is_one_head(data) is is_one
