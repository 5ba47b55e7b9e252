"""What earlier answers taught about who may share the next one. A hint only: every answer is judged for itself."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.api import Monotonic
from plugins.coalesce.reasons import ApartReason

MOST = 4096
"""Facts kept at once. The oldest goes first; without it requests for the same wait once in vain."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What an answer taught. It holds until `until`."""

    until: Monotonic
    apart: ApartReason | None = None
    """It was for one client alone, and why."""
    for_everybody: bool = False
    vary: tuple[bytes, ...] = ()
    """Fields that it depended on and that are not compared otherwise."""


NOTHING = Fact(Monotonic(0.0))
"""Nobody knows anything."""


class Known:
    """Facts by target and by what is asked."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._facts: dict[tuple[bytes, bytes], Fact] = {}
        self._targets: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._facts)

    def has(self, target: bytes) -> bool:
        """Whether there may be a fact about this target."""
        return target in self._targets

    def recall(self, target: bytes, common: bytes, now: Monotonic) -> Fact:
        """What holds now."""
        fact = self._facts.get((target, common))
        if fact is None:
            return NOTHING
        if fact.until <= now:
            self.forget(target, common)
            return NOTHING
        return fact

    def learn(self, target: bytes, common: bytes, fact: Fact) -> None:
        """An answer taught this; what was known before no longer counts."""
        self.forget(target, common)
        if len(self._facts) >= self._most:
            self.forget(*next(iter(self._facts)))
        self._facts[target, common] = fact
        self._targets[target] = self._targets.get(target, 0) + 1

    def forget(self, target: bytes, common: bytes) -> None:
        """Know nothing about this any more."""
        if self._facts.pop((target, common), None) is not None:
            left = self._targets[target] - 1
            if left:
                self._targets[target] = left
            else:
                del self._targets[target]
