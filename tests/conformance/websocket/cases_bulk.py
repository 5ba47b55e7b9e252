"""Large messages, many messages, and compressed ones (RFC 7692)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tests.conformance.websocket.case import Case, chop
from tests.support.frames import frame

KIB = 1024
OFFERS = (
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    "permessage-deflate; client_max_window_bits=9; server_max_window_bits=9",
    "permessage-deflate; client_max_window_bits=15; server_max_window_bits=15",
    "permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=10",
    "x-unknown, permessage-deflate; client_no_context_takeover",
)
SIZES = (0, 1, 16, 64, 255, 256, 257, 1 * KIB, 4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB)
JSON = b'{"symbol":"ACME","price":%d,"size":100},'


def _content(size: int) -> bytes:
    rows = b"".join(JSON % at for at in range(size // 36 + 1))
    return rows[:size]


def bulk() -> Iterator[Case]:
    """Messages of up to a mebibyte, whole, cut and in fragments; many at once."""
    for opcode, size in product((1, 2), (64 * KIB, 256 * KIB, 1024 * KIB)):
        payload = _content(size)
        yield Case(f"{size} octets of {opcode}", (frame(opcode, payload),), ((opcode, payload),))
        for part in (1 * KIB, 16 * KIB, 64 * KIB):
            parts = chop(payload, part)
            sent = frame(opcode, parts[0], fin=False) + b"".join(frame(0, each, fin=False) for each in parts[1:])
            yield Case(f"{size} octets of {opcode} by {part}", (sent + frame(0),), ((opcode, payload),))
            yield Case(
                f"{size} octets of {opcode} cut at {part}", chop(frame(opcode, payload), part), ((opcode, payload),)
            )
    for opcode, size in product((1, 2), (0, 16, 64, 256, 1 * KIB)):
        payload = _content(size)
        yield Case(
            f"200 messages of {size} octets of {opcode}", (frame(opcode, payload) * 200,), ((opcode, payload),) * 200
        )


def compressed() -> Iterator[Case]:
    """Every kind of offer with every size, three messages each so that a kept context shows."""
    for offer, size in product(OFFERS, SIZES):
        payload = _content(size)
        yield Case(f"{offer} {size}", (payload,) * 3, ((1, payload),) * 3, offer=offer)
