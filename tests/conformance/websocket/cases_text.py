"""What is UTF-8 and what is not (RFC 6455 §8.1, RFC 3629 §3, §4)."""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.websocket.case import Case, chop
from tests.support.frames import frame

VALID = [
    "Hello-µ@ßöäüàá-UTF-8!!",
    "κόσμε",
    "\x00",
    "\x7f",
    "\x80",
    "\u07ff",
    "\u0800",
    "\ud7ff",
    "\ue000",
    "\ufffd",
    "\ufffe",
    "\uffff",
    "\U00010000",
    "\U0001fffe",
    "\U0010ffff",
    "\ufeff",
    "e\u0301\u0323",
    "日本語 العربية עברית 😀",
    *(chr(plane << 16 | end) for plane in range(2, 16) for end in (0xFFFE, 0xFFFF)),
]


def _invalid() -> Iterator[tuple[str, bytes]]:
    for octet in (0x80, 0xBF, *range(0xC0, 0xC2), *range(0xF5, 0x100)):
        yield f"octet {octet:02x}", bytes([octet])
    for count in range(2, 7):
        yield f"{count} continuations", b"\x80" * count
    for lead in range(0xC2, 0xF5):
        yield f"lead {lead:02x} without more", bytes([lead]) + b" "
    for lead, size in ((0xE1, 3), (0xF1, 4)):
        for kept in range(1, size - 1):
            yield f"{size} octets cut to {kept + 1}", bytes([lead]) + b"\x80" * kept + b" "
    yield "overlong slash in 2", b"\xc0\xaf"
    yield "overlong slash in 3", b"\xe0\x80\xaf"
    yield "overlong slash in 4", b"\xf0\x80\x80\xaf"
    yield "overlong slash in 5", b"\xf8\x80\x80\x80\xaf"
    yield "overlong slash in 6", b"\xfc\x80\x80\x80\x80\xaf"
    yield "overlong last of 2", b"\xe0\x9f\xbf"
    yield "overlong last of 3", b"\xf0\x8f\xbf\xbf"
    yield "overlong nothing", b"\xc0\x80"
    for octets in (
        b"\xed\xa0\x80",
        b"\xed\xad\xbf",
        b"\xed\xae\x80",
        b"\xed\xaf\xbf",
        b"\xed\xb0\x80",
        b"\xed\xbf\xbf",
    ):
        yield f"surrogate {octets.hex()}", octets
        yield f"surrogate pair {octets.hex()}", octets + b"\xed\xb0\x80"
    yield "above the last character", b"\xf4\x90\x80\x80"
    yield "far above", b"\xf7\xbf\xbf\xbf"
    yield "five octets", b"\xf8\x88\x80\x80\x80"
    yield "six octets", b"\xfc\x84\x80\x80\x80\x80"


INVALID = dict(_invalid())


def texts() -> Iterator[Case]:
    """Characters of every length, also cut by fragments and by pieces."""
    for text in VALID:
        octets = text.encode()
        name = octets.hex()[:24]
        yield Case(f"valid {name}", (frame(1, octets),), ((1, octets),))
        cut = frame(1, octets[:1], fin=False)
        cut += b"".join(frame(0, octets[at : at + 1], fin=False) for at in range(1, len(octets))) + frame(0)
        yield Case(f"valid {name} cut by fragments", (cut,), ((1, octets),))
        yield Case(f"valid {name} cut by pieces", chop(frame(1, octets), 1), ((1, octets),))
    for name, octets in INVALID.items():
        yield Case(f"invalid {name}", (frame(1, octets),), code=1007)
        yield Case(f"invalid {name} in the middle", (frame(1, b"a" * 20 + octets + b"z" * 20),), code=1007)
        yield Case(f"invalid {name} is fine as binary", (frame(2, octets),), ((2, octets),))
        cut = frame(1, b"fine ", fin=False) + frame(0, octets, fin=False) + frame(0, b"")
        yield Case(f"invalid {name} in a fragment", (cut,), code=1007)
    octets = "κόσμε".encode()
    yield Case("a character that never ends", (frame(1, octets[:-1]),), code=1007)
    yield Case("fragments that never end a character", (frame(1, octets[:3], fin=False) + frame(0),), code=1007)
