"""Handshakes as an origin answers them, and a client after its own, without the gateway's code (RFC 6455 §4)."""

from __future__ import annotations

import base64
import hashlib
from typing import Protocol, Self

from tests.support.client import Client, request
from tests.support.frames import Seen, frame, read_frames
from tests.support.origin import Connection, Received

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_for(received: Received) -> bytes:
    """The Sec-WebSocket-Accept that proves that the handshake was read."""
    return base64.b64encode(hashlib.sha1((received.one(b"sec-websocket-key") or b"") + _GUID).digest())


def switch(connection: Connection, received: Received, behind: bytes = b"") -> None:
    """Agree to what was asked, to the first subprotocol too; `behind` comes in the same breath."""
    connection.content(received)
    chosen = (received.one(b"sec-websocket-protocol") or b"").split(b",")[0].strip()
    named = b"Sec-WebSocket-Protocol: " + chosen + b"\r\n" if chosen else b""
    head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + named
    connection.send(head + b"Sec-WebSocket-Accept: " + accept_for(received) + b"\r\n\r\n" + behind)


def talk(connection: Connection, received: Received) -> bool:
    """Switch, echo messages, and answer a Close."""
    switch(connection, received)
    buffer = b""
    while octets := connection.wire.some():
        frames, buffer = read_frames(buffer + octets)
        for each in frames:
            connection.send(frame(each.opcode, each.payload, masked=False))
            if each.opcode == 8:
                return False
    return False


class Reachable(Protocol):
    """Somebody to whom connections can be made."""

    def client(self) -> Client:
        """A new one."""


class Socket:
    """A client that has sent its handshake and got `answer`."""

    def __init__(self, gateway: Reachable, *fields: str, target: str = "/act/talk") -> None:
        self.client = gateway.client()
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
