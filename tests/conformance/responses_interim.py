"""Responses that come early, in several parts, or in a content coding."""

from __future__ import annotations

from tests.conformance.response_case import (
    OLD_REQUEST,
    Case,
    Failed,
    Passed,
    Then,
    failed,
    head,
    passed,
    sized,
)

_ABC = Passed(body=b"abc")

_HINTS = head(b"Link: </a.css>; rel=preload", status=b"103 Early Hints")
_CONTINUE = head(status=b"100 Continue")
INTERIM = (
    passed(
        "early-hints-then-an-answer",
        32,
        _HINTS + sized(b"abc"),
        Passed(body=b"abc", interim=(103,)),
        Passed(body=b"abc", interim=()),
    ),
    passed(
        "continue-unasked-then-an-answer",
        32,
        _CONTINUE + sized(b"abc"),
        Passed(body=b"abc", interim=(100,)),
        Passed(body=b"abc", interim=()),
    ),
    passed(
        "three-interim-answers",
        32,
        _HINTS + head(status=b"102 Processing") + _HINTS + sized(b"abc"),
        Passed(body=b"abc", interim=(103, 102, 103)),
        Passed(body=b"abc", interim=()),
    ),
    passed("an-interim-answer-nobody-knows", 32, head(status=b"199 Odd") + sized(b"abc"), Passed(body=b"abc")),
    passed(
        "interim-answers-with-framing-fields",
        32,
        head(b"Content-Length: 3", status=b"103 Early Hints") + sized(b"abc"),
        _ABC,
        Failed(),
        reused=None,
    ),
    Case(
        "interim-answers-for-the-old-version",
        32,
        _HINTS + _CONTINUE + sized(b"abc"),
        (_ABC,),
        reused=True,
        request=OLD_REQUEST,
        minor=0,
    ),
    passed("a-thousand-interim-answers", 32, _HINTS * 1000 + sized(b"abc"), _ABC, Failed(), reused=None),
    failed("an-interim-answer-out-of-shape", 32, b"HTTP/1.1 103 Early Hints\r\nnonsense\r\n\r\n" + sized(b"abc")),
)

_UPLOAD = b"POST <target> HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 3\r\n\r\nabc"
EARLY = (
    Case(
        "413-and-the-connection-stays",
        33,
        sized(b"big", status=b"413 Content Too Large"),
        (Passed(413, b"big"),),
        reused=None,
        request=_UPLOAD,
    ),
    Case(
        "413-and-the-connection-ends",
        33,
        sized(b"big", b"Connection: close", status=b"413 Content Too Large"),
        (Passed(413, b"big"),),
        Then.CLOSE,
        request=_UPLOAD,
    ),
    Case("closed-before-an-octet-of-the-answer-to-post", 23, b"", (Failed(),), Then.CLOSE, request=_UPLOAD),
)

_GZIP = bytes.fromhex("1f8b0800000000000003") + b"not a deflate stream"
CONTENT_CODINGS = (
    passed(
        "plain-text-called-gzip",
        34,
        sized(b"abc", b"Content-Encoding: gzip"),
        Passed(body=b"abc", fields={b"content-encoding": b"gzip"}),
    ),
    passed("gzip-cut-short", 34, sized(_GZIP[:12], b"Content-Encoding: gzip"), Passed(body=_GZIP[:12])),
    passed("gzip-of-many-members", 34, sized(_GZIP * 50, b"Content-Encoding: gzip"), Passed(body=_GZIP * 50)),
    passed(
        "content-coding-nobody-knows",
        34,
        sized(b"abc", b"Content-Encoding: x-rot13, gzip"),
        Passed(body=b"abc", fields={b"content-encoding": b"x-rot13, gzip"}),
    ),
)

CASES: tuple[Case, ...] = INTERIM + EARLY + CONTENT_CODINGS
