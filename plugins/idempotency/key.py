"""Keys: what a request says, and whose it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b

from gateway.api import Request
from gateway.http.structured import StructuredFieldError, parse_item
from plugins.idempotency.settings import Anonymous, IdempotencySettings

_BARE = re.compile(rb"[\x21\x23-\x7e]{1,255}")
"""What many clients send instead of a String: a UUID without quotes."""
LONGEST = 255

NameOf = Callable[[Request, bytes], bytes]


def read_key(value: bytes) -> bytes | None:
    """The key in a field value: a String (RFC 9651 §3.3.3), or the same without quotes; `None` for neither.

    With and without quotes it is the same key."""
    if value.startswith(b'"'):
        try:
            item, _ = parse_item(value)
        except StructuredFieldError:
            return None
        return item.encode() if isinstance(item, str) and 0 < len(item) <= LONGEST else None
    return value if _BARE.fullmatch(value) is not None else None


def namer(settings: IdempotencySettings) -> NameOf:
    """The function that makes of a key, with whose it is and for which host, the name of its record: 32 octets of which
    nothing can be read."""
    fields = [name.lower().encode() for name in settings.identity if not name.startswith("cookie:")]
    cookies = [name.partition(":")[2].encode() + b"=" for name in settings.identity if name.startswith("cookie:")]
    by_address = settings.anonymous is Anonymous.ADDRESS

    def name_of(request: Request, key: bytes) -> bytes:
        said = [request.fields.get(name) for name in fields]
        said += [_cookie(request, beginning) for beginning in cookies]
        if by_address and not any(said):
            said.append(request.client.encode("utf-8", "replace"))
        digest = blake2b(digest_size=32)
        for part in (key, request.scheme.encode(), request.authority.lower(), *said):
            digest.update(b"-" if part is None else b"%d:%b" % (len(part), part))
        return digest.digest()

    return name_of


def _cookie(request: Request, beginning: bytes) -> bytes | None:
    for pair in (request.fields.get(b"cookie") or b"").split(b";"):
        pair = pair.strip(b" \t")
        if pair.startswith(beginning):
            return pair[len(beginning) :]
    return None
