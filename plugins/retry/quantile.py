"""How long most answers take: a quantile of a stream, in bounded memory. No clock.

Times are counted in bins that grow by a twelfth each, so the answer is exact to 8 %, and always the upper end of a bin:
a hedge is rather sent a little late. Two generations of counts take turns, so that what was long ago is forgotten."""

from __future__ import annotations

import math

GROWTH = math.log(1.08)
SHORTEST = 1e-4
"""Seconds. Everything below is in the first bin."""
BINS = 174
"""Enough for 60 s; everything above is in the last bin."""
EVERY = 16
"""Observations after which the quantile is found anew."""


class Quantile:
    """Watches times, in seconds, and knows below which of them so large a share lies."""

    __slots__ = ("__weakref__", "_fresh", "_learn", "_old", "_since", "_span", "count", "share", "value")

    def __init__(self, share: float, learn: int, span: int = 2000) -> None:
        """`learn` is how many observations make the first answer, `span` after how many a generation ends."""
        self.share = share
        self._learn = learn
        self._span = max(span, learn)
        self._fresh = [0] * BINS
        self._old = [0] * BINS
        self._since = 0
        self.count = 0
        """Observations in the generation that counts up now."""
        self.value = math.inf
        """The quantile; infinity while too little is known."""

    def observe(self, seconds: float) -> None:
        """An answer took so long."""
        at = int(math.log(seconds / SHORTEST) / GROWTH) + 1 if seconds > SHORTEST else 0
        self._fresh[at if at < BINS else BINS - 1] += 1
        self.count += 1
        self._since += 1
        if self._since >= EVERY:
            self._since = 0
            self._find()

    def _find(self) -> None:
        if self.count >= self._span:
            self._old, self._fresh = self._fresh, [0] * BINS
            self.count = 0
        total = sum(self._old) + self.count
        if total < self._learn:
            return
        wanted = self.share * total
        seen = 0
        for at in range(BINS):
            seen += self._old[at] + self._fresh[at]
            if seen >= wanted:
                self.value = SHORTEST * math.exp(at * GROWTH)
                return
