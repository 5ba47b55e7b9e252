"""Close codes and the errors that lead to them (RFC 6455 §7.4). Values only, no I/O."""

from __future__ import annotations

from enum import IntEnum

MOST_REASON = 123
"""Octets of a reason that fit into a Close frame beside the code (RFC 6455 §5.5)."""


class CloseCode(IntEnum):
    """Codes that the gateway itself sends."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_DATA = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL = 1011
    RESTART = 1012
    TRY_LATER = 1013
    BAD_GATEWAY = 1014


class WebSocketError(Exception):
    """A peer did what a connection cannot survive."""

    def __init__(self, code: int, kind: str, reason: str = "") -> None:
        super().__init__(reason or kind)
        self.code = code
        """What the peer is told (RFC 6455 §7.4.1)."""
        self.kind = kind
        """One word for metrics."""
        self.reason = reason or kind
        """Words for the peer."""


def is_sendable(code: int) -> bool:
    """Whether a code may stand in a Close frame (RFC 6455 §7.4.1, §7.4.2).

    1004, 1005, 1006 and 1015 mean something only inside a program; what is not registered or private means nothing."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def read_close(payload: bytes) -> tuple[int | None, bytes]:
    """Code and reason of a Close frame; no code when it is empty (RFC 6455 §5.5.1). Raises WebSocketError."""
    if not payload:
        return None, b""
    if len(payload) == 1:
        raise WebSocketError(CloseCode.PROTOCOL_ERROR, "close", "a Close frame with one octet")
    code, reason = int.from_bytes(payload[:2], "big"), payload[2:]
    if not is_sendable(code):
        raise WebSocketError(CloseCode.PROTOCOL_ERROR, "close", f"close code {code} must not be sent")
    try:
        reason.decode()
    except UnicodeDecodeError:
        raise WebSocketError(CloseCode.INVALID_DATA, "utf8", "the reason of a Close frame is not UTF-8") from None
    return code, reason


def close_payload(code: int | None, reason: str | bytes = "") -> bytes:
    """The payload of a Close frame. A reason that is too long is cut between characters."""
    if code is None:
        return b""
    octets = reason.encode("utf-8", "replace") if isinstance(reason, str) else reason
    if len(octets) > MOST_REASON:
        octets = octets[:MOST_REASON].decode("utf-8", "ignore").encode()
    return int(code).to_bytes(2, "big") + octets
