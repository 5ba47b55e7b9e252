"""Whose request it is: the key of a limit, from address, fields, cookies, claims and route."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from gateway.api import Request, WallTime
from gateway.http.memo import Memo
from plugins.rate_limit.settings import LimitSettings, TokenSettings, Without
from plugins.rate_limit.tokens import ReadClaims, bare_token, claim_in, unverified_claims, verifier

Part = Callable[[Request, WallTime], bytes | None]
KeyOf = Callable[[Request, "Address", WallTime], bytes | None]


@dataclass(frozen=True, slots=True)
class Address:
    """What the settings make of a client's address."""

    key: bytes
    is_exempt: bool


def address_reader(ipv4: int, ipv6: int, exempt: Sequence[IPv4Network | IPv6Network]) -> Memo[str, Address]:
    """Client address → whose it is, by the leading bits that make one client of many addresses."""

    def read(text: str) -> Address:
        try:
            address = ip_address(text)
        except ValueError:  # a Unix socket
            return Address(text.encode("utf-8", "replace"), False)
        mapped = getattr(address, "ipv4_mapped", None)
        if mapped is not None:
            address = mapped
        is_exempt = any(address in network for network in exempt)
        network = ip_network((address, ipv4 if address.version == 4 else ipv6), strict=False)
        return Address(network.network_address.packed, is_exempt)

    return Memo(read)


def digest(value: bytes) -> bytes:
    """A field's value as part of a key: of one length, and no secret any more."""
    return blake2b(value, digest_size=16).digest()


def key_reader(limit: LimitSettings, token: TokenSettings) -> KeyOf:
    """The function that finds a request's key; it gives `None` where the limit does not apply."""
    if limit.key == ("address",):
        return lambda request, address, now: address.key
    parts = [_part(name, token) for name in limit.key]
    without = limit.without_key

    def key_of(request: Request, address: Address, now: WallTime) -> bytes | None:
        found = []
        for part in parts:
            value = address.key if part is None else part(request, now)
            if value is None:
                if without is Without.SKIP:
                    return None
                value = b"-" + (address.key if without is Without.ADDRESS else b"")
            found.append(b"%d:%b" % (len(value), value))
        return b"".join(found)

    return key_of


def _part(name: str, token: TokenSettings) -> Part | None:
    """What reads a part of the key; `None` is the address, which is known."""
    kind, _, rest = name.partition(":")
    match kind:
        case "address":
            return None
        case "route":
            return lambda request, now: request.route.encode()
        case "host":
            return lambda request, now: _short(request.authority.lower())
        case "method":
            return lambda request, now: _short(request.method.encode())
        case "header":
            return _header(rest.lower().encode())
        case "cookie":
            return _cookie(rest.encode())
        case _:
            return _claim(tuple(rest.split(".")), token)


def _short(value: bytes) -> bytes:
    return value if len(value) <= 32 else digest(value)


def _header(name: bytes) -> Part:
    def read(request: Request, now: WallTime) -> bytes | None:
        value = request.fields.get(name)
        return digest(value) if value else None

    return read


def _cookie(name: bytes) -> Part:
    beginning = name + b"="

    def read(request: Request, now: WallTime) -> bytes | None:
        cookies = request.fields.get(b"cookie")
        if cookies is None or beginning not in cookies:
            return None
        for pair in cookies.split(b";"):
            pair = pair.strip(b" \t")
            if pair.startswith(beginning) and len(pair) > len(beginning):
                return digest(pair[len(beginning) :])
        return None

    return read


def _claim(path: tuple[str, ...], token: TokenSettings) -> Part:
    field = token.field.lower().encode()
    read_claims: ReadClaims = unverified_claims
    if token.secret is not None:
        read_claims = verifier(token.secret.get_secret_value().encode())

    def read(request: Request, now: WallTime) -> bytes | None:
        value = request.fields.get(field)
        claims = read_claims(bare_token(value), now) if value is not None else None
        found = claim_in(claims, path) if claims is not None else None
        return digest(found) if found else None

    return read
