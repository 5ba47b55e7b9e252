"""A memory of keys whose last answer could not be stored (hit-for-miss).

Requests for such a key need not wait for one another: there will be nothing to share. It is bounded, and forgets the
oldest first."""

from __future__ import annotations

from gateway.api import WallTime
from plugins.cache.reasons import NotStoredReason

MOST = 65_536
"""Keys remembered at once: some 15 MB at worst, and a key in ten thousand is usual."""
_IS_RECENT = 0.75
"""Share of its time that a note must still have to be as good as a new one."""


class Uncacheable:
    """Key → until when, and why."""

    __slots__ = ("_known", "_most", "seconds")

    def __init__(self, lasts: float, most: int = MOST) -> None:
        self.seconds = lasts
        """How long a key is remembered; 0 remembers nothing."""
        self._most = most
        self._known: dict[bytes, tuple[float, NotStoredReason]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def remember(self, key: bytes, reason: NotStoredReason, now: WallTime) -> None:
        """Note that the answer to `key` could not be stored just now."""
        if self.seconds <= 0:
            return
        known = self._known
        found = known.get(key)
        if found is not None and found[1] is reason and found[0] - now > self.seconds * _IS_RECENT:
            return  # a busy key need not be noted with every answer
        known.pop(key, None)  # so that it stands behind all older ones
        if len(known) >= self._most:
            del known[next(iter(known))]
        known[key] = (now + self.seconds, reason)

    def recall(self, key: bytes, now: WallTime) -> NotStoredReason | None:
        """Why the last answer could not be stored; `None` when that is not known, or was too long ago."""
        found = self._known.get(key)
        if found is None:
            return None
        until, reason = found
        if now < until:
            return reason
        del self._known[key]
        return None

    def forget(self, key: bytes) -> None:
        """An answer to `key` was stored."""
        self._known.pop(key, None)

    def clear(self) -> None:
        """Forget everything: what is cacheable may have changed with the settings."""
        self._known.clear()
