"""TLS towards downstreams: contexts made from files, and made anew when the files change."""

from __future__ import annotations

import ssl
from pathlib import Path

from gateway.tls import no_password


def server_context(certificate: Path | str, key: Path | str) -> ssl.SSLContext:
    """A context for a listener: TLS 1.2 or newer, ALPN http/1.1.

    Raises OSError or ssl.SSLError when the files cannot be used; nothing else is touched then, so a trial on a
    scratch context is simply this call."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.load_cert_chain(certificate, key, password=no_password)
    return context
