"""The answer that each of those who shared a bulk call gets for itself."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from gateway.api import Fields, Request, Response
from gateway.http.hop_by_hop import list_members

_SHARED = frozenset(
    {
        b"access-control-allow-credentials", b"access-control-allow-origin", b"access-control-expose-headers",
        b"age", b"cache-control", b"cache-tag", b"cdn-cache-control", b"content-language",
        b"content-security-policy", b"content-type", b"cross-origin-resource-policy", b"date", b"deprecation",
        b"expires", b"permissions-policy", b"pragma", b"referrer-policy", b"server", b"strict-transport-security",
        b"surrogate-control", b"surrogate-key", b"timing-allow-origin", b"vary", b"via", b"warning",
        b"x-content-type-options", b"x-frame-options",
    }
)  # fmt: skip
"""Fields of a bulk answer that are as true of each element. Validators, digests, links and cookies are not."""

_FORBIDS = frozenset({b"no-store", b"private"})
_ABOUT_CONTENT = (b"content-type", b"content-language", b"cache-tag", b"surrogate-key")
_ABOUT_STORING = (b"cache-control", b"cdn-cache-control", b"surrogate-control", b"expires", b"pragma", b"age")


class Answers:
    """Makes the single answers of a rule."""

    def __init__(self, wrap: tuple[str, ...], fields: Iterable[str]) -> None:
        self._before = b"".join(b"{%b:" % orjson.dumps(name) for name in wrap)
        self._behind = b"}" * len(wrap)
        self._shared = _SHARED | {name.lower().encode() for name in fields}

    def shared(self, bulk: Fields) -> Fields:
        """The fields of a bulk answer that its single answers have as well.

        One that set a cookie was made for somebody, so nobody may keep it; the cookie itself goes to nobody."""
        fields = Fields(pair for pair in bulk if pair[0].lower() in self._shared)
        if b"set-cookie" in bulk:
            fields.remove_any(frozenset(_ABOUT_STORING))
            fields.add(b"Cache-Control", b"no-store")
        return fields

    def element(self, shared: Fields, octets: bytes) -> Response:
        """The answer for an id that was found."""
        response = Response(200, shared.copy(), b"%b%b%b" % (self._before, octets, self._behind))
        response.dated = b"date" in shared
        return response

    def missing(self, shared: Fields, request: Request) -> Response:
        """The answer for an id that was not found.

        What the bulk answer says about storing is about what there is, so here it counts only where it forbids."""
        fields = shared.copy()
        may_keep = _FORBIDS.isdisjoint(list_members(fields.get(b"cache-control") or b""))
        fields.remove_any(frozenset(_ABOUT_CONTENT + _ABOUT_STORING))
        if not may_keep:
            fields.add(b"Cache-Control", b"no-store")
        if b"json" in (request.fields.get(b"accept") or b"json").lower():
            fields.add(b"Content-Type", b"application/problem+json")
            content = (
                b'{"type":"about:blank","title":"Not Found","status":404,"detail":"there is nothing of that id"}\n'
            )
        else:
            fields.add(b"Content-Type", b"text/plain; charset=utf-8")
            content = b"404 Not Found: there is nothing of that id\n"
        response = Response(404, fields, content)
        response.dated = b"date" in fields
        return response


def asks_for_calm(response: Response) -> bool:
    """Whether an upstream wants fewer requests, so that single calls in place of a bulk call would be the wrong answer
    (RFC 6585 §4, RFC 9110 §15.6.4)."""
    return response.status == 429 or (response.status == 503 and b"retry-after" in response.fields)


def calm(response: Response) -> Response:
    """What each of those who waited is told then: the same status and time."""
    kept = frozenset({b"retry-after", b"date", b"server"})
    fields = Fields(pair for pair in response.fields if pair[0].lower() in kept)
    fields.add(b"Cache-Control", b"no-store")
    fields.add(b"Content-Type", b"text/plain; charset=utf-8")
    words = b"429 Too Many Requests" if response.status == 429 else b"503 Service Unavailable"
    answer = Response(response.status, fields, words + b": the upstream asks for fewer requests\n")
    answer.dated = b"date" in fields
    return answer
