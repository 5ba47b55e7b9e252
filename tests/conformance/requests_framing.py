"""Requests whose length two parsers could read differently (RFC 9112 §6 and §7)."""

from __future__ import annotations

from tests.conformance.request_case import HOST, SMUGGLED, Case, Reaches, chunked, either, post, refused, served

_ABC = Reaches(b"/", "POST", b"abc")
_LAST = b"0\r\n\r\n"

BOTH = (
    refused("length-before-chunked", 1, post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=_LAST)),
    refused("chunked-before-length", 1, post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=_LAST)),
    refused("length-zero-with-chunked", 1, post(b"Content-Length: 0", b"Transfer-Encoding: chunked", body=_LAST)),
    refused(
        "length-with-chunked-hides-a-request",
        1,
        post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=_LAST + SMUGGLED),
    ),
    refused(
        "length-with-chunked-covers-a-request",
        1,
        post(b"Content-Length: 60", b"Transfer-Encoding: chunked", body=_LAST + SMUGGLED),
    ),
    refused(
        "length-with-unknown-coding", 1, post(b"Content-Length: 3", b"Transfer-Encoding: x", body=b"abc"), 400, 501
    ),
)


def _length(name: str, value: bytes, *statuses: int) -> Case:
    return refused("length-" + name, 2, post(b"Content-Length:" + value, body=b"abc"), *statuses)


LENGTHS = (
    refused("two-unequal-lengths", 2, post(b"Content-Length: 3", b"Content-Length: 4", body=b"abc")),
    refused("two-equal-lengths", 2, post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc")),
    refused("two-lengths-in-other-case", 2, post(b"Content-Length: 3", b"content-length: 0", body=b"abc")),
    _length("list-of-equal-ones", b" 3, 3"),
    _length("list-of-unequal-ones", b" 3, 4"),
    _length("plus", b" +3"),
    _length("minus", b" -3"),
    _length("minus-zero", b" -0"),
    _length("hexadecimal", b" 0x3"),
    _length("fraction", b" 3.0"),
    _length("exponent", b" 3e0"),
    _length("space-inside", b" 3 3"),
    _length("empty", b""),
    _length("quoted", b' "3"'),
    _length("underscore", b" 3_0"),
    _length("parameter", b" 3;a=b"),
    _length("letters", b" three"),
    _length("vertical-tab", b" \x0b3"),
    _length("superscript-digit", b" \xb3"),
    _length("two-to-the-64", b" 18446744073709551616", 400, 413),
    _length("two-to-the-64-and-three", b" 18446744073709551619", 400, 413),
    _length("two-to-the-63", b" 9223372036854775808", 400, 413),
    _length("thirty-digits", b" 999999999999999999999999999999", 400, 413),
    either("length-with-leading-zeros", 2, post(b"Content-Length: 0003", body=b"abc"), _ABC),
    served("length-between-spaces-and-tabs", 2, post(b"Content-Length:\t 3 \t", body=b"abc"), _ABC),
)


def _coding(name: str, line: bytes, *statuses: int) -> Case:
    return refused("coding-" + name, 3, post(line, body=b"3\r\nabc\r\n" + _LAST), *statuses)


CODINGS = (
    _coding("unknown", b"Transfer-Encoding: xchunked", 501),
    _coding("gzip-alone", b"Transfer-Encoding: gzip", 400, 501),
    _coding("gzip-then-chunked", b"Transfer-Encoding: gzip, chunked", 501),
    _coding("identity", b"Transfer-Encoding: identity", 400, 501),
    _coding("chunked-then-identity", b"Transfer-Encoding: chunked, identity", 400, 501),
    _coding("chunked-then-gzip", b"Transfer-Encoding: chunked, gzip", 400, 501),
    _coding("chunked-twice-in-a-list", b"Transfer-Encoding: chunked, chunked", 400, 501),
    _coding("chunked-in-two-fields", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400, 501),
    _coding("identity-in-a-second-field", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400, 501),
    _coding("empty", b"Transfer-Encoding:", 400, 501),
    _coding("quoted", b'Transfer-Encoding: "chunked"', 400, 501),
    _coding("with-a-parameter", b"Transfer-Encoding: chunked;q=1", 400, 501),
    _coding("cut-short", b"Transfer-Encoding: chunke", 501),
    _coding("space-before-the-colon", b"Transfer-Encoding : chunked"),
    _coding("tab-before-the-colon", b"Transfer-Encoding\t: chunked"),
    _coding("folded", b"Transfer-Encoding:\r\n chunked"),
    _coding("vertical-tab-in-front", b"Transfer-Encoding: \x0bchunked", 400, 501),
    _coding("nul-behind", b"Transfer-Encoding: chunked\x00"),
    _coding("behind-a-lone-cr", b"X-A: b\rTransfer-Encoding: chunked"),
    _coding("behind-a-lone-lf", b"X-A: b\nTransfer-Encoding: chunked"),
    _coding("as-the-first-line-indented", b" Transfer-Encoding: chunked"),
    either(
        "coding-with-an-empty-list-member",
        3,
        post(b"Transfer-Encoding: , chunked", body=b"3\r\nabc\r\n" + _LAST),
        _ABC,
        400,
        501,
    ),
    either(
        "coding-spelt-with-an-underscore",
        3,
        post(b"Content-Length: 3", b"Transfer_Encoding: chunked", body=b"abc"),
        _ABC,
    ),
    served("coding-in-capitals", 3, post(b"TRANSFER-ENCODING: CHUNKED", body=b"3\r\nabc\r\n" + _LAST), _ABC),
    served("coding-after-a-tab", 3, post(b"Transfer-Encoding:\tchunked", body=b"3\r\nabc\r\n" + _LAST), _ABC),
)

_OLD = b"POST / HTTP/1.0\r\n" + HOST
OLD_VERSION = (
    refused("coding-in-the-old-version", 4, _OLD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" + _LAST),
    refused(
        "coding-in-the-old-version-kept-alive",
        4,
        _OLD + b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + _LAST + SMUGGLED,
    ),
    refused(
        "coding-and-length-in-the-old-version",
        4,
        _OLD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + _LAST,
    ),
)


def _chunk(name: str, body: bytes, *statuses: int) -> Case:
    return refused("chunk-" + name, 5, chunked(body), *statuses, begins=True)


CHUNKS = (
    _chunk("size-no-number", b"zz\r\nabc\r\n" + _LAST),
    _chunk("size-empty", b"\r\nabc\r\n" + _LAST),
    _chunk("size-with-0x", b"0x3\r\nabc\r\n" + _LAST),
    _chunk("size-with-plus", b"+3\r\nabc\r\n" + _LAST),
    _chunk("size-with-minus", b"-3\r\nabc\r\n" + _LAST),
    _chunk("size-with-underscore", b"0_3\r\nabc\r\n" + _LAST),
    _chunk("size-after-a-space", b" 3\r\nabc\r\n" + _LAST),
    _chunk("size-before-a-space", b"3 \r\nabc\r\n" + _LAST),
    _chunk("size-of-two-to-the-64", b"10000000000000000\r\nabc\r\n" + _LAST, 400, 413),
    _chunk("size-of-two-to-the-64-and-three", b"10000000000000003\r\nabc\r\n" + _LAST, 400, 413),
    _chunk("size-of-two-to-the-64-less-one", b"ffffffffffffffff\r\nabc\r\n" + _LAST, 400, 413),
    _chunk("longer-than-its-size", b"3\r\nabcd\r\n" + _LAST),
    _chunk("shorter-than-its-size", b"5\r\nabc\r\n" + _LAST + SMUGGLED),
    _chunk("without-its-line-end", b"3\r\nabc" + _LAST),
    _chunk("data-ended-by-a-lone-lf", b"3\r\nabc\n" + _LAST),
    _chunk("data-ended-by-a-lone-cr", b"3\r\nabc\r" + _LAST),
    _chunk("size-ended-by-a-lone-lf", b"3\nabc\r\n" + _LAST),
    _chunk("size-ended-by-a-lone-cr", b"3\rabc\r\n" + _LAST),
    _chunk("last-one-ended-by-lone-lfs", b"3\r\nabc\r\n0\n\n"),
    _chunk("last-one-ended-by-a-lone-lf", b"3\r\nabc\r\n0\r\n\n" + SMUGGLED),
    _chunk("last-one-followed-by-a-request", b"3\r\nabc\r\n0\r\n" + SMUGGLED),
    served(
        "chunk-sizes-in-both-cases",
        5,
        chunked(b"A\r\n0123456789\r\na\r\nabcdefghij\r\n" + _LAST),
        Reaches(b"/", "POST", b"0123456789abcdefghij"),
    ),
    either("chunk-sizes-with-leading-zeros", 5, chunked(b"0003\r\nabc\r\n000\r\n\r\n"), _ABC),
    served("chunk-of-no-content", 5, chunked(_LAST), Reaches(b"/", "POST")),
)


def _extension(name: str, body: bytes, *statuses: int) -> Case:
    return refused("extension-" + name, 6, chunked(body), *statuses, begins=True)


EXTENSIONS = (
    served("extensions-are-dropped", 6, chunked(b"3;a=b\r\nabc\r\n0;last\r\n\r\n"), _ABC),
    served("extension-without-a-value", 6, chunked(b"3;a;b;c\r\nabc\r\n" + _LAST), _ABC),
    served("extension-quoted", 6, chunked(b'3;a="b;c, d"\r\nabc\r\n' + _LAST), _ABC),
    _extension("with-a-lone-lf", b"3;a\nb\r\nabc\r\n" + _LAST),
    _extension("with-a-lone-cr", b"3;a\rb\r\nabc\r\n" + _LAST),
    _extension("ended-by-a-lone-lf", b"3;a\nabc\r\n" + _LAST),
    _extension("with-nul", b"3;a=\x00\r\nabc\r\n" + _LAST),
    _extension("of-20-kilobytes", b"3;a=" + b"x" * 20_000 + b"\r\nabc\r\n" + _LAST, 400, 413, 431),
    _extension("of-20-kilobytes-in-all", b"1;a=xxxxxxxxxxxx\r\na\r\n" * 1500 + _LAST, 400, 413, 431),
    _extension("that-never-ends", b"3;" + b"x" * 40_000, 400, 413, 431),
)

_TRAILED = b"3\r\nabc\r\n0\r\n"


def _dropped(name: str, line: bytes) -> Case:
    field = line.partition(b":")[0].lower()
    return served(
        f"trailer-{name}-is-dropped",
        7,
        chunked(_TRAILED + line + b"\r\nX-Digest: 1\r\n\r\n", b"Trailer: X-Digest"),
        Reaches(b"/", "POST", b"abc", {b"x-digest": None}, {b"x-digest": b"1", field: None}),
    )


TRAILERS = (
    served(
        "trailers-pass-and-stay-trailers",
        7,
        chunked(_TRAILED + b"X-Digest: 1\r\nX-Ended: yes\r\n\r\n", b"Trailer: X-Digest"),
        Reaches(b"/", "POST", b"abc", {b"x-digest": None}, {b"x-digest": b"1", b"x-ended": b"yes"}),
    ),
    _dropped("content-length", b"Content-Length: 50"),
    _dropped("transfer-encoding", b"Transfer-Encoding: chunked"),
    _dropped("host", b"Host: evil.test"),
    _dropped("authorization", b"Authorization: Basic evil"),
    _dropped("cookie", b"Cookie: evil=1"),
    _dropped("content-type", b"Content-Type: evil/evil"),
    _dropped("x-forwarded-for", b"X-Forwarded-For: 192.0.2.66"),
    refused("trailer-folded", 7, chunked(_TRAILED + b"X-A: b\r\n c\r\n\r\n"), begins=True),
    refused("trailer-without-a-colon", 7, chunked(_TRAILED + b"nonsense\r\n\r\n"), begins=True),
    refused("trailer-with-a-space-before-the-colon", 7, chunked(_TRAILED + b"X-A : b\r\n\r\n"), begins=True),
    refused("trailer-with-nul", 7, chunked(_TRAILED + b"X-A: \x00\r\n\r\n"), begins=True),
    refused("trailer-with-a-lone-lf", 7, chunked(_TRAILED + b"X-A: b\nX-C: d\r\n\r\n"), begins=True),
    refused(
        "trailers-of-20-kilobytes",
        7,
        chunked(_TRAILED + b"X-A: " + b"x" * 20_000 + b"\r\n\r\n"),
        400,
        413,
        431,
        begins=True,
    ),
    refused(
        "trailers-without-number", 7, chunked(_TRAILED + b"X-A: b\r\n" * 3000 + b"\r\n"), 400, 413, 431, begins=True
    ),
)

CASES: tuple[Case, ...] = BOTH + LENGTHS + CODINGS + OLD_VERSION + CHUNKS + EXTENSIONS + TRAILERS
