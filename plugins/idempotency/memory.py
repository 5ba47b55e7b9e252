"""Records in the memory of one worker."""

from __future__ import annotations

from collections import OrderedDict

from gateway.api import Monotonic, WallTime
from plugins.idempotency.record import Record
from plugins.idempotency.store import Begun, Bounds, Done, Found, Running


class MemoryStore:
    """Bounded in octets and in time. Claims are not bounded here: their number is the callers' to bound."""

    def __init__(self) -> None:
        self._done: OrderedDict[bytes, tuple[float, Record]] = OrderedDict()
        self._running: dict[bytes, object] = {}
        self._octets = 0
        self.bounds = Bounds()
        self.evicted = 0
        """Records that went before their time."""

    def begin(self, name: bytes, now: Monotonic, wall: WallTime) -> Found:
        """Claim a name, or what is known of it."""
        known = self.look(name, now, wall)
        if known is not None:
            return known
        claim = self._running[name] = object()
        return Begun(claim)

    def look(self, name: bytes, now: Monotonic, wall: WallTime) -> Running | Done | None:
        """What is known of a name."""
        self._forget_old(now)
        if name in self._running:
            return Running()
        found = self._done.get(name)
        return Done(found[1]) if found is not None else None

    def finish(self, name: bytes, claim: object, record: Record, now: Monotonic, wall: WallTime) -> None:
        """Remember what became of it."""
        self.release(name, claim)
        self._drop(name)
        self._done[name] = (now + self.bounds.keep, record)
        self._octets += record.octets
        while self._octets > self.bounds.most and len(self._done) > 1:
            self._drop(next(iter(self._done)))
            self.evicted += 1

    def release(self, name: bytes, claim: object) -> None:
        """Give a claim up. One that is no longer in force changes nothing."""
        if self._running.get(name) is claim:
            del self._running[name]

    def size(self) -> tuple[int, int]:
        """Records and octets."""
        return len(self._done), self._octets

    def _forget_old(self, now: Monotonic) -> None:
        while self._done:
            name, (until, _) = next(iter(self._done.items()))
            if until > now:
                break
            self._drop(name)

    def _drop(self, name: bytes) -> None:
        found = self._done.pop(name, None)
        if found is not None:
            self._octets -= found[1].octets
