"""How long to wait before another attempt, and until when there may be one. No clock, no chance of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.api import WallTime
from gateway.http.dates import parse_date

_SECONDS = re.compile(rb"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential, with full jitter."""

    base: float = 0.025
    """Seconds."""
    longest: float = 1.0

    def wait(self, attempt: int, chance: float) -> float:
        """Seconds before an attempt, the second one being number 2. `chance` is from 0 to 1."""
        return min(self.longest, self.base * 2.0 ** min(attempt - 2, 60)) * chance


def retry_after(value: bytes | None, now: WallTime) -> float | None:
    """Seconds that a `Retry-After` asks for (RFC 9110 §10.2.3); `None` without one, or with one that means nothing."""
    if value is None:
        return None
    if _SECONDS.fullmatch(value):
        return float(value)
    at = parse_date(value, now)
    return None if at is None else max(0.0, at - now)
