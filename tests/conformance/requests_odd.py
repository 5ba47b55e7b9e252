"""Odd requests: paths that invite cleverness, forged forwarding fields, and unusual ones that must work."""

from __future__ import annotations

from tests.conformance.faults import VALID
from tests.conformance.request_case import (
    ADMIN_PORT,
    HOST,
    Case,
    Reaches,
    either,
    get,
    post,
    served,
    valid,
)

_ROOT = Reaches(b"/")
_ABC = Reaches(b"/", "POST", b"abc")
_LINE = b"GET %b HTTP/1.1\r\n" + HOST + b"\r\n"


_PATHS = (
    b"/a/../b",
    b"/a/./b",
    b"/../..",
    b"/a//b",
    b"///",
    b"/%2e%2e/x",
    b"/%2E",
    b"/a%2Fb",
    b"/a;b=c",
    b"/account/x.css",
    b"/x%00.css",
    b"/x.",
    b"/%7euser",
    b"/~user",
    b"/a+b%20c",
    b"/a?",
    b"/a?b?c",
    b"/a?b=//../c",
    b"/A?b=C&b=c",
    b"/:80",
    b"/@evil.test",
    b"/*",
)
PATHS = (
    *(served("path-" + path.decode(), 36, _LINE % path, Reaches(path)) for path in _PATHS),
    either("path-with-a-bad-escape", 36, _LINE % b"/%zz", Reaches(b"/%zz")),
    either("path-with-marks-no-path-has", 36, _LINE % b'/"<>\\^`{|}', Reaches(b'/"<>\\^`{|}')),
    either("path-with-obs-text", 36, _LINE % b"/caf\xe9", Reaches(b"/caf\xe9")),
)

_RANGES = b"bytes=" + b",".join(b"%d-" % n for n in range(1000))
OTHERS = (
    served("a-thousand-ranges", 39, get(b"Range: " + _RANGES), Reaches(b"/", fields={b"range": _RANGES})),
    served(
        "overlapping-ranges",
        39,
        get(b"Range: bytes=0-9,0-9,5-,-5"),
        Reaches(b"/", fields={b"range": b"bytes=0-9,0-9,5-,-5"}),
    ),
    served("range-of-nonsense", 39, get(b"Range: cows=1-2"), Reaches(b"/", fields={b"range": b"cows=1-2"})),
    *(
        served("administrator-" + path.decode(), 54, _LINE % path, Reaches(path))
        for path in (b"/api/status", b"/api/config", b"/metrics", b"/ready", b"/live")
    ),
    served(
        "administrator-by-host",
        54,
        b"GET /api/status HTTP/1.1\r\nHost: 127.0.0.1:" + ADMIN_PORT + b"\r\n\r\n",
        Reaches(b"/api/status"),
    ),
    served(
        "administrator-reload", 54, post(b"Content-Length: 0", target=b"/api/reload"), Reaches(b"/api/reload", "POST")
    ),
    served(
        "encoded-line-ends-in-the-path",
        56,
        _LINE % b"/%0d%0aX-Evil:%20yes",
        Reaches(b"/%0d%0aX-Evil:%20yes", fields={b"x-evil": None}),
    ),
    served(
        "quotes-in-the-user-agent",
        56,
        get(b'User-Agent: "},{"evil":"\\u000a'),
        Reaches(b"/", fields={b"user-agent": b'"},{"evil":"\\u000a'}),
    ),
    served(
        "obs-text-in-the-user-agent",
        56,
        get(b"User-Agent: \xff\xfe\xe2\x80\xa8"),
        Reaches(b"/", fields={b"user-agent": b"\xff\xfe\xe2\x80\xa8"}),
    ),
    served("odd-request-id", 56, get(b'X-Request-Id: ";evil'), _ROOT),
    served(
        "forged-x-forwarded-for",
        57,
        get(b"X-Forwarded-For: 192.0.2.66"),
        Reaches(b"/", fields={b"x-forwarded-for": b"127.0.0.1"}),
    ),
    served(
        "forged-x-forwarded-for-twice",
        57,
        get(b"X-Forwarded-For: 192.0.2.66", b"X-Forwarded-For: 192.0.2.67"),
        Reaches(b"/", fields={b"x-forwarded-for": b"127.0.0.1"}),
    ),
    served(
        "forged-x-forwarded-proto",
        57,
        get(b"X-Forwarded-Proto: https"),
        Reaches(b"/", fields={b"x-forwarded-proto": b"http"}),
    ),
    served(
        "forged-x-forwarded-host",
        57,
        get(b"X-Forwarded-Host: evil.test"),
        Reaches(b"/", fields={b"x-forwarded-host": b"shop.test"}),
    ),
    served("forged-forwarded", 57, get(b"Forwarded: for=192.0.2.66;proto=https"), _ROOT, never=b"192.0.2.66"),
    served(
        "forged-forwarded-twice",
        57,
        get(b"Forwarded: for=192.0.2.66", b"Forwarded: for=192.0.2.66"),
        _ROOT,
        never=b"192.0.2.66",
    ),
)

ODD = (
    valid("method-in-small-letters", b"get / HTTP/1.1\r\n" + HOST + b"\r\n", Reaches(b"/", "get")),
    valid("method-nobody-knows", b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", Reaches(b"/", "BREW")),
    valid(
        "method-of-every-mark", b"!#$%&'*+-.^_`|~09 / HTTP/1.1\r\n" + HOST + b"\r\n", Reaches(b"/", "!#$%&'*+-.^_`|~09")
    ),
    valid("method-that-begins-like-another", b"GETS / HTTP/1.1\r\n" + HOST + b"\r\n", Reaches(b"/", "GETS")),
    valid("method-of-another-protocol", b"M-SEARCH / HTTP/1.1\r\n" + HOST + b"\r\n", Reaches(b"/", "M-SEARCH")),
    valid(
        "method-of-one-letter-with-content",
        b"X / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc",
        Reaches(b"/", "X", b"abc"),
    ),
    valid(
        "method-query", b"QUERY / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc", Reaches(b"/", "QUERY", b"abc")
    ),
    valid("empty-value", get(b"X-A:"), Reaches(b"/", fields={b"x-a": b""})),
    valid("value-of-spaces", get(b"X-A:  \t "), Reaches(b"/", fields={b"x-a": b""})),
    valid("no-space-after-the-colon", get(b"X-A:b"), Reaches(b"/", fields={b"x-a": b"b"})),
    valid("spaces-and-tabs-around-a-value", get(b"X-A: \t b c \t "), Reaches(b"/", fields={b"x-a": b"b c"})),
    valid("colons-in-a-value", get(b"X-A: b:c: d"), Reaches(b"/", fields={b"x-a": b"b:c: d"})),
    valid("name-of-every-mark", get(b"!#$%&'*+-.^_`|~: a"), Reaches(b"/", fields={b"!#$%&'*+-.^_`|~": b"a"})),
    valid("empty-line-in-front", b"\r\n" + get(), _ROOT),
    valid("empty-lines-in-front", b"\r\n\r\n" + get(), _ROOT),
    valid("connection-close", get(b"Connection: close"), _ROOT, closes=True),
    valid("connection-close-in-capitals", get(b"Connection: x, CLOSE"), _ROOT, closes=True),
    valid("connection-keep-alive", get(b"Connection: keep-alive"), _ROOT),
    valid("head", b"HEAD / HTTP/1.1\r\n" + HOST + b"\r\n", Reaches(b"/", "HEAD"), methods=("HEAD",)),
    served("old-version", VALID, b"GET / HTTP/1.0\r\n" + HOST + b"\r\n", _ROOT, closes=True, minor=0),
    served(
        "old-version-kept-alive",
        VALID,
        b"GET / HTTP/1.0\r\n" + HOST + b"Connection: keep-alive\r\n\r\n",
        _ROOT,
        minor=0,
    ),
    served(
        "old-version-with-content",
        VALID,
        b"POST / HTTP/1.0\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc",
        _ABC,
        closes=True,
        minor=0,
    ),
    served(
        "old-version-with-chunked-answer",
        VALID,
        b"GET /chunked/5 HTTP/1.0\r\n" + HOST + b"\r\n",
        Reaches(b"/chunked/5"),
        closes=True,
        minor=0,
    ),
)

CASES: tuple[Case, ...] = PATHS + OTHERS + ODD
