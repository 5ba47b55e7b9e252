"""Encryption at rest: AES-256-GCM, a key from the environment, what stands around a record authenticated with it."""

from __future__ import annotations

import os
from collections.abc import Mapping

SHORTEST_SECRET = 32
"""Characters: `openssl rand -base64 32` gives 44."""

_NONCE = 12
_KEY = 32


class SealError(Exception):
    """It was sealed with another key, or changed since, or there is no key."""


class Seal:
    """Seals and opens octets with keys derived from one secret."""

    __slots__ = ("_cipher", "_misfit", "names")

    def __init__(self, secret: bytes) -> None:
        from cryptography.exceptions import (
            InvalidTag,
        )  # a library for those who want it: a worker without starts sooner
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        self._misfit = InvalidTag
        derived = HKDF(SHA256(), 2 * _KEY, salt=None, info=b"slipstream tier 1").derive(secret)
        self._cipher = AESGCM(derived[:_KEY])
        self.names: bytes = derived[_KEY:]
        """A key for digests of names."""

    @classmethod
    def from_environment(cls, variable: str, environ: Mapping[str, str] = os.environ) -> Seal:
        """The seal whose secret stands in an environment variable. Raises SealError."""
        secret = environ.get(variable, "")
        if len(secret) < SHORTEST_SECRET:
            raise SealError(f"{variable} must be set to a secret of at least {SHORTEST_SECRET} characters")
        return cls(secret.encode("utf-8", "surrogateescape"))

    def close(self, octets: bytes, around: bytes) -> bytes:
        """`octets` sealed. Two times the same octets are not the same sealed: each has a random nonce of 96 bits, good
        for some billions of records under one key (NIST SP 800-38D §8.3)."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, octets, around)

    def open(self, sealed: bytes, around: bytes) -> bytes:
        """What was sealed with this key and with the same `around`. Raises SealError."""
        if len(sealed) < _NONCE:
            raise SealError("shorter than a nonce")
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], around)
        except self._misfit as error:
            raise SealError("it does not fit the key") from error
