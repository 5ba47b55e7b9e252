"""Response heads on the wire (RFC 9112 §4, §6)."""

from __future__ import annotations

from gateway.http.message import Response
from gateway.http.phrases import phrase

_REMEMBERED = 256


class StatusLines(dict[tuple[int, bytes | None], bytes]):
    """(status, reason phrase) → status line; renders each once, a bounded number of them."""

    def __missing__(self, key: tuple[int, bytes | None]) -> bytes:
        status, reason = key
        line = b"HTTP/1.1 %d %b\r\n" % (status, phrase(status).encode() if reason is None else reason)
        if len(self) < _REMEMBERED:
            self[key] = line
        return line


status_lines = StatusLines()

_CLOSE = b"Connection: close\r\n\r\n"
_KEEP_ALIVE = b"Connection: keep-alive\r\n\r\n"
_UPGRADE = b"Connection: Upgrade\r\n"
_END = b"\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"


NO_CONTENT = frozenset({204, 304, *range(100, 200)})
"""Statuses of responses that never have content."""


def has_no_content(method: str, status: int) -> bool:
    """Whether a response never has content, whatever its fields say (RFC 9112 §6.3 item 1)."""
    return method == "HEAD" or status in NO_CONTENT


def response_head(
    response: Response, length: int | None, chunked: bool, close: bool, minor: int, date: bytes | None
) -> bytes:
    """Status line, fields and framing. `length` is what Content-Length shall say, `None` for no such field."""
    fields = response.fields
    wire = fields.wire
    if wire is None or wire.length != length or date is not None or close or not minor:
        return _new_head(response, length, chunked, close, minor, date)
    if not wire.head or wire.status != response.status or wire.reason != response.reason:  # not the one of last time
        wire.head = _new_head(response, length, chunked, close, minor, date)
        wire.status, wire.reason = response.status, response.reason
    return wire.head


def _new_head(
    response: Response, length: int | None, chunked: bool, close: bool, minor: int, date: bytes | None
) -> bytes:
    fields = response.fields
    block = fields.encode() if length is None else fields.encode_with_length(length)
    if date is not None:
        block = b"%bDate: %b\r\n" % (block, date)
    if close:
        end = _CLOSE
    elif minor:
        end = _END
    else:
        end = _KEEP_ALIVE
    if response.status == 426 and b"upgrade" in fields:  # RFC 9110 §7.8: who sends Upgrade nominates it
        end = _UPGRADE + end
    line = status_lines[response.status, response.reason]
    if chunked:
        return b"".join((line, block, _CHUNKED, end))
    return b"".join((line, block, end))


def interim_head(status: int, block: bytes) -> bytes:
    """A 1xx response (RFC 9110 §15.2)."""
    return b"".join((status_lines[status, None], block, _END))


def upgrade_head(response: Response, protocol: bytes) -> bytes:
    """A 101 that hands the connection over to `protocol` (RFC 9110 §7.8)."""
    line = status_lines[101, response.reason]
    return b"%b%bConnection: Upgrade\r\nUpgrade: %b\r\n\r\n" % (line, response.fields.encode(), protocol)
