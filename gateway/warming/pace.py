"""How fast a run may go: at most so many requests a second, at most so many at once, and fewer when the origin shows
that they are too many. All that slows a run down is in this file. No I/O; the caller says what time it is.

An origin shows it in two ways. It fails, or says 429 or 503: then nothing is asked of that upstream for as long as it
says in Retry-After, or else for a while that doubles. Or it gets slow: when its answers take twice as long as they
usually do, half as many are asked for at once; while they do not, one more with each round."""

from __future__ import annotations

from dataclasses import dataclass

SLOW_FACTOR = 2.0
"""How many times its usual time an answer may take before that counts as slow,"""
SLOW_SECONDS = 0.05
"""and so many seconds on top: what a busy machine adds to anything."""
FIRST_REST = 0.5
LONGEST_REST = 30.0
"""Seconds without requests after a failure without Retry-After: the first, and the most it grows to."""
LONGEST_RETRY_AFTER = 300.0
"""Seconds of a Retry-After that are believed."""
_FAST, _SLOW, _SLOWEST = 0.2, 0.02, 0.002
"""Weight of one answer in the time answers take now, in the one they usually take, and in that one while they are slow:
an origin that stays slow is taken for what it is, but not soon."""
_KNOWN_AFTER = 10
"""Answers before the usual time is known."""


class Bucket:
    """At most `rate` starts a second, none of them saved up for later but those of a tenth of a second."""

    __slots__ = ("_next", "_rate")

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._next = 0.0

    def wait(self, now: float) -> float:
        """Seconds until another one may start; 0 when it may now."""
        return max(0.0, self._next - now) if self._rate is not None else 0.0

    def take(self, now: float) -> None:
        """One starts."""
        if self._rate is not None:
            self._next = max(self._next, now - 0.1) + 1 / self._rate

    def give_back(self) -> None:
        """The last one does not count."""
        if self._rate is not None:
            self._next -= 1 / self._rate


class Lane:
    """One upstream: how many may be asked of it at once, and from when on."""

    __slots__ = (
        "_concurrency",
        "_fails_in_a_row",
        "_lately",
        "_seen",
        "_since_cut",
        "_usual",
        "allowed",
        "until",
        "why",
    )

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self.allowed = float(concurrency)
        """How many may be under way at once."""
        self.until = 0.0
        """When it may be asked again; in the past when it may."""
        self.why = ""
        """Why it may not."""
        self._fails_in_a_row = 0
        self._usual = self._lately = 0.0
        self._seen = self._since_cut = 0

    def may_ask(self, under_way: int, now: float) -> bool:
        """Whether another request may go there."""
        return now >= self.until and under_way < max(1, int(self.allowed))

    @property
    def is_slowed(self) -> bool:
        """Whether fewer are asked for at once than could be."""
        return int(self.allowed) < self._concurrency

    def answered(self, seconds: float) -> None:
        """The origin answered, and took so long."""
        self._fails_in_a_row = 0
        self._seen += 1
        self._since_cut += 1
        if self._seen == 1:
            self._usual = self._lately = seconds
        ceiling = self._usual * SLOW_FACTOR + SLOW_SECONDS
        self._lately += _FAST * (seconds - self._lately)
        weight = _SLOW if self._lately <= ceiling else _SLOWEST
        if self._seen <= _KNOWN_AFTER:
            weight = 1 / self._seen
        self._usual += weight * (min(seconds, ceiling) - self._usual)
        if self._seen <= _KNOWN_AFTER:
            return
        if self._lately <= ceiling:
            self.allowed = min(float(self._concurrency), self.allowed + 1 / self.allowed)
        elif self._since_cut > self.allowed:  # those under way when it was cut last say nothing new
            self._cut()

    def failed(self, why: str, retry_after: float | None, now: float) -> None:
        """The origin failed, or wants to be left alone. `retry_after` is what it said, in seconds."""
        if now < self.until and retry_after is None:
            return  # was under way before the rest began
        if retry_after is None:
            rest = min(LONGEST_REST, FIRST_REST * 2.0**self._fails_in_a_row)
            self._fails_in_a_row += 1
        else:
            rest = min(LONGEST_RETRY_AFTER, max(FIRST_REST, retry_after))
        if now >= self.until:
            self._cut()
        if now + rest > self.until:
            self.until, self.why = now + rest, why

    def _cut(self) -> None:
        self.allowed = max(1.0, self.allowed / 2)
        self._since_cut = 0


@dataclass(frozen=True, slots=True)
class Speed:
    """What a run was given."""

    rate: float | None
    """Requests a second, `None` for no bound."""
    concurrency: int
    """Requests at once."""
