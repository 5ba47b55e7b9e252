"""How many attempts an upstream may see beyond the first ones: a share of the traffic of now, or a floor.

Rules only. Requests are counted by one addition and spread over time when somebody asks for an attempt."""

from __future__ import annotations

from dataclasses import dataclass

SLOTS = 10
"""Parts of the window. What is older leaves it a tenth at a time."""


@dataclass(frozen=True, slots=True)
class BudgetRules:
    """Copied from the settings."""

    share: float = 0.2
    floor: float = 1.0
    """Attempts a second."""
    window: float = 2.0
    """Seconds."""


class Budget:
    """What is left for one upstream."""

    __slots__ = ("__weakref__", "_begun", "_folded", "_rules", "_slots", "_users", "requests")

    def __init__(self, rules: BudgetRules, now: float) -> None:
        self._rules = rules
        self._users: dict[object, BudgetRules] = {}
        self._slots: list[list[float]] = [[0.0, 0.0, 0.0] for _ in range(SLOTS)]
        """For each part of the window: requests, further attempts, and the hedges among those."""
        self._begun = int(now / self._length)
        self._folded = now
        self.requests = 0
        """First attempts since the last look; whoever makes one adds to it."""

    @property
    def _length(self) -> float:
        return self._rules.window / SLOTS

    def join(self, user: object, rules: BudgetRules, now: float) -> None:
        """Go by these rules from here on, until the user leaves."""
        self._users[user] = rules
        self._adopt(rules, now)

    def part(self, user: object, now: float) -> None:
        """The user is no more; whoever came last of the others says by which rules to go."""
        self._users.pop(user, None)
        if self._users:
            self._adopt(next(reversed(self._users.values())), now)

    def _adopt(self, rules: BudgetRules, now: float) -> None:
        if rules.window != self._rules.window:
            self._slots = [[0.0, 0.0, 0.0] for _ in range(SLOTS)]
            self._begun = int(now / (rules.window / SLOTS))
            self._folded = now
        self._rules = rules

    def spend(self, now: float) -> bool:
        """Whether a further attempt may be made now; it is counted if so."""
        requests, attempts, _ = self._totals(now)
        if attempts + 1 > self._granted(requests):
            return False
        self._slots[self._begun % SLOTS][1] += 1
        return True

    def spend_on_hedge(self, most: float, now: float) -> bool:
        """Whether a second server may be asked now: within the budget, and for at most this share of the requests."""
        requests, attempts, hedges = self._totals(now)
        if hedges + 1 > most * requests or attempts + 1 > self._granted(requests):
            return False
        slot = self._slots[self._begun % SLOTS]
        slot[1] += 1
        slot[2] += 1
        return True

    def left(self, now: float) -> float:
        """Further attempts that may be made now."""
        requests, attempts, _ = self._totals(now)
        return max(0.0, self._granted(requests) - attempts)

    def _granted(self, requests: float) -> float:
        rules = self._rules
        return max(rules.share * requests, rules.floor * rules.window)

    def _totals(self, now: float) -> tuple[float, float, float]:
        self._turn(now)
        slots = self._slots
        return sum(slot[0] for slot in slots), sum(slot[1] for slot in slots), sum(slot[2] for slot in slots)

    def _turn(self, now: float) -> None:
        """Let go of what is too old, and put the requests since the last look where they belong."""
        length = self._length
        at = int(now / length)
        for begun in range(max(self._begun + 1, at - SLOTS + 1), at + 1):
            self._slots[begun % SLOTS][:] = (0.0, 0.0, 0.0)
        self._begun = max(self._begun, at)
        requests, self.requests = self.requests, 0
        since, self._folded = self._folded, now
        if not requests:
            return
        if since >= at * length:  # nearly every time: all of them came in this part of the window
            self._slots[at % SLOTS][0] += requests
            return
        rate = requests / (now - since)  # nobody looked for a while: they came evenly, as far as anybody knows
        for slot in range(max(int(since / length), at - SLOTS + 1), at + 1):
            overlap = min(now, (slot + 1) * length) - max(since, slot * length)
            self._slots[slot % SLOTS][0] += rate * max(0.0, overlap)
