"""Which of the servers that may be chosen gets the next request. Rules only: counts in, choice out."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import Protocol

from gateway.upstream.member import Member
from gateway.upstream.ring import Ring

MANY_PENDING = 8
"""Unanswered requests up to which a server is never swamped: of so few, shares mean nothing."""
UNKNOWN_SECONDS = 0.001
"""What a server that was never measured is taken to need, so that requests that wait for it count."""


class Balancer(Protocol):
    """One way to choose. It is told who there is, and then asked again and again."""

    def know(self, members: Sequence[Member]) -> None:
        """All servers, those included that may not be chosen now."""

    def choose(
        self, able: Sequence[Member], even: bool, now: float, key: bytes | None, avoid: Collection[str]
    ) -> Member:
        """One of `able`, which has two at least; `even` says that all of them have the same share. `avoid` names
        servers that are not among them for this request alone."""


class Turns:
    """By turns: smooth weighted round robin. Everybody earns its share, the richest is chosen and pays for all."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = -1

    def know(self, members: Sequence[Member]) -> None:
        """Nothing depends on it."""

    def choose(
        self, able: Sequence[Member], even: bool, now: float, key: bytes | None, avoid: Collection[str]
    ) -> Member:
        """See `Balancer`."""
        return able[self.index(able, even)]

    def index(self, able: Sequence[Member], even: bool) -> int:
        """Whose turn it is."""
        if even:
            last = self._last = (self._last + 1) % len(able)
            return last
        total = 0.0
        best, richest = 0, -math.inf
        for index, member in enumerate(able):
            share = member.share
            total += share
            member.credit += share
            if member.credit > richest:
                best, richest = index, member.credit
        able[best].credit -= total
        return best


class _TwoChoices:
    """The one whose turn it is and another one at random: the less loaded of the two.

    Shares are exact while nobody waits, and under load one look at another server finds nearly always a better one,
    without that all workers run to the same."""

    __slots__ = ("_random", "_turns")

    def __init__(self, random: Random | None = None) -> None:
        self._turns = Turns()
        self._random: Callable[[], float] = (random or Random()).random

    def know(self, members: Sequence[Member]) -> None:
        """Nothing depends on it."""

    def pair(self, able: Sequence[Member], even: bool) -> tuple[Member, Member]:
        """The one whose turn it is, and another one."""
        first = self._turns.index(able, even)
        second = int(self._random() * (len(able) - 1))
        return able[first], able[second + (second >= first)]


class LeastPending(_TwoChoices):
    """By unanswered requests for the share."""

    __slots__ = ()

    def choose(
        self, able: Sequence[Member], even: bool, now: float, key: bytes | None, avoid: Collection[str]
    ) -> Member:
        """See `Balancer`."""
        first, second = self.pair(able, even)
        return second if second.pending * first.share < first.pending * second.share else first


class LeastLatency(_TwoChoices):
    """By the time an answer will probably take: lately seen, times the requests that wait for the share."""

    __slots__ = ()

    def choose(
        self, able: Sequence[Member], even: bool, now: float, key: bytes | None, avoid: Collection[str]
    ) -> Member:
        """See `Balancer`."""
        first, second = self.pair(able, even)
        cost = (first.memory.average.at(now) + UNKNOWN_SECONDS) * (1.0 + first.pending / first.share)
        other = (second.memory.average.at(now) + UNKNOWN_SECONDS) * (1.0 + second.pending / second.share)
        return second if other < cost else first


class ByKey:
    """By a key, on a ring with bounded load; requests without a key go by unanswered requests."""

    __slots__ = ("_load", "_ring", "_without_key")

    def __init__(self, load: float, random: Random | None = None) -> None:
        self._load = load
        self._ring = Ring(())
        self._without_key = LeastPending(random)

    def know(self, members: Sequence[Member]) -> None:
        """Place them on the ring."""
        self._ring = Ring(members)

    def choose(
        self, able: Sequence[Member], even: bool, now: float, key: bytes | None, avoid: Collection[str]
    ) -> Member:
        """See `Balancer`. The first one of the key that is not swamped, the first of all when all are."""
        if key is None:
            return self._without_key.choose(able, even, now, key, avoid)
        pending = shares = 0.0
        for member in able:
            pending += member.pending
            shares += member.share
        fair = self._load * (pending + 1.0) / shares
        home: Member | None = None
        for member in self._ring.walk(key):
            if not member.is_able or member.url in avoid:
                continue
            if member.pending < max(MANY_PENDING, math.ceil(fair * member.share)):
                return member
            home = home or member
        return home or able[0]
