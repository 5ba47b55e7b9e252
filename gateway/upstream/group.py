"""Servers of one upstream among which one is chosen: who may be, and when that changes. Rules only, no I/O.

Left out are servers that an administrator drains, that active checks or real requests found bad, that lag behind, and,
for a moment, those that just gave no connection. When too few remain there is panic: all are used but drained ones."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gateway.upstream.balancer import Balancer
from gateway.upstream.member import LONG_AGO, Member

COLDEST = 0.1
"""The part of its share with which a server begins to warm up."""
WARMING_STEPS = 20
"""Shares of servers that warm up are looked at so often while one does."""


@dataclass(frozen=True, slots=True)
class GroupRules:
    """Copied from the settings."""

    panic: float = 0.3
    """Share of usable servers below which all are used; 0 for never."""
    slow_start: float = 0.0
    """Seconds."""


class Group:
    """Some servers, and the choice among them."""

    __slots__ = ("_balancer", "_even", "_rules", "_until", "_upgrades", "able", "is_panicking", "members")

    def __init__(self, balancer: Balancer, rules: GroupRules, upgrades: Balancer | None = None) -> None:
        """`upgrades` chooses for upgrades, `balancer` for everything else."""
        self._balancer = balancer
        self._upgrades = upgrades or balancer
        self._rules = rules
        self._even = True
        self._until = math.inf
        self.members: tuple[Member, ...] = ()
        """Everybody there is."""
        self.able: list[Member] = []
        """Those who may be chosen, as of the last look."""
        self.is_panicking = False
        """Whether bad servers are used because there are too few good ones."""

    def have(self, members: Sequence[Member], now: float) -> None:
        """These are the servers from here on."""
        if [(each.url, each.weight) for each in members] != [(each.url, each.weight) for each in self.members] or any(
            new is not old for new, old in zip(members, self.members, strict=True)
        ):
            self.members = tuple(members)
            self._balancer.know(self.members)
            if self._upgrades is not self._balancer:
                self._upgrades.know(self.members)
        self.look(now)

    def choose(
        self, now: float, key: bytes | None = None, avoid: Collection[str] = (), is_upgrade: bool = False
    ) -> Member | None:
        """Who gets the next request; `None` when nobody may.

        Those to `avoid`, by URL, are chosen only when there is no other."""
        if now >= self._until:
            self.look(now)
        able = self.able
        if avoid:
            able = [each for each in able if each.url not in avoid] or able
            if len(able) == len(self.able):
                avoid = ()
        if len(able) > 1:
            balancer = self._upgrades if is_upgrade else self._balancer
            return balancer.choose(able, self._even, now, key, avoid)
        return able[0] if able else None

    def look(self, now: float) -> None:
        """Find out anew who may be chosen. Called whenever something about a server has changed."""
        self._warm_up(now)
        present = [each for each in self.members if not each.is_draining and not is_lagging(each, now)]
        fit = [each for each in present if each.is_healthy and each.memory.record.ejected_until <= now]
        self.is_panicking = bool(present) and len(fit) < self._rules.panic * len(present)
        useful = present if self.is_panicking else fit
        self.able = [each for each in useful if each.resting_until <= now] or all_but_last_failed(useful)
        for each in self.members:
            each.is_able = False
        for each in self.able:
            each.is_able = True
        shares = {each.share for each in self.able}
        self._even = len(shares) < 2
        self._until = min(self._changes(now), default=math.inf)

    def _changes(self, now: float) -> list[float]:
        """When something changes by itself: rests, ejections and lags that end, and steps of warming up."""
        changes: list[float] = []
        for each in self.members:
            changes += (each.resting_until, each.memory.record.ejected_until, each.lagging_until)
            if each.share != each.weight:
                changes.append(now + self._rules.slow_start / WARMING_STEPS)
        return [change for change in changes if change > now]

    def _warm_up(self, now: float) -> None:
        slow_start = self._rules.slow_start
        for each in self.members:
            record = each.memory.record
            if slow_start and LONG_AGO < record.ejected_until <= now:
                each.warming_since = max(each.warming_since, record.ejected_until)
            each.share = warm_share(each.weight, now - each.warming_since, slow_start)


def all_but_last_failed(members: list[Member]) -> list[Member]:
    """Whom to ask when everybody rests: those that had longer to recover than the one that failed last. So servers
    that are restarted one right after the other cost a request each, and not every other one."""
    last = max((each.resting_until for each in members), default=0.0)
    return [each for each in members if each.resting_until < last] or members


def is_lagging(member: Member, now: float) -> bool:
    """Whether a replica is known to be too far behind."""
    return member.is_lagging or member.lagging_until > now


def warm_share(weight: int, seconds: float, slow_start: float) -> float:
    """The share of a server that came back so many seconds ago; grows evenly to its weight."""
    if seconds >= slow_start:
        return weight
    return weight * max(COLDEST, seconds / slow_start)
