"""The request as the cache sends it upstream: the client's, with other fields or another target."""

from __future__ import annotations

from gateway.api import Fields, Request
from gateway.http.hop_by_hop import HOP_BY_HOP

_ABOUT_ONE_EXCHANGE = HOP_BY_HOP | {
    b"expect",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-range",
    b"if-unmodified-since",
    b"range",
}
_DIRECTIVES = frozenset({b"cache-control", b"pragma"})
"""What the client wanted of caches for its own answer; it has that one already."""


def sent_as(request: Request, fields: Fields, target: bytes) -> Request:
    """`request` with these fields and this target. Trail and interim responses are the client's."""
    sent = Request(
        request.method,
        target,
        fields,
        request.body,
        request.authority,
        request.downstream,
        request.started,
        request.minor,
    )
    sent.scheme = request.scheme
    sent.client = request.client
    sent.route = request.route
    sent.trail = request.trail
    sent.interim = request.interim
    sent.trailers = request.trailers
    sent.attributes = request.attributes
    sent.upstream_wait = request.upstream_wait
    sent.avoid = request.avoid
    sent.deadline = request.deadline
    sent.once = request.once
    return sent


def for_refresh(request: Request) -> Request:
    """A request of our own for what `request` asks for: nobody waits for its answer."""
    fields = request.fields.copy()
    fields.remove_any(_ABOUT_ONE_EXCHANGE | _DIRECTIVES)
    own = sent_as(request, fields, request.target)
    own.trail = []
    own.interim = None
    own.attributes = None
    own.upstream_wait = 0.0
    own.avoid = frozenset()
    own.deadline = None
    own.once = False
    if own.method == "HEAD":
        own.method = "GET"
    return own
