"""A strict reader of HTTP/1.1 from a socket, written apart from the gateway's own parsers so that it can judge them.

It accepts only what RFC 9112 asks a sender to send, so whatever the gateway lets through untidied shows up here as
`MalformedError`."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

from tests.support.socket_errors import GONE

Field = tuple[bytes, bytes]

_NAME = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_VALUE = rb"[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?"
_FIELD = re.compile(b"(" + _NAME + rb"):[ \t]*((?:" + _VALUE + rb")?)[ \t]*")
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{1,15}")
_REMEMBERED = 1 << 18
_READ = 1 << 16


class WireError(Exception):
    """What came is not a whole, well-formed message."""


class MalformedError(WireError):
    """The peer sent something that RFC 9112 does not let it send."""


class TruncatedError(WireError):
    """The peer left in the middle of a message."""


class Wire:
    """The receiving end of a socket. A wait that lasts longer than the socket's time-out raises `TimeoutError`."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._buffer = b""
        self._at = 0
        self._since_mark = bytearray()

    def mark(self) -> bytes:
        """The octets consumed since the last mark, as they came (the first 256 KiB of them)."""
        taken = bytes(self._since_mark)
        self._since_mark.clear()
        return taken

    @property
    def unclaimed(self) -> bytes:
        """Octets that came but belong to no message that has ended."""
        return bytes(self._since_mark) + self._buffer[self._at :]

    def _fill(self) -> bool:
        try:
            data = self._socket.recv(_READ)
        except GONE:
            return False
        self._buffer = self._buffer[self._at :] + data
        self._at = 0
        return bool(data)

    def _take(self, size: int) -> bytes:
        data = self._buffer[self._at : self._at + size]
        self._at += len(data)
        if len(self._since_mark) < _REMEMBERED:
            self._since_mark += data
        return data

    def at_end(self) -> bool:
        """Wait for the next octet; True when the peer has left instead."""
        return self._at == len(self._buffer) and not self._fill()

    def some(self) -> bytes:
        """Whatever has come, at least one octet; empty when the peer has left."""
        return b"" if self.at_end() else self._take(_READ)

    def exactly(self, size: int) -> Iterator[bytes]:
        """The next `size` octets, in pieces."""
        while size:
            if self.at_end():
                raise TruncatedError(f"{size} octets are missing")
            piece = self._take(min(size, _READ))
            size -= len(piece)
            yield piece

    def line(self) -> bytes:
        """The next line without its CRLF."""
        while (end := self._buffer.find(b"\n", self._at)) < 0:
            if not self._fill():
                raise TruncatedError(f"broke off in a line: {self._buffer[self._at :][:80]!r}")
        line = self._take(end + 1 - self._at)
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise MalformedError(f"a line with a lone CR or LF: {line[:80]!r}")
        return line[:-2]

    def fields(self) -> list[Field]:
        """A field section, up to and with the empty line. Names come in lower case."""
        found: list[Field] = []
        while line := self.line():
            match = _FIELD.fullmatch(line)
            if match is None:
                raise MalformedError(f"not a field line: {line[:80]!r}")
            found.append((match[1].lower(), match[2]))
        return found

    def chunks(self, trailers: list[Field]) -> Iterator[bytes]:
        """Chunked content in pieces; afterwards `trailers` holds the trailer fields."""
        while True:
            size = self.line()
            if _HEXADECIMAL.fullmatch(size) is None:
                raise MalformedError(f"not a chunk size, or an extension that should have been dropped: {size[:80]!r}")
            if not int(size, 16):
                trailers += self.fields()
                return
            yield from self.exactly(int(size, 16))
            if self.line():
                raise MalformedError("no CRLF after a chunk")

    def until_close(self) -> Iterator[bytes]:
        """Content that ends with the connection; a reset is not an end."""
        while True:
            try:
                data = self._buffer[self._at :] or self._socket.recv(_READ)
            except GONE as error:
                raise TruncatedError("reset in content that ends with the connection") from error
            if not data:
                return
            self._buffer, self._at = data, 0
            yield self._take(len(data))


def framing(fields: list[Field]) -> int | None:
    """Octets of content as the fields announce them: a number, -1 when chunked, `None` when they say nothing."""
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value for name, value in fields if name == b"transfer-encoding"]
    if lengths and codings:
        raise MalformedError("Content-Length and Transfer-Encoding in one message")
    if codings:
        if codings != [b"chunked"]:
            raise MalformedError(f"Transfer-Encoding {codings!r}")
        return -1
    if not lengths:
        return None
    if len(lengths) > 1 or not lengths[0].isdigit():
        raise MalformedError(f"Content-Length {lengths!r}")
    return int(lengths[0])
