"""The request head as the origin gets it (RFC 9110 §7.6, RFC 9112 §3; RFC 7239). Values only, no I/O."""

from __future__ import annotations

from functools import lru_cache

from gateway.http.body import BodyStream
from gateway.http.fields import Fields
from gateway.http.message import Request

_EXPECT_CONTENT = frozenset({"POST", "PUT", "PATCH"})
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
_TRAILERS = b"TE: trailers\r\nConnection: TE\r\n"


@lru_cache(maxsize=1024)
def _lines_of_this_hop(peer: str, scheme: str, host: bytes, name: str, minor: int) -> bytes:
    """What we add for a downstream whose own word does not count."""
    forwarding = f"X-Forwarded-For: {peer}\r\nX-Forwarded-Proto: {scheme}\r\n".encode("latin-1", "replace")
    return b"%bX-Forwarded-Host: %b\r\n%b" % (forwarding, host, _via(name, minor))


def _via(name: str, minor: int) -> bytes:
    return b"Via: 1.%d %b\r\n" % (minor, name.encode())


def request_head(request: Request, host: bytes | None, authority: bytes, name: str) -> bytes:
    """The head, framing included. `host` replaces Host unless `None`; `authority` is the server's own, for
    requests that came without a Host. The request itself is not changed."""
    fields = request.fields
    downstream = request.downstream
    if host is not None or not request.authority:
        fields = fields.copy()
        fields.set(b"Host", authority if host is None else host)
    body = request.body
    if downstream.trusted:
        fields = _extended(fields, request)
        added = _via(name, request.minor)
    else:
        added = _lines_of_this_hop(
            downstream.peer, downstream.scheme, request.authority or authority, name, request.minor
        )
    if isinstance(body, BodyStream):
        framing = _CHUNKED if body.length is None else b"Content-Length: %d\r\n" % body.length
    elif body or request.method in _EXPECT_CONTENT:
        framing = b"Content-Length: %d\r\n" % len(body)
    else:
        framing = b""
    if request.upgrade is not None:
        framing = b"%bConnection: Upgrade\r\nUpgrade: %b\r\n" % (framing, request.upgrade)
    elif request.trailers:
        framing += _TRAILERS
    method = request.method.encode("ascii")
    return b"%b %b HTTP/1.1\r\n%b%b%b\r\n" % (method, request.target, fields.encode(), added, framing)


def _extended(fields: Fields, request: Request) -> Fields:
    """What a trusted proxy reported, with this hop added: one line for each field, as most origins expect."""
    peer = request.downstream.peer.encode("latin-1", "replace")
    fields = fields.copy()
    before = fields.get(b"x-forwarded-for")
    fields.set(b"X-Forwarded-For", b"%b, %b" % (before, peer) if before else peer)
    if b"x-forwarded-proto" not in fields:
        fields.set(b"X-Forwarded-Proto", request.downstream.scheme.encode())
    if b"x-forwarded-host" not in fields and request.authority:
        fields.set(b"X-Forwarded-Host", request.authority)
    forwarded = fields.get(b"forwarded")
    if forwarded is not None:
        node = b'"[%b]"' % peer if b":" in peer else b"_unix" if peer == b"unix" else peer
        fields.set(b"Forwarded", b"%b, for=%b;proto=%b" % (forwarded, node, request.downstream.scheme.encode()))
    return fields
