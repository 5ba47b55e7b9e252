"""What a request says about its connection: Connection, Upgrade, TE, Expect (RFC 9110 §7.6, §7.8, §10.1)."""

import pytest

from gateway.errors import ExpectationError
from gateway.http.message import Downstream, Monotonic, Request
from gateway.http.request_head import Framing, HeadLimits, RequestHeads

LIMITS = HeadLimits(target=100, field=60, fields=8)
STRANGER = Downstream("192.0.2.7", "http")
TRUSTED = Downstream("192.0.2.8", "http", trusted=True)


def read(head: bytes, downstream: Downstream = STRANGER) -> tuple[Request, Framing]:
    return RequestHeads(LIMITS, frozenset({b"websocket"})).parse(head, downstream, Monotonic(7.0))


def get(*lines: bytes, line: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: a.test") -> bytes:
    return b"\r\n".join([line, host, *lines, b"", b""])


def names(request: Request) -> list[bytes]:
    return [name for name, _ in request.fields]


@pytest.mark.parametrize(
    ("version", "connection", "close"),
    [
        (b"HTTP/1.1", b"keep-alive", False),
        (b"HTTP/1.1", b"Close", True),
        (b"HTTP/1.1", b"keep-alive, x, close", True),
        (b"HTTP/1.1", b"closed", False),
        (b"HTTP/1.0", b"x", True),
        (b"HTTP/1.0", b"Keep-Alive", False),
        (b"HTTP/1.0", b"keep-alive, close", True),
    ],
)
def test_who_closes_is_said_by_version_and_connection(version: bytes, connection: bytes, close: bool) -> None:
    assert read(get(b"Connection: " + connection, line=b"GET / " + version))[1].close is close


def test_fields_of_this_connection_and_those_it_nominates_stop_here() -> None:
    head = get(
        b"Connection: X-Gone ,, keep-alive",
        b"X-Kept: 1",
        b"X-Gone: 1",
        b"Keep-Alive: timeout=5",
        b"Connection: cookie",
        b"x-gone:2",
        b"Cookie: a=b",
    )
    request = read(head)[0]
    assert names(request) == [b"Host", b"X-Kept"]
    assert request.fields.encode() == b"Host: a.test\r\nX-Kept: 1\r\n"


@pytest.mark.parametrize("line", [b"Proxy-Connection: x", b"Upgrade: h2c", b"HTTP2-Settings: AAAA", b"TE: gzip"])
def test_hop_by_hop_fields_stop_here_though_nobody_nominates_them(line: bytes) -> None:
    assert read(get(line, b"X: 1"))[0].fields.encode() == b"Host: a.test\r\nX: 1\r\n"


@pytest.mark.parametrize(
    "line", [b"Content-Type: a/b", b"Cache-Control: no-cache", b"Expect: 100-continue", b"Date: x"]
)
def test_what_the_message_means_cannot_be_nominated_away(line: bytes) -> None:
    name = line.partition(b":")[0]
    assert names(read(get(b"Connection: host, " + name, line))[0]) == [b"Host", name]


def test_framing_cannot_be_nominated_away() -> None:
    head = get(b"Connection: content-length, transfer-encoding", b"Content-Length: 4", line=b"POST / HTTP/1.1")
    assert read(head)[1].length == 4


def test_an_upgrade_we_allow_is_kept_apart_from_the_fields() -> None:
    request = read(get(b"Connection: Upgrade", b"Upgrade: WebSocket", b"Sec-WebSocket-Key: k"))[0]
    assert (request.upgrade, names(request)) == (b"WebSocket", [b"Host", b"Sec-WebSocket-Key"])


@pytest.mark.parametrize(
    "lines",
    [
        [b"Upgrade: websocket"],
        [b"Connection: upgrade", b"Upgrade: h2c"],
        [b"Connection: upgrade", b"Upgrade: websocket, h2c"],
        [b"Connection: upgrade", b"Upgrade: websocket", b"Upgrade: websocket"],
        [b"Connection: upgrade", b"Upgrade: websocket", b"Content-Length: 3"],
        [b"Connection: upgrade", b"Upgrade: websocket", b"Transfer-Encoding: chunked"],
    ],
)
def test_an_upgrade_that_is_not_clearly_one_we_allow_is_ignored(lines: list[bytes]) -> None:
    request = read(get(*lines))[0]
    assert (request.upgrade, names(request)) == (None, [b"Host"])


def test_http_1_0_cannot_upgrade() -> None:
    assert read(get(b"Connection: upgrade", b"Upgrade: websocket", line=b"GET / HTTP/1.0"))[0].upgrade is None


@pytest.mark.parametrize(
    ("lines", "trailers"),
    [
        ([b"Connection: TE", b"TE: Trailers"], True),
        ([b"Connection: te", b"TE: gzip;q=0.5, trailers"], True),
        ([b"Connection: te", b"TE: gzip"], False),
        ([b"TE: trailers"], False),
    ],
)
def test_trailers_are_wanted_when_te_says_so_and_connection_names_it(lines: list[bytes], trailers: bool) -> None:
    assert read(get(*lines))[0].trailers is trailers


def test_an_expectation_is_noted_and_passed_on() -> None:
    request, framing = read(get(b"Expect: 100-Continue", b"Content-Length: 3", line=b"POST / HTTP/1.1"))
    assert (framing.expect, names(request)) == (True, [b"Host", b"Expect"])


@pytest.mark.parametrize("lines", [[b"Expect:"], [b"Expect: 200-ok"], [b"Expect: 100-continue", b"Expect: x"]])
def test_another_expectation_is_answered_with_417(lines: list[bytes]) -> None:
    with pytest.raises(ExpectationError) as refused:
        read(get(*lines))
    assert refused.value.status == 417


@pytest.mark.parametrize("value", [b"100-continue", b"anything"])
def test_an_expectation_in_http_1_0_is_ignored_and_stops_here(value: bytes) -> None:
    request, framing = read(get(b"Expect: " + value, line=b"GET / HTTP/1.0"))
    assert (framing.expect, names(request)) == (False, [b"Host"])


@pytest.mark.parametrize(
    "name", [b"X-Forwarded-For", b"Forwarded", b"x-real-ip", b"X-Original-URL", b"X-Forwarded-Host"]
)
def test_forwarding_fields_count_only_from_those_we_trust(name: bytes) -> None:
    head = get(name + b": 198.51.100.1")
    assert names(read(head)[0]) == [b"Host"]
    assert names(read(head, TRUSTED)[0]) == [b"Host", name]
