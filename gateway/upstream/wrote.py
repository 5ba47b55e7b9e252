"""The mark of a client that wrote: until when it reads from the primary servers, signed. No clock, no I/O."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from gateway.http.message import Request, Response, WallTime

_SIGNATURE_OCTETS = 12
_LONGEST_TOKEN = 64
FARTHEST_SECONDS = 86400.0 * 3650
"""Tokens of a later time are no tokens of ours."""


class WroteMark:
    """Makes tokens, puts them on answers to writes, and reads them off requests.

    A token is the time at which it ends, in whole milliseconds since 1970, and a signature of that and of the name of
    the upstream. It names nobody, and a forged one could only send reads to the primary servers."""

    __slots__ = ("_cookie", "_header", "_key", "_purpose", "_window")

    def __init__(self, upstream: str, key: bytes, window: float, cookie: str | None, header: str | None) -> None:
        self._purpose = b"slipstream read-your-writes " + upstream.encode()
        self._key = key
        self._window = window
        self._cookie = cookie.encode() if cookie is not None else None
        self._header = header.encode() if header is not None else None

    def put(self, request: Request, response: Response, now: WallTime) -> None:
        """Mark the client by the answer to its write."""
        token = self.token(now + self._window)
        if self._header is not None:
            response.fields.set(self._header, token)
        if self._cookie is not None:
            age = int(self._window) + (self._window % 1 > 0)
            secure = b"; Secure" if request.scheme == "https" else b""
            cookie = b"%b=%b; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%b" % (self._cookie, token, age, secure)
            response.fields.add(b"Set-Cookie", cookie)

    def is_on(self, request: Request, now: WallTime) -> bool:
        """Whether the client that sent this wrote lately."""
        if self._header is not None:
            token = request.fields.get(self._header.lower())
            if token is not None and self.is_good(token, now):
                return True
        if self._cookie is not None:
            token = cookie_of(request, self._cookie)
            if token is not None and self.is_good(token, now):
                return True
        return False

    def token(self, until: float) -> bytes:
        """The token that ends then."""
        text = b"%d" % int(until * 1000)
        return b"%b.%b" % (text, self._signature(text))

    def is_good(self, token: bytes, now: WallTime) -> bool:
        """Whether it is one of ours and has not ended."""
        if len(token) > _LONGEST_TOKEN:
            return False
        text, dot, signature = token.partition(b".")
        if not dot or not text.isdigit() or not hmac.compare_digest(signature, self._signature(text)):
            return False
        return now < int(text) / 1000 < now + FARTHEST_SECONDS

    def _signature(self, text: bytes) -> bytes:
        octets = hmac.digest(self._key, b"%b\0%b" % (self._purpose, text), sha256)
        return urlsafe_b64encode(octets[:_SIGNATURE_OCTETS])


def cookie_of(request: Request, name: bytes) -> bytes | None:
    """The value of a cookie (RFC 6265 §4.2.1), `None` without it. Of several with the name, the first."""
    line = request.fields.get(b"cookie")
    if line is None:
        return None
    for pair in line.split(b";"):
        key, equals, value = pair.partition(b"=")
        if equals and key.strip() == name:
            return value.strip()
    return None
