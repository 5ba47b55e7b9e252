import pytest

from gateway.errors import UpstreamProtocolError
from gateway.http.message import Response
from gateway.http.request_head import CHUNKED
from gateway.http.response_head import UNTIL_CLOSE, ResponseHeads


def head(*lines: bytes, line: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join([line, *lines, b"", b""])


def read(
    *lines: bytes, line: bytes = b"HTTP/1.1 200 OK", method: str = "GET"
) -> tuple[Response, int, bool, bytes | None]:
    return ResponseHeads().parse(head(*lines, line=line), method)


def refused(*lines: bytes, line: bytes = b"HTTP/1.1 200 OK") -> None:
    with pytest.raises(UpstreamProtocolError):
        read(*lines, line=line)


# --- the status line (RFC 9112 §4) -------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"HTTP/1.1 200 OK", 200, b"OK"),
        (b"HTTP/1.1 404 ", 404, b""),
        (b"HTTP/1.1 301", 301, b""),
        (b"HTTP/1.1 599 Odd  \t\xe9 ", 599, b"Odd  \t\xe9 "),
        (b"HTTP/1.7 100 Continue", 100, b"Continue"),
    ],
)
def test_status_and_reason_are_read_as_they_came(line: bytes, status: int, reason: bytes) -> None:
    response = read(line=line)[0]
    assert (response.status, response.reason, response.body) == (status, reason, b"")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"HTTP/1.1",
        b"HTTP/1.1 ",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1 99 Low",
        b"HTTP/1.1 600 High",
        b"HTTP/1.1 999 High",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 20x OK",
        b"HTTP/1.1 +20 OK",
        b"HTTP/1.1 \xb2\xb3\xb9 OK",
        b"HTTP/2.0 200 OK",
        b"HTTP/0.9 200 OK",
        b"http/1.1 200 OK",
        b"HTTP/1.10 200 OK",
        b"ICY 200 OK",
        b"HTTP/1.1\t200\tOK",
        b" HTTP/1.1 200 OK",
        b"HTTP/1.1 200 a\rb",
        b"HTTP/1.1 200 a\nb",
        b"HTTP/1.1 200 a\x00b",
        b"HTTP/1.1 200 \x7f",
    ],
)
def test_a_line_that_is_no_status_line_is_refused(line: bytes) -> None:
    refused(line=line)


@pytest.mark.parametrize(
    "line", [b"no colon", b"X : 1", b" X: 1", b"\tfold", b": 1", b"X: \x00", b"X: a\rb", b"X: a\nb"]
)
def test_what_a_strict_reading_does_not_allow_is_refused(line: bytes) -> None:
    refused(b"Content-Length: 0", line)
    refused(line)


# --- content (RFC 9112 §6.3) ----------------------------------------------------------------------


def test_a_length_frames_the_content_and_goes_no_further() -> None:
    response, length, reusable, upgrade = read(b"A: 1", b"content-length:\t5 ", b"B:2")
    assert (length, reusable, upgrade, response.described_length) == (5, True, None, None)
    assert response.fields.encode() == b"A: 1\r\nB:2\r\n"
    assert list(response.fields) == [(b"A", b"1"), (b"B", b"2")]


@pytest.mark.parametrize("value", [b"", b"+5", b"-1", b"5, 5", b"5,6", b"0x5", b"5 5", b"1" * 19, b"\xb2", b"5;"])
def test_a_length_that_is_no_plain_number_is_refused(value: bytes) -> None:
    refused(b"Content-Length: " + value)
    refused(b"Content-Length: " + value, b"Connection: close")


def test_lengths_that_agree_are_one_and_others_are_refused() -> None:
    response, length, reusable, _ = read(b"Content-Length: 5", b"X: 1", b"content-length:5")
    assert (length, reusable, response.fields.encode()) == (5, True, b"X: 1\r\n")
    refused(b"Content-Length: 5", b"Content-Length: 6")
    refused(b"Content-Length: 5", b"Content-Length: 05")


def test_chunked_content_keeps_the_connection() -> None:
    response, length, reusable, _ = read(b"Transfer-Encoding:\tChunked ", b"Trailer: X")
    assert (length, reusable, response.fields.encode()) == (CHUNKED, True, b"Trailer: X\r\n")


@pytest.mark.parametrize(
    "lines",
    [
        [b"Content-Length: 5", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Content-Length: 0"],
    ],
)
def test_chunked_beats_a_length_and_then_the_connection_is_not_used_again(lines: list[bytes]) -> None:
    response, length, reusable, _ = read(*lines)
    assert (length, reusable, len(response.fields)) == (CHUNKED, False, 0)


@pytest.mark.parametrize(
    "coding", [b"gzip", b"gzip, chunked", b"identity", b"chunked, chunked", b"", b"xchunked", b'"chunked"']
)
def test_a_coding_other_than_chunked_is_refused(coding: bytes) -> None:
    refused(b"Transfer-Encoding: " + coding)


def test_chunked_twice_and_chunked_in_http_1_0_are_refused() -> None:
    refused(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked")
    refused(b"Transfer-Encoding: chunked", line=b"HTTP/1.0 200 OK")


@pytest.mark.parametrize("lines", [[], [b"Server: x"], [b"Connection: keep-alive"]])
def test_content_without_framing_ends_with_the_connection(lines: list[bytes]) -> None:
    _, length, reusable, _ = read(*lines)
    assert (length, reusable) == (UNTIL_CLOSE, False)


@pytest.mark.parametrize(
    ("method", "line", "described"),
    [
        ("HEAD", b"HTTP/1.1 200 OK", 5),
        ("GET", b"HTTP/1.1 304 Not Modified", 5),
        ("GET", b"HTTP/1.1 204 No Content", None),
        ("GET", b"HTTP/1.1 103 Early Hints", None),
    ],
)
def test_answers_that_never_have_content_have_none_and_may_describe_one(
    method: str, line: bytes, described: int | None
) -> None:
    response, length, reusable, _ = read(b"Content-Length: 5", line=line, method=method)
    assert (length, reusable, response.described_length) == (0, True, described)
    response, length, reusable, _ = read(line=line, method=method)
    assert (length, reusable, response.described_length) == (0, True, None)
    response, length, reusable, _ = read(b"Transfer-Encoding: chunked", line=line, method=method)
    assert (length, reusable, response.described_length) == (0, True, None)


def test_an_empty_body_is_not_the_same_as_none_described() -> None:
    assert read(b"Content-Length: 0", method="HEAD")[0].described_length == 0


# --- the connection (RFC 9112 §9.3, RFC 9110 §7.6.1, §7.8) ---------------------------------------------


@pytest.mark.parametrize(
    ("version", "connection", "reusable"),
    [
        (b"HTTP/1.1", None, True),
        (b"HTTP/1.1", b"close", False),
        (b"HTTP/1.1", b"x, CLOSE", False),
        (b"HTTP/1.1", b"keep-alive", True),
        (b"HTTP/1.0", None, False),
        (b"HTTP/1.0", b"x", False),
        (b"HTTP/1.0", b"Keep-Alive", True),
        (b"HTTP/1.0", b"keep-alive, close", False),
        (b"HTTP/1.8", None, True),
    ],
)
def test_version_and_connection_say_whether_it_may_be_used_again(
    version: bytes, connection: bytes | None, reusable: bool
) -> None:
    lines = [] if connection is None else [b"Connection: " + connection]
    assert read(b"Content-Length: 0", *lines, line=version + b" 200 OK")[2] is reusable


def test_fields_of_this_connection_and_those_it_nominates_stop_here() -> None:
    response = read(
        b"Connection: x-gone, Set-Cookie, date",
        b"X-Gone: 1",
        b"Set-Cookie: a=b",
        b"Keep-Alive: timeout=5",
        b"Date: now",
        b"Upgrade: h2c",
        b"Proxy-Authenticate: Basic",
    )[0]
    assert response.fields.encode() == b"Set-Cookie: a=b\r\nDate: now\r\nProxy-Authenticate: Basic\r\n"
    assert len(response.fields) == 3


def test_forwarding_fields_of_an_answer_are_none_of_our_business() -> None:
    assert read(b"X-Forwarded-Host: a", b"Connection: close")[0].fields.encode() == b"X-Forwarded-Host: a\r\n"


def test_a_101_says_which_protocol_follows() -> None:
    line = b"HTTP/1.1 101 Switching Protocols"
    response, _, _, upgrade = read(b"Connection: Upgrade", b"Upgrade: WebSocket", b"X: 1", line=line)
    assert (upgrade, response.fields.encode()) == (b"WebSocket", b"X: 1\r\n")
    assert read(b"Upgrade: websocket", line=line)[3] is None
    assert read(b"Connection: upgrade", line=line)[3] is None
    assert read(b"Connection: Upgrade", b"Upgrade: websocket")[3] is None


def test_an_answer_known_to_have_a_date_says_so() -> None:
    assert read(b"Date: Sun, 06 Nov 1994 08:49:37 GMT")[0].dated
    assert not read(b"X-Date: Sun, 06 Nov 1994 08:49:37 GMT")[0].dated


def test_more_status_lines_than_are_remembered_are_read_all_the_same() -> None:
    for number in range(600):
        assert read(line=b"HTTP/1.1 200 take %d" % number)[0].reason == b"take %d" % number
