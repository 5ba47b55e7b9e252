"""What attackers send on an upgraded connection, and how that has to end. Values only, no I/O."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
FIN, RSV1 = 0x80, 0x40
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"
BATCHES = "Sec-WebSocket-Protocol: batch.v1"
JSON_BATCHES = "Sec-WebSocket-Protocol: batch-json.v1"
MIB = 1 << 20
SETTINGS = {"messages_per_second": 2000, "burst": 2000, "max_message": "1MiB"}
"""Of the plugin, for the ends below; at `DRIP` a short `idle` comes to it."""
DRIP = "/drip"


@dataclass(frozen=True, slots=True)
class Attack:
    """What one attacker does."""

    name: str
    pieces: Callable[[], Iterator[bytes]]
    """What it sends, in order; without end where the gateway has to end it."""
    code: int
    """The close code that it has to hear."""
    fields: tuple[str, ...] = ()
    """Of its handshake."""
    pause: float = 0.0
    """Seconds between two pieces."""
    target: str = "/sink"


def frame(first: int, payload: bytes = b"", *, announced: int | None = None) -> bytes:
    """A frame as clients send it, `first` being its first octet. The mask is nought, so that masking costs nothing;
    `announced` lies about the length."""
    length = len(payload) if announced is None else announced
    if length < 126:
        head = bytes((first, 0x80 | length))
    elif length < 1 << 16:
        head = bytes((first, 0x80 | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + length.to_bytes(8, "big")
    return head + bytes(4) + payload


def deflated(octets: int) -> bytes:
    """So many noughts as permessage-deflate writes them (RFC 7692 §7.2.1): a thousandth of that."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -12, 5)
    packed = b"".join(packer.compress(bytes(MIB)) for _ in range(octets // MIB))
    packed += packer.compress(bytes(octets % MIB)) + packer.flush(zlib.Z_SYNC_FLUSH)
    return packed[:-4]


def _once(*pieces: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: iter(pieces)


def _again_and_again(first: bytes, then: bytes) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield first
        yield from repeat(then)

    return pieces


def _bombs_that_fit() -> Iterator[bytes]:
    """200 messages of just below what is allowed, in a kilobyte each; then it takes its leave."""
    bomb = frame(FIN | RSV1 | BINARY, deflated(MIB))
    yield from repeat(bomb, 200)
    yield frame(FIN | CLOSE, (1000).to_bytes(2, "big"))


def _bomb_in_fragments() -> Iterator[bytes]:
    packed = deflated(16 * MIB)
    yield frame(RSV1 | BINARY, packed[:100])
    for at in range(100, len(packed), 1000):
        yield frame(CONTINUATION, packed[at : at + 1000])
    yield frame(FIN | CONTINUATION)


def _a_batch(*records: bytes) -> bytes:
    return frame(FIN | BINARY, b"\x01\x00" + b"".join(records))


def _a_json_batch(text: str) -> bytes:
    return frame(FIN | TEXT, text.encode())


_GIANT = b"\xff" * 8 + b"\x7f"
"""A varint of 2^63 - 1."""

ATTACKS: tuple[Attack, ...] = (
    Attack("tiny messages", _again_and_again(b"", frame(FIN | TEXT, b"x") * 100), 1008, pause=0.01),
    Attack("tiny messages, as fast as can be", _again_and_again(b"", frame(FIN | TEXT, b"x") * 10_000), 1008),
    Attack("pings", _again_and_again(b"", frame(FIN | PING, b"x") * 10), 1008, pause=0.01),
    Attack("pongs", _again_and_again(b"", frame(FIN | PONG) * 1000), 1008),
    Attack("empty fragments", _again_and_again(frame(TEXT), frame(CONTINUATION) * 10_000), 1008),
    Attack("fragments without end", _again_and_again(frame(TEXT, b"x"), frame(CONTINUATION, b"x" * 1000) * 10), 1009),
    Attack(
        "fragments of an octet",
        _again_and_again(frame(BINARY, bytes(MIB // 2)), frame(CONTINUATION, b"x") * 10_000),
        1009,
    ),
    Attack("2^62 octets announced", _once(frame(FIN | BINARY, announced=1 << 62)), 1009),
    Attack("2^63 octets announced", _once(frame(FIN | BINARY, announced=1 << 63)), 1002),
    Attack("a ping of 64 KiB", _once(frame(FIN | PING, bytes(1 << 16))), 1002),
    Attack("a bomb, 1,000 : 1", _once(frame(FIN | RSV1 | BINARY, deflated(64 * MIB))), 1009, (DEFLATE,)),
    Attack("a bomb in fragments", _bomb_in_fragments, 1009, (DEFLATE,)),
    Attack("bombs that fit", _bombs_that_fit, 1000, (DEFLATE,)),
    Attack("no deflate data", _again_and_again(b"", frame(FIN | RSV1 | TEXT, b"\xff" * 1000)), 1007, (DEFLATE,)),
    Attack("text that is no UTF-8", _again_and_again(b"", frame(FIN | TEXT, b"\xff" * 1000) * 10), 1007),
    Attack("broken UTF-8 in fragments", _once(frame(TEXT, b"\xe2"), frame(CONTINUATION, b"(")), 1007),
    Attack(
        "an octet now and then", _again_and_again(frame(BINARY, announced=1000), b"x"), 1001, pause=0.5, target=DRIP
    ),
    Attack("a record longer than its batch", _once(_a_batch(b"\x00\x64abc")), 1002, (BATCHES,)),
    Attack("a record of 2^63 octets", _once(_a_batch(b"\x00" + _GIANT + b"abc")), 1002, (BATCHES,)),
    Attack("a length without end", _once(_a_batch(b"\x00" + b"\xff" * 60_000)), 1002, (BATCHES,)),
    Attack("100,000 records", _once(_a_batch(b"\x00\x00" * 100_000)), 1009, (BATCHES,)),
    Attack("a batch of nothing known", _once(frame(FIN | BINARY, b"\x02\x00")), 1002, (BATCHES,)),
    Attack(
        "half a million brackets", _once(_a_json_batch('{"v":1,"s":0,"m":[' + "[" * 500_000)), 1007, (JSON_BATCHES,)
    ),
    Attack(
        "100,000 messages in JSON",
        _once(_a_json_batch('{"v":1,"s":0,"m":[' + ",".join("1" * 100_000) + "]}")),
        1009,
        (JSON_BATCHES,),
    ),
    Attack("numbers that are none", _once(_a_json_batch('{"v":1,"s":1e999,"m":[1]}')), 1007, (JSON_BATCHES,)),
)
