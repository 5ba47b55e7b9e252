"""The settings of a circuit as values that need no further thought."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plugins.circuit_breaker.settings import CircuitBreakerSettings
from plugins.circuit_breaker.window import CountWindow, TimeWindow, Window

RAMP_BEGINS = 0.1
"""Share of the requests that are let through at the beginning of a ramp."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When a circuit opens, for how long, and how it closes again."""

    window: float = 10.0
    """Seconds."""
    window_calls: int | None = None
    """Exchanges, in the place of `window`."""
    minimum_calls: int = 10
    failure_rate: float = 0.5
    """Above 1 for never."""
    consecutive_failures: float = 20
    slow_call: float = math.inf
    """Seconds."""
    slow_rate: float = 0.8
    open_for: float = 1.0
    open_growth: float = 2.0
    longest_open: float = 30.0
    jitter: float = 0.2
    probes: int = 3
    ramp: float = 2.0

    @classmethod
    def of(cls, settings: CircuitBreakerSettings) -> Rules:
        """From the settings."""
        return cls(
            window=settings.window,
            window_calls=settings.window_calls,
            minimum_calls=settings.minimum_calls,
            failure_rate=2.0 if settings.failure_rate is None else settings.failure_rate,
            consecutive_failures=settings.consecutive_failures or math.inf,
            slow_call=math.inf if settings.slow_call is None else settings.slow_call,
            slow_rate=settings.slow_rate,
            open_for=settings.open_for,
            open_growth=settings.open_growth,
            longest_open=settings.longest_open,
            jitter=settings.jitter,
            probes=settings.probes,
            ramp=settings.ramp,
        )

    def make_window(self) -> Window:
        """An empty window."""
        return TimeWindow(self.window) if self.window_calls is None else CountWindow(self.window_calls)

    def has_window_of(self, other: Rules) -> bool:
        """Whether what was seen under `other` can be judged by these as well."""
        return (self.window, self.window_calls, self.slow_call) == (other.window, other.window_calls, other.slow_call)

    def open_seconds(self, in_a_row: int, chance: float) -> float:
        """How long to stay open for the `in_a_row`-th time, counted from 1. `chance` is from 0 to 1."""
        grown = self.open_for * self.open_growth ** min(in_a_row - 1, 64)
        return min(grown, self.longest_open) * (1.0 + self.jitter * chance)

    def ramp_share(self, elapsed: float) -> float:
        """Share of the requests to let through so many seconds after the circuit closed; 1 is all of them."""
        if elapsed >= self.ramp:
            return 1.0
        return RAMP_BEGINS + (1.0 - RAMP_BEGINS) * max(0.0, elapsed) / self.ramp
