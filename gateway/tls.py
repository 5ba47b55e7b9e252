"""TLS towards others: who is trusted, and what they are shown. What is wrong with files of TLS, in words."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path

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
        context.load_cert_chain(settings.certificate, settings.key, password=no_password)
    return context


def no_password() -> str:
    """What answers when a key wants one: else OpenSSL asks on the terminal, and all wait. Raises OSError."""
    raise OSError("the key is encrypted; the gateway needs one without a password")


def fault_of(error: OSError | ssl.SSLError, files: Iterable[Path | str | None]) -> str:
    """What is wrong with `files`, of which a context could not be made: `error` itself does not say with which one."""
    named = [str(file) for file in files if file is not None]
    for file in named:
        try:
            Path(file).open("rb").close()
        except OSError as unreadable:
            return f"{file}: {(unreadable.strerror or str(unreadable)).lower()}"
    what = str(error)
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "reason", None) or what
        is_swapped = "MISMATCH" in reason
        what = "the key is not the certificate's" if is_swapped else f"no PEM that can be used here ({reason})"
    return f"{' and '.join(named)}: {what}"
