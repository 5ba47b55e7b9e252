"""Responses that are malformed, ambiguous or odd. Each comes from a scripted origin, whole and byte by byte."""

from __future__ import annotations

from tests.conformance import responses_interim
from tests.conformance.faults import VALID
from tests.conformance.response_case import (
    HEAD_REQUEST,
    OLD_REQUEST,
    TIMED_OUT,
    Broken,
    Case,
    Failed,
    Passed,
    Then,
    broken,
    chunked,
    failed,
    head,
    passed,
    sized,
)

_ABC = Passed(body=b"abc")
_LAST = b"0\r\n\r\n"
_CHUNK = b"3\r\nabc\r\n"
_SECOND = sized(b"smuggled", b"X-Smuggled: yes")

NO_ANSWER = (
    failed("closed-before-an-octet", 23, b"", then=Then.CLOSE),
    failed("reset-before-an-octet", 23, b"", then=Then.RESET),
    failed("closed-in-the-status-line", 23, b"HTTP/1.1 20", then=Then.CLOSE),
    failed("reset-in-the-status-line", 23, b"HTTP/1.1 20", then=Then.RESET),
    failed("closed-in-the-fields", 23, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A", then=Then.CLOSE),
    failed("reset-before-the-empty-line", 23, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", then=Then.RESET),
    failed("closed-after-an-interim-answer", 23, head(status=b"103 Early Hints"), then=Then.CLOSE),
)

_LONG = head(b"Content-Length: 10")
BROKEN_OFF = (
    broken("closed-before-the-content", 24, _LONG, Then.CLOSE),
    broken("closed-in-the-content", 24, _LONG + b"hal", Then.CLOSE),
    broken("reset-in-the-content", 24, _LONG + b"hal", Then.RESET),
    broken("closed-one-octet-short", 24, _LONG + b"123456789", Then.CLOSE),
    broken("reset-in-chunked-content", 24, chunked(_CHUNK), Then.RESET),
    broken("reset-in-content-that-ends-with-the-connection", 24, head(b"Connection: close") + b"hal", Then.RESET),
    broken("closed-between-chunks", 25, chunked(_CHUNK), Then.CLOSE),
    broken("closed-in-a-chunk-size", 25, chunked(_CHUNK + b"1"), Then.CLOSE),
    broken("closed-in-a-chunk", 25, chunked(b"a\r\nhal"), Then.CLOSE),
    broken("closed-after-a-chunk-s-content", 25, chunked(b"3\r\nabc"), Then.CLOSE),
    broken("closed-in-the-last-chunk", 25, chunked(_CHUNK + b"0"), Then.CLOSE),
    broken("closed-before-the-trailers-end", 25, chunked(_CHUNK + b"0\r\n"), Then.CLOSE),
    broken("closed-in-a-trailer", 25, chunked(_CHUNK + b"0\r\nX-A: b"), Then.CLOSE),
    broken("chunk-size-no-number", 25, chunked(b"zz\r\nabc\r\n" + _LAST)),
    broken("chunk-size-empty", 25, chunked(b"\r\nabc\r\n" + _LAST)),
    broken("chunk-size-negative", 25, chunked(b"-3\r\nabc\r\n" + _LAST)),
    broken("chunk-size-with-0x", 25, chunked(b"0x3\r\nabc\r\n" + _LAST)),
    broken("chunk-size-above-all-bounds", 25, chunked(b"10000000000000003\r\nabc\r\n" + _LAST)),
    broken("chunk-longer-than-its-size", 25, chunked(b"3\r\nabcd\r\n" + _LAST)),
    broken("chunk-without-its-line-end", 25, chunked(b"3\r\nabc" + _LAST)),
    broken("chunk-size-ended-by-a-lone-lf", 25, chunked(b"3\nabc\r\n" + _LAST)),
    broken("chunk-ended-by-a-lone-lf", 25, chunked(b"3\r\nabc\n" + _LAST)),
    broken("last-chunk-ended-by-lone-lfs", 25, chunked(_CHUNK + b"0\n\n")),
    broken("chunk-extension-with-a-lone-lf", 25, chunked(b"3;a\nb\r\nabc\r\n" + _LAST)),
    broken("chunk-extensions-without-end", 25, chunked((b"1;" + b"x" * 50 + b"\r\na\r\n") * 3000 + _LAST)),
    broken("trailers-without-end", 25, chunked(_CHUNK + b"0\r\n" + b"X-A: b\r\n" * 20_000 + b"\r\n")),
    broken("trailer-folded", 25, chunked(_CHUNK + b"0\r\nX-A: b\r\n c\r\n\r\n")),
    broken("trailer-without-a-colon", 25, chunked(_CHUNK + b"0\r\nnonsense\r\n\r\n")),
    passed("chunk-extensions-are-dropped", 25, chunked(b"3;a=b\r\nabc\r\n0;c\r\n\r\n"), _ABC),
)

PAST_THE_END = (
    passed("octets-past-the-length", 26, sized(b"abc") + b"def", _ABC, reused=False),
    passed("a-line-end-past-the-length", 26, sized(b"abc") + b"\r\n", _ABC, reused=None),
    passed("a-response-past-the-length", 26, sized(b"abc") + _SECOND, _ABC, reused=False),
    passed("a-response-past-length-zero", 26, sized(b"") + _SECOND, Passed(), reused=False),
    passed("a-response-past-the-last-chunk", 26, chunked(_CHUNK + _LAST) + _SECOND, _ABC, reused=False),
    passed("octets-past-the-last-chunk", 26, chunked(_CHUNK + _LAST) + b"x", _ABC, reused=False),
    passed("octets-after-204", 26, head(status=b"204 No Content") + b"abc", Passed(204), reused=False),
    passed("a-response-after-204", 26, head(status=b"204 No Content") + _SECOND, Passed(204), reused=False),
    passed(
        "length-and-content-with-204", 26, sized(b"abc", status=b"204 No Content"), Passed(204), Failed(), reused=False
    ),
    passed(
        "chunks-after-304",
        26,
        head(b"Transfer-Encoding: chunked", status=b"304 Not Modified") + _CHUNK + _LAST,
        Passed(304),
        reused=False,
    ),
    passed("content-after-304", 26, sized(b"abc", status=b"304 Not Modified"), Passed(304), reused=False),
    Case("content-after-head", 26, sized(b"abc"), (Passed(),), reused=False, request=HEAD_REQUEST, method="HEAD"),
    Case(
        "a-response-after-head",
        26,
        head(b"Content-Length: 3") + _SECOND,
        (Passed(),),
        reused=False,
        request=HEAD_REQUEST,
        method="HEAD",
    ),
)


def _length(name: str, value: bytes, *others: Passed) -> Case:
    return failed("length-" + name, 27, head(b"Content-Length: " + value) + b"abc", *others)


LENGTHS = (
    failed("two-unequal-lengths", 27, head(b"Content-Length: 3", b"Content-Length: 4") + b"abc"),
    failed("two-equal-lengths", 27, head(b"Content-Length: 3", b"Content-Length: 3") + b"abc", _ABC),
    _length("list-of-unequal-ones", b"3, 4"),
    _length("list-of-equal-ones", b"3, 3", _ABC),
    _length("letters", b"three"),
    _length("plus", b"+3"),
    _length("minus", b"-3"),
    _length("hexadecimal", b"0x3"),
    _length("empty", b""),
    _length("space-inside", b"3 3"),
    _length("two-to-the-64", b"18446744073709551616"),
    _length("two-to-the-64-and-three", b"18446744073709551619"),
)

_BOTH = (b"Transfer-Encoding: chunked", b"Content-Length: 9")
CODINGS = (
    passed("length-with-chunked", 28, head(*_BOTH) + _CHUNK + _LAST, _ABC, Failed(), reused=False),
    passed("chunked-with-length", 28, head(*_BOTH[::-1]) + _CHUNK + _LAST, _ABC, Failed(), reused=False),
    passed("length-hides-a-response", 28, head(*_BOTH) + _CHUNK + _LAST + _SECOND, _ABC, Failed(), reused=False),
    failed("coding-unknown", 28, head(b"Transfer-Encoding: xchunked") + _CHUNK + _LAST, then=Then.CLOSE),
    failed("coding-gzip-then-chunked", 28, head(b"Transfer-Encoding: gzip, chunked") + _CHUNK + _LAST),
    failed("coding-chunked-twice", 28, head(b"Transfer-Encoding: chunked, chunked") + _CHUNK + _LAST),
    failed(
        "coding-in-two-fields", 28, head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + _CHUNK + _LAST
    ),
    failed(
        "coding-with-a-space-before-the-colon",
        28,
        head(b"Transfer-Encoding : chunked") + _CHUNK + _LAST,
        _ABC,
        then=Then.CLOSE,
    ),
    passed(
        "coding-in-the-old-version",
        28,
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + _CHUNK + _LAST,
        _ABC,
        Failed(),
        then=Then.CLOSE,
        reused=False,
    ),
    passed("coding-in-capitals", VALID, head(b"TRANSFER-ENCODING: CHUNKED") + _CHUNK + _LAST, _ABC),
)


def _status(name: str, line: bytes, *others: Passed) -> Case:
    return failed("status-" + name, 29, line + b"\r\nContent-Length: 3\r\n\r\nabc", *others)


NO_HTTP = (
    failed("garbage", 29, bytes(range(128, 255)) + b"\r\n\r\n"),
    failed("garbage-then-closed", 29, b"hello\r\n", then=Then.CLOSE),
    failed("a-page-without-a-head", 29, b"<html>hello</html>\r\n\r\n", then=Then.CLOSE),
    failed("a-request-for-a-response", 29, b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"),
    failed("an-alert-of-tls", 29, b"\x15\x03\x01\x00\x02\x02\x28", then=Then.CLOSE),
    failed("a-frame-of-http-2", 29, bytes.fromhex("00001204000000000000030000008000040001000000050000fffffe")),
    _status("99", b"HTTP/1.1 99 Low"),
    _status("099", b"HTTP/1.1 099 Low"),
    _status("000", b"HTTP/1.1 000 Null"),
    _status("1000", b"HTTP/1.1 1000 High"),
    _status("20", b"HTTP/1.1 20 Short"),
    _status("2x0", b"HTTP/1.1 2x0 Letters"),
    _status("negative", b"HTTP/1.1 -200 Minus"),
    _status("missing", b"HTTP/1.1"),
    _status("glued-to-its-reason", b"HTTP/1.1 200OK"),
    _status("600", b"HTTP/1.1 600 Beyond", Passed(600, b"abc")),
    _status("999", b"HTTP/1.1 999 Beyond", Passed(999, b"abc")),
    _status("without-a-reason-and-its-space", b"HTTP/1.1 200", _ABC),
    _status("reason-with-a-lone-cr", b"HTTP/1.1 200 O\rK"),
    _status("reason-with-nul", b"HTTP/1.1 200 O\x00K", _ABC),
    _status("version-of-http-2", b"HTTP/2.0 200 OK"),
    _status("version-missing", b"200 OK"),
    _status("version-of-another-protocol", b"ICY 200 OK"),
    failed(
        "switching-unasked", 29, head(b"Connection: Upgrade", b"Upgrade: websocket", status=b"101 Switching Protocols")
    ),
    failed("switching-unasked-then-an-answer", 29, head(status=b"101 Switching Protocols") + sized(b"abc")),
    failed("every-line-ended-by-a-lone-lf", 29, b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", _ABC),
    passed("reason-empty", VALID, b"HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\nabc", _ABC),
    passed(
        "reason-of-its-own",
        VALID,
        sized(b"abc", status=b"200 Quite All Right"),
        Passed(body=b"abc", reason=b"Quite All Right"),
    ),
)


def _line(name: str, line: bytes, *others: Passed) -> Case:
    return failed("line-" + name, 30, sized(b"abc", line), *others)


LINES = (
    _line("with-nul-in-its-value", b"X-A: b\x00c"),
    _line("with-a-lone-cr-in-its-value", b"X-A: b\rX-Evil: c"),
    _line("with-a-lone-lf-in-its-value", b"X-A: b\nX-Evil: c", _ABC),
    _line("with-a-control-in-its-value", b"X-A: \x01", _ABC),
    _line("with-delete-in-its-value", b"X-A: \x7f", _ABC),
    _line("folded", b"X-A: b\r\n c", Passed(body=b"abc", fields={b"x-a": b"b c"})),
    _line("folded-twice-with-tabs", b"X-A: b\r\n\tc\r\n\td", Passed(body=b"abc", fields={b"x-a": b"b c d"})),
    _line("with-a-space-before-the-colon", b"X-A : b", Passed(body=b"abc", fields={b"x-a": b"b"})),
    _line("without-a-colon", b"nonsense"),
    _line("with-an-empty-name", b": b"),
    _line("with-a-space-in-its-name", b"X A: b"),
    _line("with-nul-in-its-name", b"X\x00A: b"),
    _line("with-obs-text-in-its-name", b"X\xe9: b"),
    failed("first-line-indented", 30, b"HTTP/1.1 200 OK\r\n X-A: b\r\nContent-Length: 3\r\n\r\nabc", _ABC),
    failed("head-of-100-kilobytes", 30, sized(b"abc", *(b"X-%d: " % n + b"x" * 1000 for n in range(100)))),
    failed("one-field-of-2-megabytes", 30, sized(b"abc", b"X-A: " + b"x" * (2 << 20))),
    failed("5000-fields", 30, sized(b"abc", *(b"X-%d: a" % n for n in range(5000))), _ABC),
    failed("a-head-that-never-ends", 30, b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20_000),
    passed(
        "obs-text-in-a-value", VALID, sized(b"abc", b"X-A: caf\xe9"), Passed(body=b"abc", fields={b"x-a": b"caf\xe9"})
    ),
    passed("empty-value", VALID, sized(b"abc", b"X-A:"), Passed(body=b"abc", fields={b"x-a": b""})),
)

_HOP_BY_HOP = (
    b"Connection: X-Inside, keep-alive",
    b"X-Inside: 1",
    b"Keep-Alive: timeout=9",
    b"Proxy-Connection: x",
    b"Upgrade: h2c",
)
_GONE: dict[bytes, bytes | None] = {b"x-inside": None, b"keep-alive": None, b"proxy-connection": None, b"upgrade": None}


def _dropped(line: bytes) -> Case:
    """A trailer that must neither pass nor count as a field."""
    field = line.partition(b":")[0].lower()
    return passed(
        f"trailer-{field.decode()}-is-dropped",
        VALID,
        chunked(_CHUNK + b"0\r\n" + line + b"\r\nX-Digest: 1\r\n\r\n"),
        Passed(
            body=b"abc",
            fields={field: None} if b"encoding" not in field else {},
            trailers={b"x-digest": b"1", field: None},
        ),
    )


HOP_BY_HOP = (
    passed(
        "hop-by-hop-fields-stop-here",
        VALID,
        sized(b"abc", *_HOP_BY_HOP, b"X-Kept: 2"),
        Passed(body=b"abc", fields={**_GONE, b"x-kept": b"2"}),
    ),
    passed(
        "connection-close-is-obeyed", VALID, sized(b"abc", b"Connection: close"), _ABC, then=Then.CLOSE, reused=False
    ),
    passed(
        "the-origin-s-date-stays",
        VALID,
        sized(b"abc", b"Date: Mon, 01 Jan 2024 00:00:00 GMT"),
        Passed(body=b"abc", fields={b"date": b"Mon, 01 Jan 2024 00:00:00 GMT"}),
    ),
    passed(
        "trailers-pass",
        VALID,
        chunked(_CHUNK + b"0\r\nX-Digest: 1\r\n\r\n", b"Trailer: X-Digest"),
        Passed(body=b"abc", fields={b"x-digest": None}, trailers={b"x-digest": b"1"}),
    ),
    _dropped(b"Content-Length: 9"),
    _dropped(b"Transfer-Encoding: x"),
    _dropped(b"Set-Cookie: a=b"),
    _dropped(b"Cache-Control: public"),
    passed("content-that-ends-with-the-connection", VALID, head() + b"abc", _ABC, then=Then.CLOSE, reused=False),
    passed("the-old-version", VALID, b"HTTP/1.0 200 OK\r\n\r\nabc", _ABC, then=Then.CLOSE, reused=False),
    passed(
        "the-old-version-with-length",
        VALID,
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        _ABC,
        then=Then.CLOSE,
        reused=False,
    ),
    passed("204", VALID, head(status=b"204 No Content"), Passed(204)),
    passed(
        "304-with-a-length",
        VALID,
        head(b"Content-Length: 3", b'ETag: "a"', status=b"304 Not Modified"),
        Passed(304, fields={b"etag": b'"a"'}),
    ),
    passed(
        "426-says-which-protocol-it-wants",
        VALID,
        sized(b"", b"Connection: Upgrade", b"Upgrade: websocket, h2c", status=b"426 Upgrade Required"),
        Passed(426, fields={b"upgrade": b"websocket"}),
    ),
    passed(
        "426-does-not-offer-what-we-do-not-speak",
        VALID,
        sized(b"", b"Connection: Upgrade", b"Upgrade: TLS/1.0", status=b"426 Upgrade Required"),
        Passed(426, fields={b"upgrade": None}),
    ),
    passed("205-without-content", VALID, sized(b"", status=b"205 Reset Content"), Passed(205)),
    Case(
        "head-with-a-length",
        VALID,
        head(b"Content-Length: 3"),
        (Passed(fields={b"content-length": b"3"}),),
        reused=True,
        request=HEAD_REQUEST,
        method="HEAD",
    ),
    Case(
        "head-with-chunked",
        VALID,
        head(b"Transfer-Encoding: chunked"),
        (Passed(),),
        reused=True,
        request=HEAD_REQUEST,
        method="HEAD",
    ),
    Case(
        "chunks-for-the-old-version", VALID, chunked(_CHUNK + _LAST), (_ABC,), reused=True, request=OLD_REQUEST, minor=0
    ),
    Case(
        "end-of-connection-for-the-old-version",
        VALID,
        head() + b"abc",
        (_ABC,),
        Then.CLOSE,
        request=OLD_REQUEST,
        minor=0,
    ),
)

SILENCE = (
    Case("never-answers", 31, b"", (TIMED_OUT,), Then.HANG),
    Case("stops-in-the-status-line", 31, b"HTTP/1.1 2", (TIMED_OUT,), Then.HANG),
    Case("stops-in-the-fields", 31, b"HTTP/1.1 200 OK\r\nX-A: ", (TIMED_OUT,), Then.HANG),
    Case("stops-after-an-interim-answer", 31, head(status=b"103 Early Hints"), (TIMED_OUT,), Then.HANG),
    Case("drips-its-head", 31, sized(b"abc", b"X-A: " + b"x" * 200), (TIMED_OUT,), Then.HANG, pause=0.02),
    Case("stops-before-its-content", 31, _LONG, (Broken(), TIMED_OUT), Then.HANG),
    Case("stops-in-its-content", 31, _LONG + b"hal", (Broken(), TIMED_OUT), Then.HANG),
    Case("stops-in-a-chunk", 31, chunked(b"a\r\nhal"), (Broken(), TIMED_OUT), Then.HANG),
    Case("stops-before-the-last-chunk", 31, chunked(_CHUNK), (Broken(), TIMED_OUT), Then.HANG),
    Case("stops-in-content-that-ends-with-the-connection", 31, head() + b"hal", (Broken(), TIMED_OUT), Then.HANG),
)

CASES: tuple[Case, ...] = (
    NO_ANSWER
    + BROKEN_OFF
    + PAST_THE_END
    + LENGTHS
    + CODINGS
    + NO_HTTP
    + LINES
    + HOP_BY_HOP
    + SILENCE
    + responses_interim.CASES
)
