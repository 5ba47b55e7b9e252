"""Request targets and authorities (RFC 9112 §3.2, RFC 3986 §3.2)."""

from __future__ import annotations

import re

from gateway.errors import BadRequestError

_AUTHORITY = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]{2,45}\]|\[v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+\]"
    rb"|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2}){1,255})(?::[0-9]{0,5})?"
).fullmatch
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?]*)([^#]*)").fullmatch
_KNOWN: dict[bytes, bool] = {b"": True}


def is_authority(octets: bytes) -> bool:
    """Whether `octets` can be a Host field: a host and perhaps a port, or nothing (RFC 9110 §7.2)."""
    known = _KNOWN.get(octets)
    if known is None:
        known = _AUTHORITY(octets) is not None
        if len(_KNOWN) < 1024 and len(octets) <= 255:
            _KNOWN[octets] = known
    return known


def authority_and_origin_form(method: str, target: bytes) -> tuple[bytes, bytes]:
    """Authority (empty: ask Host) and path with query of a target that does not begin with a slash.

    The scheme of an absolute target is not kept: what the connection is decides. Raises BadRequestError."""
    if target == b"*":
        if method == "OPTIONS":
            return b"", target
        raise BadRequestError("the target * is for OPTIONS alone")
    absolute = _ABSOLUTE(target)
    if absolute is None:
        raise BadRequestError("the target is neither a path nor an http URL")
    authority, path = absolute.groups()
    if not authority or not is_authority(authority):
        raise BadRequestError("the target names no valid host")
    if not path:
        path = b"*" if method == "OPTIONS" else b"/"  # RFC 9112 §3.2.4
    elif path[0] != 0x2F:
        path = b"/" + path
    return authority, path
