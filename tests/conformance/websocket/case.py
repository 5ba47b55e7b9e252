"""One story of a client, and how it has to end."""

from __future__ import annotations

from dataclasses import dataclass

Messages = tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """What a client sends to an origin that echoes, and what it has to hear."""

    name: str
    sends: tuple[bytes, ...]
    """Octets, each piece a write of its own."""
    echoes: Messages = ()
    """Messages that come back, in order, before anything else happens to the connection."""
    pongs: tuple[bytes, ...] = ()
    """Contents of the pongs that come back, in order."""
    code: int | None = None
    """Close code with which the connection ends; `None` when nothing is wrong, and the client says goodbye itself."""
    empty_close: bool = False
    """Whether the Close frame that ends it carries no code."""
    offer: str = ""
    """Sec-WebSocket-Extensions of the handshake; then `sends` are plain payloads to be sent compressed."""


def chop(data: bytes, size: int) -> tuple[bytes, ...]:
    """`data` in pieces of so many octets."""
    return tuple(data[at : at + size] for at in range(0, len(data), size))
