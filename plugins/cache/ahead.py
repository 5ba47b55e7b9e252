"""Refresh-ahead: when a popular stored response is asked about before it expires, so that nobody ever waits for it.

XFetch (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, 2015) draws at each use, and
the use refreshes whose draw `delta * beta * -ln(random)` reaches beyond what is left of the lifetime. Here nobody draws
at each use: where uses come at random, `rate` a second, the moment at which the first of them would have drawn enough
follows a law of its own (Gumbel's), so one draw for each lifetime does the same, and hits go by without a look at it.
The short ways of a hit end at that moment, as if the response did: the next request comes by the long way, is answered
like any other, and sets the refresh off."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from gateway.api import Counter, WallTime
from plugins.cache.stored import StoredResponse

NAME = "ahead"
"""Under which an `Outlook` is kept beside its stored response. A validation forgets it: another lifetime begins."""
OUTLOOK_OCTETS = 200
LEAST_DELTA = 0.05
"""Seconds that a refresh is taken to need at least: an origin that answered in a millisecond may once take longer, and
busy loops have to come to it as well."""
COMERS = 5.0
"""Requests that are expected between the moment and the end of the lifetime: that none of them comes has a chance of
1 in 150."""
SPREAD = 0.5
"""Over this part of the time that may be given up, moments are spread that would all be at its beginning."""
MOST_TOKENS = 1000.0
FIRST_TOKENS = 10.0
REST_SECONDS = 1.0
"""Before another try, when the first one is still under way or was in vain."""
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class AheadRules:
    """Copied from the settings of a route."""

    beta: float = 3.0
    share: float = 0.1
    """Of a lifetime: so long ahead at most, unless the origin itself takes longer."""
    uses: float = 20.0
    """In a lifetime: what is used less often is not refreshed."""
    budget: float = 0.1
    """Refreshes for each hit."""
    concurrency: int = 8


class Granted(Enum):
    """Whether a refresh may begin now."""

    YES = "begun"
    BUDGET = "budget"
    """There were too many for the hits that there were."""
    CONCURRENCY = "concurrency"
    """Too many are under way."""


class Outlook:
    """What is known about one lifetime of a stored response."""

    __slots__ = ("at", "is_drawn", "since", "uses")

    def __init__(self, at: float, uses: int, since: float) -> None:
        self.at = at
        """When a request has to come by the long way next; infinite when none has to."""
        self.is_drawn = False
        self.uses = uses
        """What it had been used when this began."""
        self.since = since


class Ahead:
    """Refresh-ahead on one route."""

    __slots__ = ("_hits", "_random", "_rules", "_seen", "_tokens", "under_way")

    def __init__(self, rules: AheadRules, hits: Counter, random: Callable[[], float]) -> None:
        """`hits` counts the live traffic that the budget is a share of; `random` gives numbers from 0 to 1."""
        self._rules = rules
        self._hits = hits
        self._random = random
        self._seen = hits.row[hits.cell]
        self._tokens = FIRST_TOKENS
        self.under_way = 0
        """Refreshes that have begun and not ended."""

    def is_due(self, stored: StoredResponse, now: WallTime) -> bool:
        """Whether this use of `stored`, which is fresh, is the one that refreshes it. True once; in case it is in vain,
        again a little later."""
        outlook: Outlook | None = stored.derived(NAME)
        if outlook is None:
            until = fresh_until(stored)
            look = max(until - self._widest(stored), now + (until - now) / 3.0)  # late: uses have to be seen first
            outlook = Outlook(look, stored.uses, now)
            stored.keep(NAME, outlook, OUTLOOK_OCTETS)
        if now < outlook.at:
            return False
        if not outlook.is_drawn:
            outlook.is_drawn = True
            outlook.at = self._moment(stored, outlook, now)
            if now < outlook.at:
                return False
        outlook.at = now + max(REST_SECONDS, 2.0 * stored.origin_seconds)
        return True

    def _moment(self, stored: StoredResponse, outlook: Outlook, now: WallTime) -> float:
        """When to refresh, by XFetch's law at the rate of uses so far; never for what is used too rarely."""
        rules, until = self._rules, fresh_until(stored)
        rate = (stored.uses - outlook.uses) / max(now - outlook.since, _TINY)
        if rate * (until - stored.response_time) < rules.uses or stored.status == 206:
            return math.inf
        mean = rules.beta * max(stored.origin_seconds, LEAST_DELTA)
        drawn = min(max(self._random(), _TINY), 1.0 - _TINY)
        left, widest = mean * (math.log(rate * mean) - math.log(-math.log(drawn))), self._widest(stored)
        if left > widest:  # for all that is used much: other workers have the same end, and other answers too
            left = widest * (1.0 - SPREAD * (1.0 - self._random()))
        return until - min(max(left, COMERS / rate), widest)

    def _widest(self, stored: StoredResponse) -> float:
        """The most seconds that a refresh may be ahead of the end. A slow origin needs its time, whatever the share."""
        lifetime = max(0.0, fresh_until(stored) - stored.response_time)
        return max(self._rules.share * lifetime, min(2.0 * stored.origin_seconds, lifetime / 2.0))

    def grant(self, stored: StoredResponse, now: WallTime) -> Granted:
        """Whether the refresh that is due may begin; then `end` has to follow. If not, it is due again soon."""
        hits = self._hits.row[self._hits.cell]
        self._tokens = min(MOST_TOKENS, self._tokens + self._rules.budget * (hits - self._seen))
        self._seen = hits
        if self.under_way >= self._rules.concurrency:
            granted = Granted.CONCURRENCY
        elif self._tokens < 1.0:
            granted = Granted.BUDGET
        else:
            self._tokens -= 1.0
            self.under_way += 1
            return Granted.YES
        outlook: Outlook | None = stored.derived(NAME)
        if outlook is not None:
            outlook.at = now + max(LEAST_DELTA, (fresh_until(stored) - now) / 4.0)
        return granted

    def end(self) -> None:
        """A refresh that was granted is over."""
        self.under_way -= 1


def fresh_until(stored: StoredResponse) -> WallTime:
    """When a stored response stops being fresh."""
    return WallTime(stored.response_time + stored.lifetime - stored.corrected_initial_age)


def alone_until(stored: StoredResponse) -> WallTime:
    """Until when the short ways may answer with `stored` without asking the long one."""
    outlook: Outlook | None = stored.derived(NAME)
    return fresh_until(stored) if outlook is None else WallTime(min(fresh_until(stored), outlook.at))
