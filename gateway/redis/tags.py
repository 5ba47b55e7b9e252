"""How names become parts of keys in Redis, so that all keys about one thing lie in one slot of a cluster, and so that a
key that is told as changed can be understood. No I/O."""

from __future__ import annotations

from gateway.tiers.frame import digest

LONGEST = 256
"""Octets of a name that stands in a key as it is. Longer ones are hashed."""
_PLAIN = b"{="
_HASHED = b"{#"


def tag_of(name: bytes, names: bytes = b"") -> bytes:
    """What stands for a name in keys, braces included. With the key of digests `names` nobody else can tell which name
    it is."""
    if names or len(name) > LONGEST or b"}" in name:
        return b"%b%b}" % (_HASHED, digest(name, 16, names).hex().encode())
    return b"%b%b}" % (_PLAIN, name)


def name_of(tag: bytes) -> bytes | None:
    """The name that a tag stands for; `None` when it cannot be told from the tag."""
    return tag[2:-1] if tag.startswith(_PLAIN) and tag.endswith(b"}") else None
