"""The origin's connections: one dictionary look-up for fixed answers, httptools for everything else.

A proxy sends one request at a time, so this origin does not queue: whoever pipelines behind an answer that takes time
is cut off.
"""

import asyncio
import socket
import struct
import time
import zlib
from collections.abc import Callable
from functools import partial
from typing import assert_never, cast

import httptools

from loadtests.origin.content import entity_tag, head, response
from loadtests.origin.routes import (
    CUT_ANNOUNCED,
    FIXED,
    Answer,
    Calls,
    Chunked,
    Document,
    Large,
    NotFound,
    Reset,
    Sink,
    answer,
)

_PIECE = b"." * 65536
_HEAD_END = b"\r\n\r\n"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_CUT_DELAY_SECONDS = 0.01


class FixedAnswers:
    """What connections share: whole responses by request line, rendered once a second so that `Date` is true."""

    def __init__(self) -> None:
        self.by_request_line: dict[bytes, bytes] = {}
        self.calls = 0
        """Requests that the parser read and that did not ask for this number."""
        self.render(time.time())

    def render(self, now: float) -> None:
        """Write every response for `now`, in Unix seconds."""
        for target, content in FIXED.items():
            self.by_request_line[f"GET {target} HTTP/1.1".encode()] = response(content, now=now)

    def keep_rendering(self, loop: asyncio.AbstractEventLoop) -> None:
        """Render now and every second from now on."""
        self.render(time.time())
        loop.call_later(1.0, self.keep_rendering, loop)


class OriginProtocol(asyncio.Protocol):
    """One connection."""

    def __init__(self, fixed: FixedAnswers) -> None:
        self._shared = fixed
        self._fixed = fixed.by_request_line
        self._parser = httptools.HttpRequestParser(self)
        self._within_message = False
        self._busy = False
        self._writable = True
        self._last = False
        self._left = 0

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer a whole GET of a fixed document at once; hand everything else to the parser."""
        if not self._within_message and not self._busy and data.find(_HEAD_END) == len(data) - 4:
            fixed = self._fixed.get(data[: data.find(b"\r\n")])
            if fixed is not None and b"onnection: close" not in data:
                self._transport.write(fixed)
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._transport.close()
        except httptools.HttpParserError:
            self._transport.write(head("400 Bad Request", 0, now=time.time()))
            self._transport.close()

    def pause_writing(self) -> None:
        """The reader is slow: stop `_pump`."""
        self._writable = False

    def resume_writing(self) -> None:
        """The reader caught up: go on with what is left."""
        self._writable = True
        if self._left:
            self._pump()

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody reads what is left."""
        self._left = 0

    # httptools' call-backs

    def on_message_begin(self) -> None:
        """Start a message with nothing known about it."""
        self._within_message = True
        self._target = b""
        self._matches = b""
        self._expects = False
        self._received = 0
        self._checksum = 0
        self._checked = False

    def on_url(self, url: bytes) -> None:
        """Collect the target; it may come in pieces."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the fields we act on."""
        lowered = name.lower()
        if lowered == b"if-none-match":
            self._matches = value
        elif lowered == b"expect":
            self._expects = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """Decide what to do, and let a sender that waits for leave go on (RFC 9110 §10.1.1)."""
        self._answer = answer(self._target.decode("latin-1"))
        self._checked = isinstance(self._answer, Sink) and self._answer.checked
        if self._expects:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Count content and forget it."""
        self._received += len(body)
        if self._checked:
            self._checksum = zlib.crc32(body, self._checksum)

    def on_message_complete(self) -> None:
        """Answer, and close afterwards when the request asks for it."""
        self._within_message = False
        if self._busy:
            self._transport.abort()
            return
        self._last = not self._parser.should_keep_alive()
        self._respond(self._answer)
        self._finish()

    # answers

    def _finish(self) -> None:
        """Close behind an answer that is complete when the request asked for it (RFC 9112 §9.6)."""
        if self._last and not self._busy:
            self._transport.close()

    def _respond(self, wanted: Answer) -> None:
        self._shared.calls += not isinstance(wanted, Calls)
        match wanted:
            case Document(delay=0.0):
                self._write_document(wanted)
            case Document():
                self._later(wanted.delay, partial(self._write_document, wanted))
            case Sink():
                self._write_content(b'{"received": %d%s}' % (self._received, self._checksum_member()))
            case Chunked():
                self._write_chunks(wanted)
            case Large():
                self._transport.write(head("200 OK", wanted.size, now=time.time()))
                self._busy, self._left = True, wanted.size
                self._pump()
            case Reset(after_half=False):
                self._reset()
            case Reset():
                self._transport.write(head("200 OK", CUT_ANNOUNCED, now=time.time()) + _PIECE[: CUT_ANNOUNCED // 2])
                self._later(_CUT_DELAY_SECONDS, self._reset)
            case Calls():
                self._write_content(b'{"calls": %d}' % self._shared.calls)
            case NotFound():
                self._transport.write(head("404 Not Found", 2, now=time.time()) + b"{}")
            case _:
                assert_never(wanted)

    def _checksum_member(self) -> bytes:
        return b', "crc32": %d' % self._checksum if self._checked else b""

    def _write_content(self, content: bytes) -> None:
        self._transport.write(head("200 OK", len(content), now=time.time()) + content)

    def _write_document(self, document: Document) -> None:
        now = time.time()
        etag = entity_tag(document.content)
        if self._matches and self._matches.decode("latin-1") == etag:
            lines = f"HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\nCache-Control: {document.cache_control}\r\n\r\n"
            self._transport.write(lines.encode("ascii"))
            return
        whole = response(document.content, now=now, cache_control=document.cache_control)
        bodiless = self._parser.get_method() == b"HEAD"
        self._transport.write(whole[: -len(document.content)] if bodiless else whole)

    def _write_chunks(self, chunked: Chunked) -> None:
        chunk = b"%x\r\n%s\r\n" % (chunked.size, b"." * chunked.size)
        self._transport.write(head("200 OK", None, now=time.time()))
        for _ in range(chunked.count):
            self._transport.write(chunk)
        self._transport.write(b"0\r\n\r\n")

    def _pump(self) -> None:
        """Write what is left of a large content until the transport says stop."""
        while self._left and self._writable:
            piece = _PIECE if self._left >= len(_PIECE) else _PIECE[: self._left]
            self._left -= len(piece)
            self._transport.write(piece)
        if not self._left:
            self._busy = False
            self._finish()

    def _later(self, delay: float, action: Callable[[], None]) -> None:
        """Run `action` after `delay` seconds unless the connection is gone by then."""
        self._busy = True

        def act() -> None:
            self._busy = False
            if not self._transport.is_closing():
                action()
                self._finish()

        asyncio.get_running_loop().call_later(delay, act)

    def _reset(self) -> None:
        raw = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()
