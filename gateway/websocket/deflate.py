"""permessage-deflate on one leg (RFC 7692): what is agreed on, and the coding of messages. No I/O.

Context takeover is off unless asked for: with batches it gains little, and it keeps 24 to 100 KiB for each
connection."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from gateway.websocket.close_codes import CloseCode, WebSocketError

NAME = b"permessage-deflate"
_TAIL = b"\x00\x00\xff\xff"
_MOST_OFFERS = 16
_PARAMETER = re.compile(rb'[ \t]*([!#$%&\'*+\-.^_`|~0-9A-Za-z]+)[ \t]*(?:=[ \t]*("?)([!-+\--:<-~]+)\2[ \t]*)?')
_WINDOW = re.compile(rb"[89]|1[0-5]")
_KNOWN = frozenset(
    {b"server_no_context_takeover", b"client_no_context_takeover", b"server_max_window_bits", b"client_max_window_bits"}
)


@dataclass(frozen=True, slots=True)
class Deflate:
    """What a leg towards a client has agreed on. Windows are powers of two, 9 to 15."""

    own_window: int = 12
    """Of what the gateway sends."""
    peer_window: int = 15
    """Of what the client sends."""
    own_takeover: bool = False
    peer_takeover: bool = False
    memory_level: int = 5
    level: int = 6
    threshold: int = 256
    """Octets below which a message goes uncompressed."""


def agree_deflate(offered: bytes, wanted: Deflate) -> tuple[Deflate, bytes] | None:
    """The first of a client's offers that can be taken, as it will be used, and the field value that says so
    (RFC 7692 §7.1). `None`: no compression."""
    for offer in offered.split(b",")[:_MOST_OFFERS]:
        parameters = _parameters(offer)
        if parameters is None:
            continue
        taken = _take(parameters, wanted)
        if taken is not None:
            return taken
    return None


def _parameters(offer: bytes) -> dict[bytes, bytes | None] | None:
    """The parameters of an offer of this extension, `None` for what is none or makes no sense."""
    name, *rest = offer.split(b";")
    if name.strip(b" \t").lower() != NAME:
        return None
    found: dict[bytes, bytes | None] = {}
    for part in rest:
        match = _PARAMETER.fullmatch(part)
        if match is None:
            return None
        key = match[1].lower()
        if key in found or key not in _KNOWN:
            return None
        found[key] = match[3]
    return found


def _take(offer: dict[bytes, bytes | None], wanted: Deflate) -> tuple[Deflate, bytes] | None:
    own, peer = wanted.own_window, wanted.peer_window
    for name in (b"server_no_context_takeover", b"client_no_context_takeover"):
        if offer.get(name) is not None:
            return None  # a value where there is none
    most = offer.get(b"server_max_window_bits")
    if b"server_max_window_bits" in offer:
        if most is None or not _WINDOW.fullmatch(most) or int(most) < 9:
            return None  # zlib has no raw window of 8
        own = min(own, int(most))
    answer = [NAME]
    own_takeover = wanted.own_takeover and b"server_no_context_takeover" not in offer
    peer_takeover = wanted.peer_takeover and b"client_no_context_takeover" not in offer
    if not own_takeover:
        answer.append(b"server_no_context_takeover")
    if not peer_takeover:
        answer.append(b"client_no_context_takeover")
    if own < 15:
        answer.append(b"server_max_window_bits=%d" % own)
    if b"client_max_window_bits" in offer:
        hint = offer[b"client_max_window_bits"]
        if hint is not None:
            if not _WINDOW.fullmatch(hint):
                return None
            peer = min(peer, max(9, int(hint)))
        if peer < 15:
            answer.append(b"client_max_window_bits=%d" % peer)
    else:
        peer = 15
    agreed = Deflate(own, peer, own_takeover, peer_takeover, wanted.memory_level, wanted.level, wanted.threshold)
    return agreed, b"; ".join(answer)


class Deflater:
    """Compresses messages (RFC 7692 §7.2.1)."""

    __slots__ = ("_agreed", "_kept")

    def __init__(self, agreed: Deflate) -> None:
        self._agreed = agreed
        self._kept = self._new() if agreed.own_takeover else None

    def _new(self) -> zlib._Compress:
        agreed = self._agreed
        return zlib.compressobj(agreed.level, zlib.DEFLATED, -agreed.own_window, agreed.memory_level)

    def deflate(self, payload: bytes) -> bytes | None:
        """The payload compressed; `None` when it is better sent as it is."""
        if len(payload) < self._agreed.threshold:
            return None
        machine = self._kept or self._new()
        packed = machine.compress(payload) + machine.flush(zlib.Z_SYNC_FLUSH)
        packed = packed.removesuffix(_TAIL)
        if self._kept is None and len(packed) >= len(payload):
            return None
        return packed


class Inflater:
    """Decompresses messages (RFC 7692 §7.2.2) and stops at a limit."""

    __slots__ = ("_kept", "_takeover", "_window")

    def __init__(self, agreed: Deflate) -> None:
        self._window = agreed.peer_window
        self._takeover = agreed.peer_takeover
        self._kept: zlib._Decompress | None = None

    def inflate(self, payload: bytes, most: int) -> bytes:
        """The message. Raises WebSocketError: 1007 for what is not compressed data, 1009 above `most` octets."""
        machine = self._kept or zlib.decompressobj(-self._window)
        data, parts, size = payload + _TAIL, list[bytes](), 0
        try:
            while True:
                part = machine.decompress(data, most + 1 - size)
                parts.append(part)
                size += len(part)
                if size > most:
                    raise WebSocketError(CloseCode.TOO_BIG, "too_big", f"a message of more than {most} octets")
                if not machine.eof:
                    break  # below the limit, so all of it was taken
                data = machine.unused_data  # a final block; another may follow (RFC 7692 §7.2.3.4)
                machine = zlib.decompressobj(-self._window, b"".join(parts)[-(1 << self._window) :])
                if not data:
                    break
        except zlib.error:
            raise WebSocketError(CloseCode.INVALID_DATA, "deflate", "a message that cannot be inflated") from None
        if self._takeover:
            self._kept = machine
        return parts[0] if len(parts) == 1 else b"".join(parts)
