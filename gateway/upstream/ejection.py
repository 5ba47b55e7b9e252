"""When a server that fails real requests is left out, and for how long. Rules only: outcomes in, ejections out."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence

from gateway.config.health import EjectionSettings

MIN_SERVERS = 3
"""Servers with enough requests that a comparison of their successes needs: with two, either may be the odd one."""
UNUSABLE = frozenset({502, 503, 504})
"""Statuses by which something in front of the application says that it got nowhere."""


class Outcome(enum.Enum):
    """How an exchange ended, as far as the server is to blame."""

    SUCCESS = "success"
    ERROR = "error"
    """An answer that tells of a fault: 5xx but 502, 503, 504."""
    FAILURE = "failure"
    """No usable answer: no connection, time-out, reset, nonsense, or 502, 503, 504."""


class EjectionReason(enum.Enum):
    """Why a server is left out."""

    FAILURES = "failures"
    ERRORS = "errors"
    DEVIATION = "deviation"


def outcome_of(status: int) -> Outcome:
    """What an answer with that status says about its server."""
    if status < 500:
        return Outcome.SUCCESS
    return Outcome.FAILURE if status in UNUSABLE else Outcome.ERROR


class Record:
    """What one server did. `ejected_until` is monotonic seconds."""

    __slots__ = ("ejected_until", "errors", "failures", "requests", "successes", "times")

    def __init__(self) -> None:
        self.failures = 0
        """Without a usable answer, in a row."""
        self.errors = 0
        """Failed in any way, in a row."""
        self.requests = 0
        """In this interval."""
        self.successes = 0
        self.times = 0
        """How often it was ejected and not forgiven."""
        self.ejected_until = -math.inf


class Ejection:
    """Judges the servers of one group."""

    __slots__ = ("_judged_at", "_settings")

    def __init__(self, settings: EjectionSettings, now: float) -> None:
        self._settings = settings
        self._judged_at = now

    def note(self, record: Record, outcome: Outcome) -> EjectionReason | None:
        """Take down how an exchange ended; why its server should be left out now, if it should."""
        record.requests += 1
        if outcome is Outcome.SUCCESS:
            record.successes += 1
            record.failures = record.errors = 0
            return None
        settings = self._settings
        record.errors += 1
        record.failures = record.failures + 1 if outcome is Outcome.FAILURE else 0
        if settings.failures is not None and record.failures >= settings.failures:
            return EjectionReason.FAILURES
        if settings.errors is not None and record.errors >= settings.errors:
            return EjectionReason.ERRORS
        return None

    def eject(self, record: Record, all_records: Sequence[Record], now: float) -> float | None:
        """Leave a server out; for how many seconds. `None` when it is out, or too many others are."""
        settings = self._settings
        out = sum(each.ejected_until > now for each in all_records)
        if record.ejected_until > now or out + 1 > settings.max_share * len(all_records) or len(all_records) < 2:
            return None
        good_for = now - record.ejected_until
        if record.times:
            record.times = max(0, record.times - int(good_for / settings.time))
        record.times += 1
        seconds = min(settings.max_time, settings.time * record.times)
        record.ejected_until = now + seconds
        record.failures = record.errors = 0
        return seconds

    def outliers(self, records: Sequence[Record], now: float) -> list[Record]:
        """Once in an interval: servers whose share of successes lies far below that of the others, worst first."""
        settings = self._settings
        if now - self._judged_at < settings.interval:
            return []
        self._judged_at = now
        judged = [(each.successes / each.requests, each) for each in records if each.requests >= settings.requests]
        for each in records:
            each.requests = each.successes = 0
        if settings.deviation is None or len(judged) < MIN_SERVERS:
            return []
        return [record for _, record in sorted(far_below(judged, settings.deviation), key=lambda pair: pair[0])]


def far_below(judged: Sequence[tuple[float, Record]], deviations: float) -> list[tuple[float, Record]]:
    """Those whose share lies more than so many standard deviations of the *others* below the mean of the others.

    A server is compared with the rest and not with a mean that it pulls down itself: among three, none could ever lie
    1.5 deviations below a mean of all three. A tenth of a percent counts as deviation at least, and a share within
    five percent of the others' is no outlier however much they agree."""
    found = []
    for index, (share, record) in enumerate(judged):
        others = [each for at, (each, _) in enumerate(judged) if at != index]
        mean = sum(others) / len(others)
        spread = math.sqrt(sum((each - mean) ** 2 for each in others) / len(others))
        if share < mean - max(deviations * spread, 0.05):
            found.append((share, record))
    return found
