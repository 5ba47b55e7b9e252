"""Client address and scheme as trusted proxies report them (RFC 7239, and X-Forwarded-For before it)."""

from __future__ import annotations

import re
from collections.abc import Callable

from gateway.http.fields import Fields

_FOR = re.compile(rb'for=(?:"?\[?([0-9A-Fa-f:.]+)\]?(?::\d+)?"?)', re.IGNORECASE)
_PROTO = re.compile(rb'proto="?(https?)"?', re.IGNORECASE)
_MOST_HOPS = 32


def client_of(fields: Fields, peer: str, is_trusted: Callable[[str], bool]) -> str:
    """The address nearest to us that is not a trusted proxy itself; `peer` when none is reported."""
    forwarded = fields.get(b"forwarded")
    if forwarded is not None:
        hops = [match.group(1).decode() for element in forwarded.split(b",") if (match := _FOR.search(element))]
    else:
        reported = fields.get(b"x-forwarded-for") or b""
        hops = [hop for part in reported.split(b",") if (hop := part.strip().decode("latin-1"))]
    client = peer
    for hop in reversed(hops[-_MOST_HOPS:]):
        client = hop
        if not is_trusted(hop):
            break
    return client


def scheme_of(fields: Fields, own: str) -> str:
    """The scheme the client used, as the nearest proxy reports it; `own` when it reports none."""
    forwarded = fields.get(b"forwarded")
    if forwarded is not None:
        match = _PROTO.search(forwarded.split(b",")[-1])
        return match.group(1).decode().lower() if match else own
    proto = (fields.get(b"x-forwarded-proto") or b"").split(b",")[-1].strip().lower()
    return proto.decode() if proto in (b"http", b"https") else own
