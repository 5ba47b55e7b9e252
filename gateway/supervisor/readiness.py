"""Whether the gateway should be sent requests, and why not. No clock, no I/O."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where the gateway is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class Readiness:
    """The answer of `/ready`. `reasons` is empty when ready, and has words for people otherwise."""

    reasons: tuple[str, ...]

    @property
    def is_ready(self) -> bool:
        """Whether requests are welcome."""
        return not self.reasons


def readiness(phase: Phase, ready_workers: int, wanted_workers: int, waits_for: Iterable[str] = ()) -> Readiness:
    """Ready means running with one worker at least; fewer than wanted is slower, not broken.

    `waits_for` is what else has to be done first, in words."""
    reasons = []
    if phase is Phase.STARTING:
        reasons.append("the gateway is starting")
    if phase is Phase.DRAINING:
        reasons.append("the gateway is draining and will stop")
    if ready_workers == 0:
        reasons.append(f"none of {wanted_workers} workers is ready")
    return Readiness((*reasons, *waits_for))
