"""Handshakes as an origin answers them, without the gateway's own code (RFC 6455 §4.2.2)."""

from __future__ import annotations

import base64
import hashlib

from tests.support.origin import Received

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_for(received: Received) -> bytes:
    """The Sec-WebSocket-Accept that proves that the handshake was read."""
    return base64.b64encode(hashlib.sha1((received.one(b"sec-websocket-key") or b"") + _GUID).digest())
