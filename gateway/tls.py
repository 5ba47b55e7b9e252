"""TLS towards others: who is trusted, and what they are shown."""

from __future__ import annotations

import ssl

from gateway.config.upstreams import UpstreamTlsSettings


def client_context(settings: UpstreamTlsSettings) -> ssl.SSLContext:
    """How connections to servers are encrypted. Raises OSError or ssl.SSLError when a file cannot be used.

    Python 3.13 began to refuse authorities that leave out what RFC 5280 wants of the public ones, key identifiers among
    it. Those that companies make for themselves often do, so they are trusted with every Python."""
    context = ssl.create_default_context(cafile=settings.ca)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.certificate is not None:
        context.load_cert_chain(settings.certificate, settings.key)
    return context
