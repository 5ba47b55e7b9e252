"""Client address and scheme as trusted proxies report them (RFC 7239, and X-Forwarded-For before it).

What they report is read from the nearest hop outwards and only as far as it makes sense: beyond a hop that
hides its name or has none, everything may have been made up."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address

from gateway.http.fields import Fields
from gateway.http.message import Request

_PARAMETER = re.compile(rb"""[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^"; \t]*))[ \t]*(?:;|$)""")
_MOST_HOPS = 32


def client_of(fields: Fields, peer: str, is_trusted: Callable[[str], bool]) -> str:
    """The address nearest to us that is not a trusted proxy itself; `peer` when none is reported."""
    forwarded = fields.get(b"forwarded")
    if forwarded is not None:
        hops = [_parameter(b"for", element) for element in _elements(forwarded)]
    else:
        hops = _elements(fields.get(b"x-forwarded-for") or b"")
    client = peer
    for hop in reversed(hops[-_MOST_HOPS:]):
        address = _address(hop)
        if address is None:
            break
        client = address
        if not is_trusted(address):
            break
    return client


def scheme_of(fields: Fields, own: str) -> str:
    """The scheme the client used, as the nearest proxy reports it; `own` when it reports none."""
    forwarded = fields.get(b"forwarded")
    if forwarded is not None:
        proto = _parameter(b"proto", (_elements(forwarded) or [b""])[-1])
    else:
        proto = (_elements(fields.get(b"x-forwarded-proto") or b"") or [b""])[-1]
    proto = proto.lower()
    return proto.decode() if proto in (b"http", b"https") else own


def _elements(value: bytes) -> list[bytes]:
    return [element for part in value.split(b",") if (element := part.strip(b" \t"))]


def _parameter(name: bytes, element: bytes) -> bytes:
    """The value of one parameter; nothing when the element is out of shape, as where a comma stood within quotes."""
    found = b""
    at = 0
    while at < len(element):
        match = _PARAMETER.match(element, at)
        if match is None:
            return b""
        if match.group(1).lower() == name:
            if found:
                return b""
            found = match.group(2) or match.group(3) or b""
        at = match.end()
    return found


def _address(hop: bytes) -> str | None:
    """The address in a node of RFC 7239 §6 or an item of X-Forwarded-For, without its port."""
    text = hop.decode("latin-1")
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    if "%" in text:
        return None
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def believe(request: Request, is_trusted: Callable[[str], bool]) -> None:
    """Take the request's client address and scheme from the trusted proxy it came by."""
    request.client = client_of(request.fields, request.downstream.peer, is_trusted)
    request.scheme = scheme_of(request.fields, request.downstream.scheme)
