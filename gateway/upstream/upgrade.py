"""Whether a 101 is the one that was asked for (RFC 9110 §15.2.2, RFC 6455 §4.1)."""

from __future__ import annotations

import base64
import hashlib
from typing import Protocol

from gateway.errors import UpstreamProtocolError
from gateway.http.message import Request, Response
from gateway.websocket.tunnel import UpgradedUpstream

_WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def websocket_accept(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (RFC 6455 §4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _WEBSOCKET_GUID, usedforsecurity=False).digest())


class Loaded(Protocol):
    """What is known of a server's load."""

    upgraded: int


def stay_counted(server: Loaded, upgraded: UpgradedUpstream) -> None:
    """Let an upgraded connection count for as long as it lasts, so that the next one goes to a server that has fewer of
    them."""
    server.upgraded += 1
    ended = upgraded.ended

    def leave() -> None:
        server.upgraded -= 1
        ended()

    upgraded.ended = leave


def check_switch(request: Request, response: Response, protocol: bytes | None) -> None:
    """Raise UpstreamProtocolError unless `response` changes to the protocol that `request` asked for.

    Nobody may open a tunnel with a made-up handshake: what follows would pass unread."""
    wanted = request.upgrade
    if wanted is None or protocol is None or protocol.lower() != wanted.lower():
        raise UpstreamProtocolError("a 101 that nobody asked for")
    if wanted.lower() == b"websocket":
        key = request.fields.get(b"sec-websocket-key") or b""
        if response.fields.get(b"sec-websocket-accept") != websocket_accept(key):
            raise UpstreamProtocolError("a 101 with a wrong Sec-WebSocket-Accept (RFC 6455 §4.1)")
