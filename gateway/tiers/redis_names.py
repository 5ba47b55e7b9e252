"""The names that hashed tags stand for, as far as this worker has to do with them: when Redis says that a key has
changed, that has to reach what was kept under its name. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.redis.tags import name_of

MOST = 262_144
"""Names, some 150 octets each. For the oldest one more, it is as if it had changed: nobody would say so later."""


class Names:
    """Tag → name."""

    __slots__ = ("_forgotten", "_most", "_names")

    def __init__(self, forgotten: Callable[[Sequence[bytes]], None], most: int = MOST) -> None:
        """`forgotten` is told of names that changes cannot be told of any more."""
        self._forgotten = forgotten
        self._most = most
        self._names: dict[bytes, bytes] = {}

    def note(self, tag: bytes, name: bytes) -> None:
        """Remember a name, if its tag does not say it."""
        if name_of(tag) is not None:
            return
        self._names.pop(tag, None)
        self._names[tag] = name
        if len(self._names) > self._most:
            self._forgotten([self._names.pop(next(iter(self._names)))])

    def find(self, tag: bytes) -> bytes | None:
        """The name, if anybody here had to do with it."""
        return self._names.get(tag)
