"""What must be the same in two requests for one answer to serve both.

Everything counts but a list of fields known to make no difference: a field nobody thought of splits requests and never
mixes them up. Who asks is kept apart from what is asked, since an answer may turn out to be for everybody. What is
ignored here is judged again when the answer is known, by its Vary."""

from __future__ import annotations

import re
from hashlib import blake2b
from operator import itemgetter
from typing import NamedTuple

from plugins.coalesce.asked import Asked
from plugins.coalesce.settings import ALWAYS_IDENTITY, CoalesceSettings

_DIGEST = 20
_LINE = b"\n"
"""Between the parts of a key: no octet of a target, a name or a value."""
_reported = re.compile(rb'(?:^|[;,\s])((?:host|proto)=(?:"[^"]*"|[^;,\s]*))', re.IGNORECASE).findall
_name = itemgetter(0)


class Parts(NamedTuple):
    """A request taken apart: digests, so that nobody's credentials are kept in tables."""

    common: bytes
    """What is asked. The same in every worker and on every machine with the same settings."""
    identity: bytes
    """Who asks; empty when nothing says so."""
    has_credentials: bool
    """Whether more than cookies says so: then only an answer that says so in words is for everybody (RFC 9111 §3.5)."""


class Keyer:
    """Takes requests apart by the settings of a route."""

    def __init__(self, settings: CoalesceSettings) -> None:
        patterns = [pattern.lower().encode() for pattern in settings.ignore]
        self._ignored = frozenset(pattern for pattern in patterns if not pattern.endswith(b"*")) | {b"host"}
        self._prefixes = tuple(pattern[:-1] for pattern in patterns if pattern.endswith(b"*"))
        self._identity = frozenset(name.lower().encode() for name in (*ALWAYS_IDENTITY, *settings.identity))
        self._cookies = None if settings.cookies is None else frozenset(name.encode() for name in settings.cookies)
        self._by_client = settings.client_address

    def parts(self, asked: Asked) -> Parts:
        """The parts of a request. The order of different fields does not count, that of equal ones does."""
        common = [
            asked.method.encode(),
            asked.scheme.encode(),
            asked.authority.lower(),
            asked.target,
            b"trailers" if asked.trailers else b"",
            asked.client.encode() if self._by_client else b"",
        ]
        who: list[tuple[bytes, bytes]] = []
        what: list[tuple[bytes, bytes]] = []
        for name, _, value, _, _ in asked.entries:
            if name in self._identity:
                who.append((name, value))
            elif not self._is_ignored(name):
                what.append((name, value))
            elif name == b"forwarded":
                what.append((name, b";".join(_reported(value)).lower()))
        what.sort(key=_name)
        common += [b"%b:%b" % field for field in what]
        common.append(_LINE + asked.body)
        identity, has_credentials = self._who(who) if who else (b"", False)
        return Parts(_digest(_LINE.join(common)), identity, has_credentials)

    def identity(self, asked: Asked) -> bytes:
        """Who asks, as in the parts; without an identity the client's address."""
        identity, _ = self._who([(name, value) for name, _, value, _, _ in asked.entries if name in self._identity])
        return identity or asked.client.encode()

    def is_same(self, asked: Asked, other: Asked) -> bool:
        """Whether two requests for one target are alike to the octet, so that taking them apart is not worth it."""
        return asked[:-1] == other[:-1] and (asked.client == other.client or not self._by_client)

    def open_names(self, names: tuple[bytes, ...], *, identity_counts: bool) -> tuple[bytes, ...]:
        """Those among the names of a Vary that requests with the same parts may still differ in; with
        `identity_counts` the identity is among the parts that are the same."""
        return tuple([name for name in names if not self._is_covered(name, identity_counts)])

    def _is_covered(self, name: bytes, identity_counts: bool) -> bool:
        if name in self._identity:
            return identity_counts and not (name == b"cookie" and self._cookies is not None)
        return name == b"host" or not self._is_ignored(name)

    def _is_ignored(self, name: bytes) -> bool:
        return name in self._ignored or name.startswith(self._prefixes)

    def _who(self, fields: list[tuple[bytes, bytes]]) -> tuple[bytes, bool]:
        if self._cookies is not None:
            counting = [(name, self._counting(value) if name == b"cookie" else value) for name, value in fields]
            fields = [(name, value) for name, value in counting if value or name != b"cookie"]
        if not fields:
            return b"", False
        fields.sort(key=_name)
        has_credentials = any(name != b"cookie" for name, _ in fields)
        return _digest(_LINE.join([b"%b:%b" % field for field in fields])), has_credentials

    def _counting(self, cookies: bytes) -> bytes:
        """The cookies of a field that say who asks, in their order."""
        assert self._cookies is not None
        pairs = [pair.strip(b" \t") for pair in cookies.split(b";")]
        return b"; ".join([pair for pair in pairs if pair.partition(b"=")[0].rstrip(b" \t") in self._cookies])


def agreeing(names: tuple[bytes, ...], asked: Asked) -> bytes:
    """The same for requests that agree in these fields; empty without names."""
    if not names:
        return b""
    return _digest(_LINE.join([b"%b:%b" % (name, value) for name in names for value in asked.values(name)]))


def _digest(octets: bytes) -> bytes:
    return blake2b(octets, digest_size=_DIGEST).digest()
