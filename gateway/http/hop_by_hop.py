"""Fields that stop at a connection (RFC 9110 §7.6.1) and those that frame a message (RFC 9112 §6)."""

from __future__ import annotations

FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})
"""Written by the end of the road that sends the message, never carried along."""

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)
"""Meant for this connection only, whether `Connection` names them or not. `Trailer` goes end to end, and so do
the proxy authentication fields: they are for the proxy that demanded them, and a gateway demands nothing."""

NEVER_NOMINATED = frozenset(
    {
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"expect",
        b"date",
        b"content-type",
        b"cache-control",
        b"set-cookie",
    }
)
"""Fields that stay although `Connection` names them: dropping them would change what the message means."""

NOT_IN_TRAILERS = frozenset(
    {
        b"content-length",
        b"transfer-encoding",
        b"connection",
        b"host",
        b"te",
        b"trailer",
        b"upgrade",
        b"keep-alive",
        b"proxy-connection",
        b"http2-settings",
        b"expect",
        b"range",
        b"max-forwards",
        b"authorization",
        b"proxy-authorization",
        b"proxy-authenticate",
        b"www-authenticate",
        b"cookie",
        b"set-cookie",
        b"cache-control",
        b"age",
        b"expires",
        b"date",
        b"location",
        b"retry-after",
        b"vary",
        b"warning",
        b"pragma",
        b"content-encoding",
        b"content-type",
        b"content-range",
        b"forwarded",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
    }
)
"""Dropped when they come as trailers: framing, routing, credentials, controls (RFC 9110 §6.5.1)."""


def list_members(value: bytes) -> list[bytes]:
    """The members of a comma-separated list of tokens, in lower case, empty ones left out (RFC 9110 §5.6.1)."""
    return [member for part in value.lower().split(b",") if (member := part.strip(b" \t"))]
