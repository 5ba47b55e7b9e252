"""Where it is remembered what was carried out. The stores of this room answer at once; another may answer later, so its
callers look first."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.api import Monotonic, WallTime
from plugins.idempotency.record import Record


@dataclass(frozen=True, slots=True)
class Begun:
    """The request is the first with its key: carry it out, then `finish` or `release` with this claim."""

    claim: Any


@dataclass(frozen=True, slots=True)
class Running:
    """Another one with the same key is under way."""


@dataclass(frozen=True, slots=True)
class Done:
    """One with the same key was carried out."""

    record: Record


Found = Begun | Running | Done


class StoreError(Exception):
    """The store cannot be used now."""


class Bounds:
    """How much is kept and how long: the most that any route wants of a store."""

    __slots__ = ("_wanted", "keep", "most")

    def __init__(self) -> None:
        self._wanted: dict[int, tuple[int, float]] = {}
        self.most = 0
        """Octets."""
        self.keep = 0.0
        """Seconds."""

    def join(self, who: object, most: int, keep: float) -> None:
        """Somebody wants so many octets, and records kept for so many seconds."""
        self._wanted[id(who)] = most, keep
        self._settle()

    def leave(self, who: object) -> None:
        """It wants them no more. What the last one wanted stays in force."""
        self._wanted.pop(id(who), None)
        if self._wanted:
            self._settle()

    @property
    def is_unwanted(self) -> bool:
        """Whether nobody wants the store any more."""
        return not self._wanted

    def _settle(self) -> None:
        self.most = max(most for most, _ in self._wanted.values())
        self.keep = max(keep for _, keep in self._wanted.values())


class Store(Protocol):
    """Remembers keys. Of several requests that `begin` with one name at a time, one alone is told `Begun`."""

    bounds: Bounds
    evicted: int
    """Records that went before their time."""

    def begin(self, name: bytes, now: Monotonic, wall: WallTime) -> Found | Awaitable[Found]:
        """Claim a name, or what is known of it. Raises StoreError."""

    def finish(self, name: bytes, claim: Any, record: Record, now: Monotonic, wall: WallTime) -> Awaitable[None] | None:
        """Remember what became of it, and give the claim up. Raises StoreError; the claim is given up all the same."""

    def release(self, name: bytes, claim: Any) -> Awaitable[None] | None:
        """Give the claim up: the next request with that name is the first again."""

    def look(self, name: bytes, now: Monotonic, wall: WallTime) -> Running | Done | None:
        """What is known of a name, if that can be told without waiting; nothing is claimed."""

    def size(self) -> tuple[int, int]:
        """Records and octets, as far as this worker knows."""
