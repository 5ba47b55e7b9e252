"""One batch of a sweep: what is asked about next, what the origin answered, and what became of it. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

from gateway.api import GatewayError, OverloadedError, Response, WallTime
from gateway.http.cache_control import delta_seconds
from gateway.http.dates import parse_date
from plugins.cache.key import url_of
from plugins.cache.refreshes import Mark
from plugins.cache.sweeping import Scan

MOST_FAILURES = 10
"""Failures of one batch that are named."""
FAILURES_IN_A_ROW = 5
"""After so many an origin is left alone for a while, circuit or not."""
REST_SECONDS = 5.0
LEAST_REST = 0.5
MOST_REST = 3600.0


class Outcome(Enum):
    """What became of one stored response in a sweep."""

    CONFIRMED = "confirmed"
    """304: it is still good, and its content did not travel."""
    SAME = "same"
    """The whole came again, with the same content: the origin does not look at validators."""
    CHANGED = "changed"
    GONE = "gone"
    """404 or 410."""
    FAILED = "failed"
    RECENT = "recent"
    """Somebody asked since the sweep began, or another worker did, or does."""
    VANISHED = "vanished"
    """It is no longer stored."""
    UNASKABLE = "unaskable"
    """Not enough is known of the request that it answers."""


class Batch:
    """Some of what was found, and what became of it."""

    __slots__ = ("_failed_in_a_row", "_numbers", "counts", "failures", "figures", "rest", "scan")

    def __init__(self, scan: Scan, numbers: Iterable[int]) -> None:
        self.scan = scan
        self._numbers = [number for number in numbers if 0 <= number < len(scan.marks)]
        self._numbers.reverse()
        self._failed_in_a_row = 0
        self.counts: dict[str, list[int]] = {outcome.value: [] for outcome in Outcome}
        """The numbers of those that ended so."""
        self.figures = {"octets_saved": 0, "octets_fetched": 0, "origin_seconds": 0.0}
        self.failures: list[dict[str, str]] = []
        self.rest: float | None = None
        """Seconds for which the origin is to be left alone."""

    def next(self) -> tuple[int, Mark] | None:
        """The next one to ask about; `None` when there is none, or for now none is to be asked about."""
        if self.rest is not None or not self._numbers:
            return None
        number = self._numbers.pop()
        return number, self.scan.marks[number]

    def put_back(self, number: int, seconds: float) -> None:
        """The origin wants to be left alone for so long, and this one was not answered."""
        self._numbers.append(number)
        self.rest = max(self.rest or 0.0, seconds)

    def note(self, number: int, outcome: Outcome, *, saved: int = 0, fetched: int = 0, seconds: float = 0.0) -> None:
        """That is what became of it."""
        self.counts[outcome.value].append(number)
        self.figures["octets_saved"] += saved
        self.figures["octets_fetched"] += fetched
        self.figures["origin_seconds"] += seconds
        if outcome in (Outcome.CONFIRMED, Outcome.SAME, Outcome.CHANGED, Outcome.GONE):
            self._failed_in_a_row = 0

    def fail(self, number: int, why: str) -> None:
        """It could not be asked about."""
        self.note(number, Outcome.FAILED)
        if len(self.failures) < MOST_FAILURES:
            url = url_of(self.scan.marks[number][0]).decode("latin-1")
            self.failures.append({"url": url, "why": why})
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= FAILURES_IN_A_ROW:
            self.rest = max(self.rest or 0.0, REST_SECONDS)

    def result(self) -> dict[str, Any]:
        """For whoever ordered it: how many ended how, which changed, which were not asked about."""
        return {
            "counts": {name: len(numbers) for name, numbers in self.counts.items() if numbers},
            "changed": self.counts["changed"] + self.counts["gone"],
            "left": self._numbers[::-1],
            "rest": self.rest,
            "failures": self.failures,
            **self.figures,
        }


class UnusableError(GatewayError):
    """An answer that a sweep has nothing to do with: it must not take the place of what is stored."""

    reason = "unusable"


class Heard:
    """What the origin answered to one request of a sweep, before anything was made of it."""

    __slots__ = ("error", "retry_after", "status")

    def __init__(self) -> None:
        self.status = 0
        self.retry_after: bytes | None = None
        self.error: GatewayError | None = None

    def answered(self, response: Response) -> None:
        """That came. Raises UnusableError if nothing may be made of it.

        A sweep asks without anybody's credentials: what it is refused is no news about what is stored."""
        self.status, self.error = response.status, None
        self.retry_after = response.fields.get(b"retry-after")
        if self.why_failed() is not None:
            response.discard()
            raise UnusableError(f"status {self.status}")

    def failed(self, error: GatewayError) -> None:
        """Nothing came, or it broke off."""
        self.error = error

    def rest(self, wall: WallTime) -> float | None:
        """Seconds for which the origin wants to be left alone, `None` when it does not say so (RFC 9110 §10.2.3)."""
        if isinstance(self.error, OverloadedError):
            return max(LEAST_REST, self.error.retry_after or REST_SECONDS)
        if self.error is not None or self.status not in (429, 503):
            return None
        seconds = _seconds_of(self.retry_after, wall)
        return REST_SECONDS if seconds is None else min(max(LEAST_REST, seconds), MOST_REST)

    def why_failed(self) -> str | None:
        """Why it was in vain, in a word; `None` when it was not."""
        if self.error is not None:
            return self.error.reason
        good = 200 <= self.status < 400 or self.status in (404, 410)
        return None if good else f"status {self.status}"


def _seconds_of(value: bytes | None, wall: WallTime) -> float | None:
    if value is None:
        return None
    if (seconds := delta_seconds(value)) is not None:
        return float(seconds)
    date = parse_date(value, wall)
    return None if date is None else date - wall
