"""Which keys have to be held against the far tier before their next use, because another gateway may have changed what
is stored there.

A change that the far tier tells of makes its key doubtful; a connection to it that was lost makes all of them so. What
comes into memory from the near tier is doubtful if it is older than the connection and was not looked at since."""

from __future__ import annotations

MOST = 65_536
"""Keys remembered. When a doubtful one has to be forgotten, all are doubtful."""


class Doubts:
    """What is known of keys."""

    __slots__ = ("_good", "_most", "_since")

    def __init__(self, now: float, most: int = MOST) -> None:
        """`now` is wall time, as everywhere here."""
        self._most = most
        self._since = now
        self._good: dict[bytes, bool] = {}

    def everything(self, now: float) -> None:
        """Nobody knows what has been changed."""
        self._good.clear()
        self._since = now

    def changed(self, key: bytes, now: float) -> None:
        """Somebody has changed what is stored for a key."""
        self._note(key, now, good=False)

    def checked(self, key: bytes, now: float) -> None:
        """A key has been held against the far tier."""
        self._note(key, now, good=True)

    def is_doubtful(self, key: bytes, when: float) -> bool:
        """Whether an answer of that time, from the near tier, may not be what counts now."""
        good = self._good.get(key)
        return when < self._since if good is None else not good

    def _note(self, key: bytes, now: float, *, good: bool) -> None:
        self._good.pop(key, None)
        self._good[key] = good
        if len(self._good) > self._most:
            oldest = next(iter(self._good))
            if not self._good.pop(oldest):
                self.everything(now)
