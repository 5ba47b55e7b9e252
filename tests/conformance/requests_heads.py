"""Requests whose request line or field lines are out of shape (RFC 9112 §2, §3 and §5), or too much of a good thing."""

from __future__ import annotations

from tests.conformance.faults import VALID
from tests.conformance.request_case import HOST, SMUGGLED, Case, Reaches, either, get, post, refused, served

_ROOT = Reaches(b"/")


def _octet(name: str, line: bytes) -> Case:
    return refused("octet-" + name, 8, get(line))


OCTETS = (
    _octet("nul-in-a-value", b"X-A: b\x00c"),
    _octet("nul-in-a-name", b"X-\x00A: b"),
    _octet("lone-cr-in-a-value", b"X-A: b\rc"),
    _octet("lone-cr-at-the-end-of-a-value", b"X-A: b\r"),
    _octet("lone-lf-in-a-value", b"X-A: b\nX-B: c"),
    _octet("start-of-heading-in-a-value", b"X-A: \x01"),
    _octet("escape-in-a-value", b"X-A: \x1b[2J"),
    _octet("delete-in-a-value", b"X-A: \x7f"),
    _octet("vertical-tab-in-a-value", b"X-A: b\x0bc"),
    _octet("space-in-a-name", b"X A: b"),
    _octet("obs-text-in-a-name", b"X-\xe9: b"),
    _octet("parenthesis-in-a-name", b"X(A): b"),
    _octet("quote-in-a-name", b'X"A: b'),
    refused("octet-nul-in-the-target", 8, b"GET /a\x00b HTTP/1.1\r\n" + HOST + b"\r\n"),
    refused("octet-control-in-the-target", 8, b"GET /a\x01b HTTP/1.1\r\n" + HOST + b"\r\n"),
    refused("octet-delete-in-the-target", 8, b"GET /a\x7fb HTTP/1.1\r\n" + HOST + b"\r\n"),
    refused("octet-tab-in-the-target", 8, b"GET /a\tb HTTP/1.1\r\n" + HOST + b"\r\n"),
    refused("octet-lone-cr-in-the-request-line", 8, b"GET / HTTP/1.1\rX: y\r\n" + HOST + b"\r\n"),
    refused("octet-control-in-the-method", 8, b"G\x01T / HTTP/1.1\r\n" + HOST + b"\r\n"),
    refused("every-line-ended-by-a-lone-lf", 8, b"GET / HTTP/1.1\nHost: shop.test\n\n"),
    refused("request-line-ended-by-a-lone-lf", 8, b"GET / HTTP/1.1\n" + HOST + b"\r\n"),
    refused("head-ended-by-a-lone-lf", 8, b"GET / HTTP/1.1\r\n" + HOST + b"\n"),
    refused("lines-ended-by-lone-crs", 8, b"GET / HTTP/1.1\rHost: shop.test\r\r\r\n\r\n"),
    served("obs-text-in-a-value", 8, get(b"X-A: caf\xe9"), Reaches(b"/", fields={b"x-a": b"caf\xe9"})),
    served("tab-in-a-value", 8, get(b"X-A: b\tc"), Reaches(b"/", fields={b"x-a": b"b\tc"})),
)

LINES = (
    refused("folded-with-a-space", 9, get(b"X-A: b", b" c")),
    refused("folded-with-a-tab", 9, get(b"X-A: b", b"\tc")),
    refused("folded-with-nothing-but-space", 9, get(b"X-A: b", b" ")),
    refused("first-line-indented", 9, b"GET / HTTP/1.1\r\n " + HOST + b"\r\n"),
    refused("space-before-the-colon", 9, get(b"X-A : b")),
    refused("tab-before-the-colon", 9, get(b"X-A\t: b")),
    refused("no-colon", 9, get(b"nonsense")),
    refused("empty-name", 9, get(b": b")),
    refused("only-a-colon", 9, get(b":")),
    refused("space-for-a-name", 9, get(b" : b")),
)


def _host(name: str, value: bytes, *statuses: int) -> Case:
    return refused("host-" + name, 10, b"GET / HTTP/1.1\r\nHost:" + value + b"\r\n\r\n", *statuses)


HOSTS = (
    refused("host-missing", 10, b"GET / HTTP/1.1\r\n\r\n"),
    refused("host-missing-with-another-field", 10, b"GET / HTTP/1.1\r\nX-A: b\r\n\r\n"),
    refused("host-twice", 10, get(b"Host: evil.test")),
    refused("host-twice-the-same", 10, get(b"Host: shop.test")),
    refused("host-twice-in-the-old-version", 10, b"GET / HTTP/1.0\r\n" + HOST + b"Host: evil.test\r\n\r\n"),
    _host("with-a-space", b" shop .test"),
    _host("with-two-names", b" shop.test evil.test"),
    _host("with-a-path", b" shop.test/evil"),
    _host("with-a-query", b" shop.test?evil"),
    _host("with-a-fragment", b" shop.test#evil"),
    _host("with-a-user", b" user@shop.test"),
    _host("with-a-backslash", b" shop.test\\evil"),
    _host("with-angle-brackets", b" <shop.test>"),
    _host("with-a-port-in-letters", b" shop.test:http"),
    _host("with-two-ports", b" shop.test:80:81"),
    _host("with-an-open-bracket", b" [::1"),
    _host("with-obs-text", b" caf\xe9.test"),
    _host("of-quotes", b' "shop.test"'),
    either("host-empty", 10, b"GET / HTTP/1.1\r\nHost:\r\n\r\n", _ROOT),
    either("host-with-an-impossible-port", 10, b"GET / HTTP/1.1\r\nHost: shop.test:99999\r\n\r\n", _ROOT),
    served(
        "host-with-a-port",
        10,
        b"GET / HTTP/1.1\r\nHost: shop.test:8080\r\n\r\n",
        Reaches(b"/", fields={b"host": b"shop.test:8080"}),
    ),
    served(
        "host-of-version-six",
        10,
        b"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n",
        Reaches(b"/", fields={b"host": b"[2001:db8::1]:80"}),
    ),
    served("host-missing-in-the-old-version", 10, b"GET / HTTP/1.0\r\n\r\n", _ROOT, closes=True, minor=0),
)

_LINE_END = b"\r\n" + HOST + b"\r\n"
VERSIONS = (
    refused("version-missing", VALID, b"GET /\r\n\r\n"),
    refused("version-of-http-2", VALID, b"GET / HTTP/2.0" + _LINE_END, 400, 505),
    refused("version-of-http-3", VALID, b"GET / HTTP/3" + _LINE_END, 400, 505),
    refused("version-of-http-0-9", VALID, b"GET / HTTP/0.9" + _LINE_END, 400, 505),
    refused("version-preface-of-http-2", VALID, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 405, 501, 505),
    refused("version-in-small-letters", VALID, b"GET / http/1.1" + _LINE_END, 400, 505),
    refused("version-with-two-digits", VALID, b"GET / HTTP/1.10" + _LINE_END, 400, 505),
    refused("version-without-a-point", VALID, b"GET / HTTP/11" + _LINE_END, 400, 505),
    refused("version-followed-by-a-space", VALID, b"GET / HTTP/1.1 " + _LINE_END),
    refused("version-of-another-protocol", VALID, b"GET / ICY/1.1" + _LINE_END, 400, 505),
    either("version-1-2", VALID, b"GET / HTTP/1.2" + _LINE_END, _ROOT, 400, 505),
    refused("request-line-with-a-space-in-front", VALID, b" GET / HTTP/1.1" + _LINE_END),
    refused("request-line-with-two-spaces", VALID, b"GET  / HTTP/1.1" + _LINE_END),
    refused("request-line-with-tabs", VALID, b"GET\t/\tHTTP/1.1" + _LINE_END),
    refused("request-line-with-a-space-in-the-target", VALID, b"GET /a b HTTP/1.1" + _LINE_END),
    refused("request-line-without-a-target", VALID, b"GET  HTTP/1.1" + _LINE_END),
    refused("request-line-of-one-word", VALID, b"GET\r\n" + HOST + b"\r\n"),
    refused("method-that-is-no-token", VALID, b"GE(T / HTTP/1.1" + _LINE_END),
    refused("method-empty", VALID, b" / HTTP/1.1" + _LINE_END),
    refused("greeting-of-tls", VALID, bytes.fromhex("16030100a5010000a10303") + bytes(40) + b"\r\n\r\n"),
    refused("random-octets", VALID, bytes(range(255, 127, -1)) + b"\r\n\r\n"),
    refused("nothing-but-text", VALID, b"hello, is anybody there?\r\n\r\n"),
    refused("a-response-for-a-request", VALID, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
)

SIZES = (
    refused("head-of-60-kilobytes", 19, get(*(b"X-%d: " % n + b"x" * 1000 for n in range(60))), 431),
    refused("one-field-of-9-kilobytes", 19, get(b"X-A: " + b"x" * 9000), 431),
    refused("one-field-of-2-megabytes", 19, get(b"X-A: " + b"x" * (2 << 20)), 431),
    refused("field-name-of-9-kilobytes", 19, get(b"X" * 9000 + b": a"), 400, 431),
    refused("3000-fields", 19, get(*(b"X-%d: a" % n for n in range(3000))), 431),
    refused("101-empty-fields", 19, get(*(b"X-%d:" % n for n in range(101))), 431),
    refused("target-of-9-kilobytes", 19, get(target=b"/" + b"a" * 9000), 414),
    refused("target-of-2-megabytes", 19, get(target=b"/" + b"a" * (2 << 20)), 414),
    refused("method-of-60-kilobytes", 19, b"A" * 60_000 + b" / HTTP/1.1" + _LINE_END, 400, 414, 431, 501),
    refused("method-that-never-ends", 19, b"A" * 60_000, 400, 414, 431, 501),
    served("field-of-7-kilobytes", 19, get(b"X-A: " + b"x" * 7000), Reaches(b"/", fields={b"x-a": b"x" * 7000})),
    served("target-of-7-kilobytes", 19, get(target=b"/" + b"a" * 7000), Reaches(b"/" + b"a" * 7000)),
    served("80-fields", 19, get(*(b"X-%d: a" % n for n in range(80))), Reaches(b"/", fields={b"x-79": b"a"})),
)

SLOW = (
    refused("head-that-never-ends", 20, b"GET / HTTP/1.1\r\nHost: sh", 408),
    refused("request-line-that-never-ends", 20, b"GET", 408),
    refused("content-that-never-comes", 20, post(b"Content-Length: 10"), 408, begins=True),
    refused("content-that-stops-half-way", 20, post(b"Content-Length: 10", body=b"hal"), 408, begins=True),
    refused("chunk-that-stops-half-way", 20, post(b"Transfer-Encoding: chunked", body=b"a\r\nhal"), 408, begins=True),
    refused("chunk-size-that-stops-half-way", 20, post(b"Transfer-Encoding: chunked", body=b"a"), 408, begins=True),
    refused("trailers-that-stop-half-way", 20, post(b"Transfer-Encoding: chunked", body=b"0\r\nX-A"), 408, begins=True),
)

OVERSIZED = (
    refused("length-above-the-limit", 33, post(b"Content-Length: 1048577", body=b"a" * 100), 413),
    refused("length-of-20-gigabytes", 33, post(b"Content-Length: 21474836480"), 413),
    refused("length-above-the-limit-and-expecting", 33, post(b"Content-Length: 1048577", b"Expect: 100-continue"), 413),
    refused(
        "chunks-above-the-limit",
        33,
        post(
            b"Transfer-Encoding: chunked",
            body=b"10000\r\n" + b"a" * 65536 + b"\r\n" + (b"10000\r\n" + b"a" * 65536 + b"\r\n") * 16,
        ),
        413,
        begins=True,
    ),
    refused(
        "one-chunk-above-the-limit",
        33,
        post(b"Transfer-Encoding: chunked", body=b"100001\r\n" + b"a" * 100),
        408,
        413,
        begins=True,
    ),
)

AFTER_AN_ERROR = (
    refused(
        "nothing-is-read-after-an-error", 16, get(target=b"/1") + get(b"bad line") + SMUGGLED, first=(Reaches(b"/1"),)
    ),
    refused(
        "nothing-is-read-after-a-bad-chunk",
        16,
        post(b"Transfer-Encoding: chunked", body=b"zz\r\n\r\n" + SMUGGLED * 20),
        begins=True,
    ),
)

CASES: tuple[Case, ...] = OCTETS + LINES + HOSTS + VERSIONS + SIZES + SLOW + OVERSIZED + AFTER_AN_ERROR
