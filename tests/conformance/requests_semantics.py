"""Requests whose form is right: what they are about must not fool the gateway, and odd ones must work."""

from __future__ import annotations

from tests.conformance.faults import VALID
from tests.conformance.request_case import (
    ADMIN_PORT,
    HOST,
    SMUGGLED,
    Case,
    Reaches,
    chunked,
    either,
    get,
    post,
    refused,
    served,
)

_ROOT = Reaches(b"/")
_ABC = Reaches(b"/", "POST", b"abc")
_LINE = b"GET %b HTTP/1.1\r\n" + HOST + b"\r\n"


def _absolute(name: str, target: bytes, origin_target: bytes, host: bytes) -> Case:
    return served("absolute-" + name, 11, _LINE % target, Reaches(origin_target, fields={b"host": host}))


ABSOLUTE = (
    _absolute("target", b"http://shop.test/a?b=c", b"/a?b=c", b"shop.test"),
    _absolute("target-of-another-authority", b"http://other.test/a", b"/a", b"other.test"),
    _absolute("target-in-capitals", b"HTTP://other.test/a", b"/a", b"other.test"),
    _absolute("target-with-a-port", b"http://other.test:81/a", b"/a", b"other.test:81"),
    _absolute(
        "target-of-our-administrator",
        b"http://127.0.0.1:" + ADMIN_PORT + b"/api/status",
        b"/api/status",
        b"127.0.0.1:" + ADMIN_PORT,
    ),
    _absolute("target-of-a-metadata-service", b"http://169.254.169.254/latest", b"/latest", b"169.254.169.254"),
    _absolute("target-without-a-path", b"http://other.test", b"/", b"other.test"),
    _absolute("target-with-a-query-and-no-path", b"http://other.test?b=c", b"/?b=c", b"other.test"),
    refused("absolute-target-without-a-host", 11, _LINE % b"http:///a"),
    refused("absolute-target-with-a-user", 11, _LINE % b"http://user:secret@other.test/a"),
    refused("absolute-target-with-a-bad-port", 11, _LINE % b"http://other.test:x/a"),
    refused("absolute-target-without-host-field", 11, b"GET http://other.test/ HTTP/1.1\r\n\r\n"),
    refused("absolute-target-of-https-without-tls", 11, _LINE % b"https://other.test/a", 421),
    either("absolute-target-of-another-scheme", 11, _LINE % b"ftp://other.test/a", Reaches(b"/a")),
    either("absolute-target-of-a-file", 11, _LINE % b"file:///etc/passwd", Reaches(b"/etc/passwd")),
)

FORMS = (
    refused("connect", 12, b"CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n", 405, 501),
    refused("connect-with-a-path", 12, b"CONNECT / HTTP/1.1\r\n" + HOST + b"\r\n", 400, 405, 501),
    refused(
        "connect-then-a-request",
        12,
        b"CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n" + SMUGGLED,
        405,
        501,
    ),
    refused("authority-form-with-get", 12, _LINE % b"shop.test:80"),
    refused("asterisk-with-get", 12, _LINE % b"*"),
    refused("asterisk-with-post", 12, b"POST * HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n"),
    refused("target-without-a-slash", 12, _LINE % b"a/b"),
    refused("target-of-a-query-alone", 12, _LINE % b"?a=b"),
    either("target-with-a-fragment", 12, _LINE % b"/a#b", Reaches(b"/a#b")),
    served(
        "target-with-two-slashes",
        12,
        _LINE % b"//evil.test/a",
        Reaches(b"//evil.test/a", fields={b"host": b"shop.test"}),
    ),
    served("asterisk-with-options", 12, b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", Reaches(b"*", "OPTIONS")),
)

NOMINATED = (
    served("nominated-host-stays", 13, get(b"Connection: Host"), Reaches(b"/", fields={b"host": b"shop.test"})),
    served("nominated-length-stays", 13, post(b"Connection: Content-Length", b"Content-Length: 3", body=b"abc"), _ABC),
    served("nominated-coding-stays", 13, chunked(b"3\r\nabc\r\n0\r\n\r\n", b"Connection: Transfer-Encoding"), _ABC),
    served(
        "nominated-field-goes",
        13,
        get(b"Connection: X-Secret", b"X-Secret: 1", b"X-Kept: 2"),
        Reaches(b"/", fields={b"x-secret": None, b"x-kept": b"2"}),
    ),
    served(
        "nominated-cookie-goes",
        13,
        get(b"Cookie: a=b", b"Connection: keep-alive, Cookie"),
        Reaches(b"/", fields={b"cookie": None}),
    ),
    served(
        "nominated-in-capitals",
        13,
        get(b"X-Secret: 1", b"CONNECTION: X-SECRET"),
        Reaches(b"/", fields={b"x-secret": None}),
    ),
    served(
        "nominated-in-two-fields",
        13,
        get(b"Connection: X-A", b"X-A: 1", b"Connection: X-B", b"X-B: 2"),
        Reaches(b"/", fields={b"x-a": None, b"x-b": None}),
    ),
    served(
        "nominated-forwarding-is-ours-again",
        13,
        get(b"Connection: X-Forwarded-For", b"X-Forwarded-For: 192.0.2.66"),
        Reaches(b"/", fields={b"x-forwarded-for": b"127.0.0.1"}),
    ),
    served(
        "hop-by-hop-fields-stop-here",
        13,
        get(b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive", b"TE: trailers"),
        Reaches(b"/", fields={b"keep-alive": None, b"proxy-connection": None}),
    ),
    served("nomination-of-nothing", 13, get(b"Connection: ,, ,"), _ROOT),
)

_NO_UPGRADE: dict[bytes, bytes | None] = {b"upgrade": None, b"http2-settings": None}
_SOCKET = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
UPGRADES = (
    served(
        "upgrade-to-h2c",
        14,
        get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
        Reaches(b"/", fields=_NO_UPGRADE),
    ),
    served(
        "upgrade-to-h2c-half-nominated",
        14,
        get(b"Connection: Upgrade", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
        Reaches(b"/", fields=_NO_UPGRADE),
    ),
    served(
        "upgrade-to-h2c-then-a-request",
        14,
        get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
        + get(target=b"/next"),
        Reaches(b"/", fields=_NO_UPGRADE),
        Reaches(b"/next"),
    ),
    served("upgrade-not-nominated", 15, get(b"Upgrade: websocket"), Reaches(b"/", fields=_NO_UPGRADE)),
    served(
        "websocket-answered-with-200-then-a-request",
        15,
        get(*_SOCKET, b"Sec-WebSocket-Version: 13") + get(target=b"/next"),
        Reaches(b"/"),
        Reaches(b"/next"),
    ),
    Case(
        "websocket-of-a-wrong-version-then-a-request",
        15,
        get(*_SOCKET, b"Sec-WebSocket-Version: 12") + get(target=b"/next"),
        (frozenset({200, 400, 426}), frozenset({200})),
        (Reaches(b"/"), Reaches(b"/next")),
    ),
    Case(
        "websocket-without-a-key",
        15,
        get(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
        (frozenset({200, 400}),),
        (Reaches(b"/"),),
    ),
    Case(
        "websocket-with-post-and-content",
        15,
        post(*_SOCKET, b"Sec-WebSocket-Version: 13", b"Content-Length: 3", body=b"abc"),
        (frozenset({200, 400, 405}),),
        (_ABC,),
    ),
)

_MANY = 10_000
PIPELINES = (
    served("pipeline-of-2", 16, get(target=b"/1") + get(target=b"/2"), Reaches(b"/1"), Reaches(b"/2")),
    served(
        "pipeline-of-32",
        16,
        b"".join(get(target=b"/%d" % n) for n in range(32)),
        *(Reaches(b"/%d" % n) for n in range(32)),
    ),
    served(
        "pipeline-of-10000",
        16,
        b"".join(get(target=b"/%d" % n) for n in range(_MANY)),
        *(Reaches(b"/%d" % n) for n in range(_MANY)),
    ),
    served(
        "pipeline-with-content",
        16,
        post(b"Content-Length: 3", body=b"abc") * 3 + get(target=b"/last"),
        _ABC,
        _ABC,
        _ABC,
        Reaches(b"/last"),
    ),
    served(
        "pipeline-with-chunks", 16, chunked(b"3\r\nabc\r\n0\r\n\r\n") + get(target=b"/last"), _ABC, Reaches(b"/last")
    ),
    served(
        "pipeline-with-head",
        16,
        b"HEAD / HTTP/1.1\r\n" + HOST + b"\r\n" + get(target=b"/last"),
        Reaches(b"/", "HEAD"),
        Reaches(b"/last"),
        methods=("HEAD",),
    ),
    served(
        "nothing-is-read-after-close",
        16,
        get(b"Connection: close", target=b"/1") + SMUGGLED,
        Reaches(b"/1"),
        closes=True,
    ),
    served(
        "nothing-is-read-after-the-old-version",
        16,
        b"GET /1 HTTP/1.0\r\n" + HOST + b"\r\n" + SMUGGLED,
        Reaches(b"/1"),
        closes=True,
        minor=0,
    ),
    served(
        "empty-lines-between-requests",
        16,
        get(target=b"/1") + b"\r\n\r\n" + get(target=b"/2"),
        Reaches(b"/1"),
        Reaches(b"/2"),
    ),
)

EXPECTATIONS = (
    served("expecting-without-waiting", 17, post(b"Expect: 100-continue", b"Content-Length: 3", body=b"abc"), _ABC),
    served("expecting-in-capitals", 17, post(b"Expect: 100-Continue", b"Content-Length: 3", body=b"abc"), _ABC),
    served("expecting-with-chunks", 17, chunked(b"3\r\nabc\r\n0\r\n\r\n", b"Expect: 100-continue"), _ABC),
    served("expecting-without-content", 17, get(b"Expect: 100-continue"), _ROOT),
    served(
        "expecting-with-no-octets-then-a-request",
        17,
        post(b"Expect: 100-continue", b"Content-Length: 0") + get(target=b"/next"),
        Reaches(b"/", "POST"),
        Reaches(b"/next"),
    ),
    served(
        "expecting-in-the-old-version",
        17,
        b"POST / HTTP/1.0\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        _ABC,
        closes=True,
        minor=0,
    ),
    refused("expecting-something-else", 17, post(b"Expect: 200-ok", b"Content-Length: 3", body=b"abc"), 417),
    refused(
        "expecting-more-than-one-thing", 17, post(b"Expect: 100-continue, x", b"Content-Length: 3", body=b"abc"), 417
    ),
    refused(
        "expecting-with-a-parameter", 17, post(b"Expect: 100-continue;a=b", b"Content-Length: 3", body=b"abc"), 417
    ),
    refused("expecting-something-alike", 17, post(b"Expect: y 100-continue", b"Content-Length: 3", body=b"abc"), 417),
    either("expecting-nothing", 17, post(b"Expect:", b"Content-Length: 3", body=b"abc"), _ABC, 417),
    either(
        "expecting-twice",
        17,
        post(b"Expect: 100-continue", b"Expect: 100-continue", b"Content-Length: 3", body=b"abc"),
        _ABC,
        417,
    ),
)


def _with_content(method: bytes) -> Case:
    name = method.decode()
    sent = method + b" / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc" + get(target=b"/next")
    reaches = (Reaches(b"/", name, b"abc"), Reaches(b"/next"))
    return served(f"content-with-{name.lower()}", 18, sent, *reaches, methods=(name,))


CONTENT = (
    *(_with_content(method) for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS")),
    served(
        "chunks-with-get",
        18,
        b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        Reaches(b"/", "GET", b"abc"),
    ),
    served("post-without-framing", 18, b"POST / HTTP/1.1\r\n" + HOST + b"\r\n", Reaches(b"/", "POST")),
)


def _hops(method: bytes, left: bytes, passed: bytes) -> Case:
    sent = method + b" / HTTP/1.1\r\n" + HOST + b"Max-Forwards: " + left + b"\r\n\r\n"
    name = f"hops-{left.decode()}-with-{method.decode().lower()}"
    reached = Reaches(b"/", method.decode(), fields={b"max-forwards": passed})
    return served(name, VALID, sent, reached, methods=(method.decode(),))


def _last_hop(method: bytes, *lines: bytes, status: int) -> Case:
    sent = method + b" / HTTP/1.1\r\n" + HOST + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    name = f"last-hop-of-{method.decode().lower()}" + ("-with-content" if len(lines) > 1 else "")
    return Case(name, VALID, sent, (frozenset({status}),), closes=True)


HOPS = (
    _hops(b"OPTIONS", b"3", b"2"),
    _hops(b"TRACE", b"1", b"0"),
    _hops(b"TRACE", b"007", b"6"),
    _hops(b"OPTIONS", b"soon", b"soon"),
    _hops(b"GET", b"0", b"0"),
    _last_hop(b"OPTIONS", b"Max-Forwards: 0", status=200),
    _last_hop(b"OPTIONS", b"Max-Forwards: 0", b"Content-Length: 3", status=200),
    _last_hop(b"TRACE", b"Max-Forwards: 0", status=405),
    refused("hops-said-twice", VALID, b"TRACE / HTTP/1.1\r\n" + HOST + b"Max-Forwards: 1\r\nMax-Forwards: 0\r\n\r\n"),
)
"""Max-Forwards (RFC 9110 §7.6.2)."""

CASES: tuple[Case, ...] = ABSOLUTE + FORMS + NOMINATED + UPGRADES + PIPELINES + EXPECTATIONS + CONTENT + HOPS
