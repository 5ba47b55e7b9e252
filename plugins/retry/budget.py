"""How many attempts an upstream may see beyond the first ones: a share of the traffic, or a floor.

Each request earns most of its share of an attempt, and an attempt spends a whole one. What was earned in good times and
not spent is kept, but only a little of it, and that little is what each request does not earn. So over any stretch of
`window` seconds in which traffic does not fall there are no more attempts than `share` of its requests, also when it
begins with good times and ends in an outage.

Rules only. Requests are counted by one addition and spread over time when somebody asks for an attempt."""

from __future__ import annotations

from dataclasses import dataclass

SLOTS = 10
"""Parts of the window. What is older leaves it a tenth at a time."""
KEPT = 0.1
"""Part of the share of a window's requests that may be kept, and that each request does not earn."""
FLOOR_SECONDS = 2.0
"""What may be kept of the floor."""


@dataclass(frozen=True, slots=True)
class BudgetRules:
    """Copied from the settings."""

    share: float = 0.2
    floor: float = 1.0
    """Attempts a second."""
    window: float = 10.0
    """Seconds."""


class Budget:
    """What is left for one upstream."""

    __slots__ = (
        "__weakref__",
        "_begun",
        "_earned",
        "_floor",
        "_folded",
        "_rules",
        "_slots",
        "_users",
        "requests",
    )

    def __init__(self, rules: BudgetRules, now: float) -> None:
        self._rules = rules
        self._users: dict[object, BudgetRules] = {}
        self._slots: list[list[float]] = [[0.0, 0.0] for _ in range(SLOTS)]
        """For each part of the window: requests and hedges."""
        self._begun = int(now / self._length)
        self._folded = now
        self._earned = 0.0  # attempts, by traffic
        self._floor = self._most_of_floor  # attempts, by the floor
        self.requests = 0
        """First attempts since the last look; whoever makes one adds to it."""

    @property
    def _length(self) -> float:
        return self._rules.window / SLOTS

    @property
    def _most_of_floor(self) -> float:
        floor = self._rules.floor
        return max(1.0, floor * FLOOR_SECONDS) if floor else 0.0

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
            self._slots = [[0.0, 0.0] for _ in range(SLOTS)]
            self._begun = int(now / (rules.window / SLOTS))
            self._folded = now
        self._rules = rules

    def spend(self, now: float) -> bool:
        """Whether a further attempt may be made now; it is counted if so."""
        self._look(now)
        return self._take()

    def spend_on_hedge(self, most: float, now: float) -> bool:
        """Whether a second server may be asked now: by what is earned, and for at most this share of the window's
        requests. The floor is no licence for hedges."""
        requests = self._look(now)
        hedges = sum(slot[1] for slot in self._slots)
        if self._earned < 1.0 or hedges + 1 > most * requests:
            return False
        self._slots[self._begun % SLOTS][1] += 1
        return self._take()

    def left(self, now: float) -> float:
        """Further attempts that may be made now."""
        self._look(now)
        return max(self._earned, self._floor)

    def _take(self) -> bool:
        """An attempt, of the traffic or of the floor. It is spent from both, so that they do not add up."""
        if self._earned < 1.0 and self._floor < 1.0:
            return False
        self._earned = max(0.0, self._earned - 1.0)
        self._floor = max(0.0, self._floor - 1.0)
        return True

    def _look(self, now: float) -> float:
        """Earn what has come since the last look. Returns the requests of the window."""
        rules = self._rules
        came, elapsed = self.requests, max(0.0, now - self._folded)
        self._turn(now)
        requests = sum(slot[0] for slot in self._slots)
        kept = max(1.0, KEPT * rules.share * requests)
        self._earned = min(kept, self._earned + (1.0 - KEPT) * rules.share * came)
        self._floor = min(self._most_of_floor, self._floor + rules.floor * elapsed)
        return requests

    def _turn(self, now: float) -> None:
        """Let go of what is too old, and put the requests since the last look where they belong."""
        length = self._length
        at = int(now / length)
        for begun in range(max(self._begun + 1, at - SLOTS + 1), at + 1):
            self._slots[begun % SLOTS][:] = (0.0, 0.0)
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
