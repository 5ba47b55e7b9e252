"""The octets that all buffers of a worker hold together, for all its routes."""

from __future__ import annotations

from typing import Protocol


class Holder(Protocol):
    """A buffer, some of which may be there only for those who might still come."""

    def release(self) -> None:
        """Keep only what somebody needs who is there."""


class Budget:
    """One account for all buffers. It bounds what is kept, not what is on its way through."""

    def __init__(self) -> None:
        self.used = 0
        """Octets held now, with what keeping them costs."""
        self.limit = 0
        """Octets that may be held: the most that a route in use wants."""
        self._limits: dict[int, int] = {}
        self._spare: dict[Holder, None] = {}

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be kept."""
        return self.used > self.limit

    def join(self, route: object, limit: int) -> None:
        """A route begins to use it."""
        self._limits[id(route)] = limit
        self.limit = max(self._limits.values())

    def leave(self, route: object) -> None:
        """A route no longer uses it."""
        self._limits.pop(id(route), None)
        self.limit = max(self._limits.values(), default=0)

    def hold(self, octets: int) -> None:
        """So many more are held, or fewer."""
        self.used += octets

    def spare(self, holder: Holder) -> None:
        """That buffer could do with less."""
        self._spare[holder] = None

    def spare_no_more(self, holder: Holder) -> None:
        """It could not, or not any more."""
        self._spare.pop(holder, None)

    def make_room(self) -> None:
        """Take back what is held for those who might still come, the oldest first, as far as it is needed."""
        while self._spare and self.is_full:
            holder = next(iter(self._spare))
            del self._spare[holder]
            holder.release()
