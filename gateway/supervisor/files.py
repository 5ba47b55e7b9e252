"""The files that a configuration names: whether they could be used here and now."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from gateway.config.settings import GatewaySettings
from gateway.config.upstreams import UpstreamTlsSettings
from gateway.listener.tls import server_context
from gateway.tls import client_context, fault_of


def unusable(settings: GatewaySettings) -> Iterator[str]:
    """A line for each setting whose TLS files cannot be used, with the reason."""
    for listen in settings.listen:
        if (own := listen.tls) is not None:
            make = partial(server_context, own.certificate, own.key)
            yield from _tried(f"listen {listen.address}: tls", make, own.certificate, own.key)
    for name, upstream in settings.upstreams.items():
        yield from _towards(f"upstreams.{name}.tls", upstream.tls)
    if settings.redis is not None:
        yield from _towards("redis.tls", settings.redis.tls)


def _towards(setting: str, tls: UpstreamTlsSettings) -> Iterator[str]:
    return _tried(setting, partial(client_context, tls), tls.ca, tls.certificate, tls.key)


def _tried(setting: str, make: Callable[[], ssl.SSLContext], *files: Path | None) -> Iterator[str]:
    if not any(files):
        return
    try:
        make()
    except (OSError, ssl.SSLError) as error:
        yield f"{setting}: {fault_of(error, files)}"
