"""Claims of a JSON Web Token (RFC 7519), believed as they stand or only under a right signature (RFC 7515)."""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import orjson

from gateway.api import WallTime

_DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
LONGEST = 8192
"""Octets of a token that is looked at."""
LEEWAY = 60.0
"""Seconds by which the issuer's clock may differ from ours."""

Claims = dict[str, Any]
ReadClaims = Callable[[bytes, WallTime], Claims | None]


def bare_token(value: bytes) -> bytes:
    """The token in a field value, without the scheme in front of it."""
    scheme, space, rest = value.partition(b" ")
    return rest.strip() if space and scheme.lower() == b"bearer" else value


def unverified_claims(token: bytes, now: WallTime) -> Claims | None:
    """What the token says, whoever wrote it; `None` for what is no token."""
    parts = token.split(b".")
    return _decoded(parts[1]) if len(parts) == 3 and len(token) <= LONGEST else None


def verifier(secret: bytes) -> ReadClaims:
    """A reader of tokens signed with this secret; of all others, and those not in force, it gives `None`."""

    def verified_claims(token: bytes, now: WallTime) -> Claims | None:
        signed, dot, signature = token.rpartition(b".")
        header = _decoded(signed.partition(b".")[0]) if dot and len(token) <= LONGEST else None
        algorithm = header.get("alg") if header is not None else None
        digest = _DIGESTS.get(algorithm) if isinstance(algorithm, str) else None
        given = _octets(signature)
        if digest is None or given is None or not hmac.compare_digest(hmac.digest(secret, signed, digest), given):
            return None
        claims = unverified_claims(token, now)
        return claims if claims is not None and _is_in_force(claims, now) else None

    return verified_claims


def _is_in_force(claims: Claims, now: WallTime) -> bool:
    expires, begins = claims.get("exp"), claims.get("nbf")
    if expires is not None and not (isinstance(expires, int | float) and now < expires + LEEWAY):
        return False
    return begins is None or (isinstance(begins, int | float) and now >= begins - LEEWAY)


def claim_in(claims: Claims, path: tuple[str, ...]) -> bytes | None:
    """The value of a claim as octets; a path leads into nested ones. `None` where there is none."""
    value: Any = claims
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return None
        value = value[step]
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _decoded(part: bytes) -> Claims | None:
    octets = _octets(part)
    if octets is None:
        return None
    try:
        value = orjson.loads(octets)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _octets(part: bytes) -> bytes | None:
    try:
        return urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return None
