"""An origin for caches: what its pages say of themselves stands in their names, and a test may change them."""

from __future__ import annotations

import time

from gateway.http.dates import format_date
from tests.support.origin import Connection, Origin, Received

KINDS: dict[bytes, bytes] = {
    b"fresh": b"Cache-Control: max-age=600\r\n",
    b"tagged": b'Cache-Control: max-age=600\r\nETag: "one"\r\nContent-Type: text/plain\r\n',
    b"brief": b"Cache-Control: max-age=1\r\n",
    b"swr": b"Cache-Control: max-age=1, stale-while-revalidate=600\r\n",
    b"varies": b"Cache-Control: max-age=600\r\nVary: Accept-Language\r\n",
    b"by-id": b"Cache-Control: max-age=600\r\nVary: X-Request-Id\r\n",
    b"private": b"Cache-Control: private, max-age=600\r\n",
    b"silent": b"",
    b"cookie": b"Cache-Control: max-age=600\r\nSet-Cookie: session=1\r\n",
    b"moved": b"Cache-Control: max-age=600\r\nLocation: /elsewhere\r\n",
    b"empty": b"Cache-Control: max-age=600\r\n",
    b"large": b"Cache-Control: max-age=600\r\n",
}
SIZES = {b"empty": 0, b"large": 100_000}


class Shop(Origin):
    """Answers `/KIND/…` as `KINDS` has it. The content is the version and what the page depends on."""

    def __init__(self, port: int | None = None) -> None:
        super().__init__(self._serve_pages, port=port)
        self.version = 1

    def asked_for(self, target: str) -> int:
        """How often."""
        return sum(request.target == target.encode() for request in list(self.requests))

    def _serve_pages(self, connection: Connection) -> None:
        while (request := connection.request()) is not None:
            connection.send(self._answer(request))

    def _answer(self, request: Received) -> bytes:
        kind = request.target.split(b"/")[1].partition(b"?")[0]
        if request.method not in ("GET", "HEAD"):
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        if kind == b"tagged" and b'"one"' in request.all(b"if-none-match"):
            return b"HTTP/1.1 304 Not Modified\r\n" + _date() + b'ETag: "one"\r\n\r\n'
        language = b",".join(request.all(b"accept-language")) if kind == b"varies" else b""
        content = b"%d %b %b" % (self.version, request.target, language)
        content = content.ljust(SIZES.get(kind, 1), b".") if kind != b"empty" else b""
        status = b"301 Moved Permanently" if kind == b"moved" else b"200 OK"
        head = b"HTTP/1.1 %b\r\n%b%bContent-Length: %d\r\n\r\n" % (status, _date(), KINDS[kind], len(content))
        return head if request.method == "HEAD" else head + content


def _date() -> bytes:
    return b"Date: %b\r\n" % format_date(time.time())
