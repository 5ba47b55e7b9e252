"""What a run has done so far, counted, for those who watch. No I/O; the caller says what time it is."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway.warming.outcome import Kind, Outcome
from gateway.warming.urls import shown

MOST_FAILURES = 20
"""URLs that failed, remembered by name."""
MOST_REASONS = 50
LATELY_SECONDS = 5.0


class State(StrEnum):
    """Where a run is in its life."""

    GATHERING = "gathering"
    """Its sources are being read."""
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    """It may be resumed."""
    FAILED = "failed"
    """No source could be read, or no worker asked."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens, unless it is resumed."""
        return self in (State.DONE, State.CANCELLED, State.FAILED)


@dataclass(slots=True)
class Progress:
    """Counts of one run. Times in seconds on a clock that never jumps."""

    total: int = 0
    """URLs of the list."""
    already: int = 0
    """Of those, the first ones that an earlier run has done, by the cursor."""
    kinds: Counter[Kind] = field(default_factory=Counter)
    reasons: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    retried: int = 0
    """Requests that were tried once more."""
    requests: int = 0
    """Requests made, in all workers."""
    octets: int = 0
    origin_seconds: float = 0.0
    failures: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=MOST_FAILURES))
    _lately: deque[float] = field(default_factory=deque)
    seconds: float = 0.0
    """How long it ran, pauses between two starts of it left out."""
    _since: float | None = None

    def begin(self, now: float) -> None:
        """It runs from now on."""
        self._since = now

    def end(self, now: float) -> None:
        """It runs no more."""
        if self._since is not None:
            self.seconds += now - self._since
            self._since = None

    @property
    def done(self) -> int:
        """URLs that are finished with, one way or another."""
        return self.already + self.kinds.total()

    def asked(self, outcome: Outcome, now: float) -> None:
        """A worker was asked once."""
        self.requests += 1
        self.octets += outcome.octets
        self.origin_seconds += outcome.origin_seconds
        self._lately.append(now)
        while self._lately[0] < now - LATELY_SECONDS:
            self._lately.popleft()

    def settle(self, url: str, outcome: Outcome) -> None:
        """A URL is finished with."""
        self.kinds[outcome.kind] += 1
        reason = (outcome.kind, outcome.reason or "-")
        self.reasons[
            reason if reason in self.reasons or len(self.reasons) < MOST_REASONS else (reason[0], "other")
        ] += 1
        if outcome.kind is Kind.FAILED:
            self.failures.append((shown(url), outcome.reason))

    def rate(self, now: float) -> float:
        """Requests a second, lately."""
        recent = sum(at > now - LATELY_SECONDS for at in self._lately)
        return recent / max(0.5, min(LATELY_SECONDS, self._ran(now)))

    def _ran(self, now: float) -> float:
        return self.seconds + (0.0 if self._since is None else now - self._since)

    def to_json(self, now: float) -> dict[str, Any]:
        """For the admin API."""
        ran = self._ran(now)
        finished = self.kinds.total()
        left = self.total - self.done
        return {
            "total": self.total,
            "done": self.done,
            "already_done": self.already,
            **{kind.value: self.kinds[kind] for kind in Kind},
            "reasons": {
                kind.value: {reason: count for (of, reason), count in self.reasons.most_common() if of is kind}
                for kind in Kind
                if self.kinds[kind]
            },
            "requests": self.requests,
            "retried": self.retried,
            "octets": self.octets,
            "origin_seconds": round(self.origin_seconds, 3),
            "seconds": round(ran, 3),
            "rate": round(self.rate(now), 1),
            "left_seconds": round(left * ran / finished, 1) if finished and left and ran else None,
            "failures": [{"url": url, "reason": reason} for url, reason in self.failures],
        }
