"""Handshakes as an origin answers them, and a client after its own, without the gateway's code (RFC 6455 §4)."""

from __future__ import annotations

import base64
import hashlib
from typing import Self

from tests.support.client import Client, request
from tests.support.frames import Seen, read_frames
from tests.support.gateway import Gateway
from tests.support.origin import Received

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_for(received: Received) -> bytes:
    """The Sec-WebSocket-Accept that proves that the handshake was read."""
    return base64.b64encode(hashlib.sha1((received.one(b"sec-websocket-key") or b"") + _GUID).digest())


class Socket:
    """A client that has sent its handshake and got `answer`."""

    def __init__(self, gateway: Gateway, *fields: str, target: str = "/act/talk") -> None:
        self.client: Client = gateway.client()
        head = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}"]
        self.client.send(request("GET", target, *head, *fields))
        self.answer = self.client.answer()
        self._buffer = b""
        self._frames: list[Seen] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def say(self, *frames: bytes) -> None:
        """Send frames."""
        self.client.send(b"".join(frames))

    def next(self) -> Seen:
        """The next frame."""
        while not self._frames:
            octets = self.client.wire.some()
            assert octets, "the gateway left"
            self._frames, self._buffer = read_frames(self._buffer + octets)
        return self._frames.pop(0)
