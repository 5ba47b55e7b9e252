"""The request that a stored response answers, made anew from what is known of it. No I/O."""

from __future__ import annotations

from gateway.api import Downstream, Fields, Monotonic, Request
from gateway.http.fields import is_token
from plugins.cache.key import LINE, Keyer
from plugins.cache.stored import StoredResponse
from plugins.cache.vary import secondary_key

PEER = "unknown"
"""Who asks, for X-Forwarded-For: nobody who could be named."""


def request_of(stored: StoredResponse, keyer: Keyer, agent: str, started: Monotonic) -> Request | None:
    """The request that `stored` answers, made from what is known of it; `None` where that is not enough.

    The key has the URL and the fields and cookies that count, `stored` those that Vary names. Whether that is all, the
    key of what was made of it says: it has to be the same."""
    try:
        return _made_of(stored, keyer, agent, started)
    except ValueError:  # a field that no message may have
        return None


def _made_of(stored: StoredResponse, keyer: Keyer, agent: str, started: Monotonic) -> Request | None:
    url, *lines = stored.key.split(LINE)
    scheme, separator, rest = url.partition(b"://")
    authority, slash, target = rest.partition(b"/")
    if not separator or not slash or scheme not in (b"http", b"https"):
        return None
    fields = Fields([(b"Host", authority)])
    cookies: list[bytes] = []
    is_reported = False
    for line in lines:
        if line.startswith(b"cookie "):
            cookies.append(line[len(b"cookie ") :])
            continue
        name, colon, value = line.partition(b": ")
        if colon and is_token(name):
            fields.add(name, value)
            is_reported = is_reported or name.startswith((b"x-", b"forwarded"))
    if cookies:
        fields.add(b"Cookie", b"; ".join(cookies))
    for name, held_value in stored.request_fields:
        if held_value is None:
            fields.remove(name)
        elif fields.get(name) != held_value:
            fields.set(name, held_value)
    if b"user-agent" not in fields and all(name != b"user-agent" for name, _ in stored.request_fields):
        fields.add(b"User-Agent", agent.encode())
    for is_trusted in (False, True) if is_reported else (False,):
        downstream = Downstream(PEER, scheme.decode(), trusted=is_trusted)
        request = Request("GET", b"/" + target, fields, b"", authority, downstream, started)
        if keyer.key(request) == stored.key:
            names = tuple(name for name, _ in stored.request_fields)
            request.route = stored.route
            return request if secondary_key(names, fields) == stored.variant else None
    return None
