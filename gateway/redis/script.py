"""A Lua script, sent by its digest, and whole where a server has not got it yet."""

from __future__ import annotations

from hashlib import sha1


class Script:
    """A script. Everything it touches is among its keys, which in a cluster are in one slot."""

    __slots__ = ("sha", "source")

    def __init__(self, source: str) -> None:
        self.source = source.strip().encode()
        self.sha = sha1(self.source, usedforsecurity=False).hexdigest().encode()
        """What servers know it by (`EVALSHA`)."""
