"""The end of a connection (RFC 6455 §5.5.1, §7)."""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.websocket.case import Case
from tests.support.frames import close, frame

SENDABLE = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
NOT_SENDABLE = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1099, 1100, 1999, 2000, 2999, 5000, 49152, 65535)


def closes() -> Iterator[Case]:
    """Codes and reasons, and what comes behind them."""
    yield Case("close after a message", (frame(1, b"x") + close(1000),), ((1, b"x"),), code=1000)
    yield Case("close without a code", (close(),), empty_close=True)
    yield Case("close of one octet", (frame(8, b"\x03"),), code=1002)
    for code in SENDABLE:
        yield Case(f"close {code}", (close(code),), code=code)
        yield Case(f"close {code} with a reason", (close(code, b"why"),), code=code)
    for code in NOT_SENDABLE:
        yield Case(f"close {code}", (close(code),), code=1002)
        yield Case(f"close {code} with a reason", (close(code, b"why"),), code=1002)
    yield Case("close with the longest reason", (close(1000, b"x" * 123),), code=1000)
    yield Case("close with a reason that is too long", (close(1000, b"x" * 124),), code=1002)
    yield Case("close with a reason of many octets to the character", (close(1000, "😀".encode() * 30),), code=1000)
    yield Case(
        "close with a reason that is no text", (close(1000, b"\xce\xba\xe1\xbd\xb9\xcf\xed\xa0\x80"),), code=1007
    )
    for behind, name in (
        (frame(1, b"late"), "text"),
        (frame(9), "ping"),
        (close(1001), "close"),
        (b"\xff" * 9, "noise"),
    ):
        yield Case(f"{name} behind a close", (close(1000) + behind,), code=1000)
    unfinished = frame(1, b"a", fin=False) + close(1000)
    yield Case("close within a message", (unfinished,), code=1000)
