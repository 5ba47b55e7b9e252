"""What a request is hashed by, compiled from the settings. No I/O."""

from __future__ import annotations

from collections.abc import Callable

from gateway.config.health import HashSettings
from gateway.http.message import Request
from gateway.upstream.wrote import cookie_of

KeyOf = Callable[[Request], bytes | None]
"""The key of a request; `None` when it has none, and then any server may do."""


def key_of(settings: HashSettings) -> KeyOf:
    """The function that finds a request's key."""
    if settings.header is not None:
        return header_key(settings.header)
    if settings.cookie is not None:
        cookie = settings.cookie.encode()
        return lambda request: cookie_of(request, cookie)
    return lambda request: request.path


def header_key(header: str) -> KeyOf:
    """The value of a request field."""
    name = header.lower().encode()
    return lambda request: request.fields.get(name)
