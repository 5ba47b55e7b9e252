"""Which server gets an upgraded connection: the one that its client had before while that is fit, else the one with the
fewest of them. Rules only, no I/O.

Upgraded connections last, so where a request goes by turns or by what waits just now, they go by how many there are."""

from __future__ import annotations

import ipaddress
import math
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b

from gateway.config.health import StickySettings
from gateway.config.upstreams import UpstreamSettings
from gateway.http.message import Request, Response
from gateway.upstream.balancer import Balancer
from gateway.upstream.keys import KeyOf, header_key
from gateway.upstream.member import Member
from gateway.upstream.ring import Ring
from gateway.upstream.wrote import cookie_of

FEW = 8
"""Upgraded connections up to which a server takes every client that belongs to it: of so few, shares mean nothing."""
_TOKEN_OCTETS = 12


class LeastConnections:
    """By upgraded connections for the share; where that is the same by unanswered requests, and then by turns."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = -1

    def know(self, members: Sequence[Member]) -> None:
        """Nothing depends on it."""

    def choose(
        self, able: Sequence[Member], even: bool, now: float, key: bytes | None, avoid: Collection[str]
    ) -> Member:
        """See `Balancer`."""
        count = len(able)
        turns = [(self._last + step) % count for step in range(1, count + 1)]
        best = self._last = min(turns, key=lambda index: load_with_one_more(able[index]))
        return able[best]


def load_with_one_more(member: Member) -> tuple[float, float]:
    """What a server would have to carry with another connection: connections and requests, for its share."""
    return (member.memory.upgraded + 1) / member.share, member.pending / member.share


class ByServerCookie:
    """The server that a cookie names; without one, or when that server is not fit, the least loaded."""

    __slots__ = ("_cookie", "_least", "_servers")

    def __init__(self, cookie: ServerCookie) -> None:
        self._cookie = cookie
        self._least = LeastConnections()
        self._servers: Mapping[bytes, Member] = {}

    def know(self, members: Sequence[Member]) -> None:
        """What each is called in the cookie."""
        self._servers = {self._cookie.token(member.url): member for member in members}

    def choose(
        self, able: Sequence[Member], even: bool, now: float, key: bytes | None, avoid: Collection[str]
    ) -> Member:
        """See `Balancer`."""
        known = self._servers.get(key) if key is not None else None
        if known is not None and known.is_able and known.url not in avoid:
            return known
        return self._least.choose(able, even, now, key, avoid)


class ByClient:
    """By who the client is, on a ring: the first of its servers that does not have far more connections than the
    others. Clients that cannot be told apart go to the least loaded."""

    __slots__ = ("_least", "_load", "_ring")

    def __init__(self, load: float) -> None:
        self._load = load
        self._least = LeastConnections()
        self._ring = Ring(())

    def know(self, members: Sequence[Member]) -> None:
        """Place them on the ring."""
        self._ring = Ring(members)

    def choose(
        self, able: Sequence[Member], even: bool, now: float, key: bytes | None, avoid: Collection[str]
    ) -> Member:
        """See `Balancer`."""
        if key is None:
            return self._least.choose(able, even, now, key, avoid)
        connections = sum(member.memory.upgraded for member in able)
        fair = self._load * (connections + 1) / sum(member.share for member in able)
        for member in self._ring.walk(key):
            if not member.is_able or member.url in avoid:
                continue
            if member.memory.upgraded < max(FEW, math.ceil(fair * member.share)):
                return member
        return self._least.choose(able, even, now, key, avoid)


class ServerCookie:
    """The cookie in which a client keeps the name of its server: a digest, which tells nobody where that is."""

    __slots__ = ("_digest", "_name")

    def __init__(self, upstream: str, name: str, key: bytes) -> None:
        self._name = name.encode()
        self._digest = blake2b(upstream.encode() + b"\0", digest_size=_TOKEN_OCTETS, key=key[:64])

    def token(self, url: str) -> bytes:
        """What the server with that URL is called; the same in every worker and after every start."""
        digest = self._digest.copy()
        digest.update(url.encode())
        return urlsafe_b64encode(digest.digest())

    def read(self, request: Request) -> bytes | None:
        """What the client says."""
        return cookie_of(request, self._name)

    def put(self, request: Request, response: Response, url: str) -> None:
        """Tell the client by the 101, unless it knows. Lasts as long as the browser runs."""
        token = self.token(url)
        if self.read(request) != token:
            secure = b"; Secure" if request.scheme == "https" else b""
            cookie = b"%b=%b; Path=/; HttpOnly; SameSite=Lax%b" % (self._name, token, secure)
            response.fields.add(b"Set-Cookie", cookie)


class Sticky:
    """What the settings of an upstream mean for upgrades."""

    __slots__ = ("balancer", "cookie", "key_of")

    def __init__(self, upstream: str, settings: UpstreamSettings, key_of: KeyOf | None) -> None:
        """`key_of` is what requests are hashed by, if they are."""
        sticky = settings.sticky
        self.cookie: ServerCookie | None = None
        """What tells clients their server, if that is how they find it again."""
        self.key_of = key_of
        """By what a client is known."""
        self.balancer: Balancer | None = None
        """Chooses for upgrades; `None` where they are hashed like all requests."""
        if sticky is None:
            if key_of is None:
                self.balancer = LeastConnections()
        elif sticky.cookie is not None:
            secret = sticky.key.get_secret_value().encode() if sticky.key is not None else b""
            self.cookie = ServerCookie(upstream, sticky.cookie, secret)
            self.key_of = self.cookie.read
            self.balancer = ByServerCookie(self.cookie)
        else:
            self.key_of = _client_key(sticky)
            self.balancer = ByClient(sticky.load)


def _client_key(sticky: StickySettings) -> KeyOf:
    return address_key if sticky.header is None else header_key(sticky.header)


def address_key(request: Request) -> bytes | None:
    """The client's address; of an IPv6 one the first half, since the rest changes every day (RFC 8981)."""
    try:
        address = ipaddress.ip_address(request.client)
    except ValueError:
        return None  # a Unix socket
    return address.packed if address.version == 4 else address.packed[:8]
