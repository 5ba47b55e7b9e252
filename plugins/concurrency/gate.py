"""The gate: lets in, lets wait, refuses. Everything that changes who is under way is in this file.

While somebody waits, the limit is reached. That holds after every call: each one that makes room gives it to those who
wait, and returns whom to wake with what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.api import Monotonic, Reason
from plugins.concurrency.limiter import Fixed, Gradient, Limiter
from plugins.concurrency.settings import ConcurrencySettings, Order
from plugins.concurrency.waiting import Ticket, WaitingRoom


class ConcurrencyReason(Reason):
    """What became of a request."""

    ADMITTED = "admitted"
    CRITICAL = "critical"
    WAITED = "waited"
    """It was let in after a wait."""
    FULL = "full"
    """The queue had no room."""
    PUSHED_OUT = "pushed_out"
    """It waited, and left for one that matters more or whose client has fewer."""
    TOO_LONG = "too_long"
    """It waited as long as it may."""
    TOO_LATE = "too_late"
    """Its deadline has passed, or will before it can be answered."""
    LEFT = "left"
    """Its client left while it waited."""


Outcome = tuple[Ticket, ConcurrencyReason]
"""Whom to wake, and what became of it: `WAITED`, or why it is refused."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings as the gate reads them."""

    limit: int
    adaptive: tuple[int, int, float, float, float] | None
    """Least, most, tolerance, window, time between probes."""
    size: int
    wait: float
    target: float
    interval: float
    order: Order

    @classmethod
    def of(cls, settings: ConcurrencySettings) -> Policy:
        """The policy that the settings mean."""
        queue, adaptive = settings.queue, settings.adaptive
        follows = None
        if adaptive is not None:
            follows = adaptive.min, adaptive.max, adaptive.tolerance, adaptive.window, adaptive.probe_every
        return cls(settings.limit, follows, queue.size, queue.wait, queue.target, queue.interval, queue.order)


class Gate:
    """Requests under way and those who wait for one of them to end."""

    __slots__ = ("_emptied", "_policy", "_room", "_usual", "adopted", "limiter", "under_way")

    def __init__(self, policy: Policy, now: Monotonic) -> None:
        self._policy = policy
        self.limiter: Limiter = _limiter(policy, now)
        self._room = WaitingRoom(policy.size)
        self._emptied: float = now
        self._usual = 0.0
        self.under_way = 0
        self.adopted = 0
        """Number of the configuration whose policy it follows."""

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._room.count

    def adopt(self, number: int, policy: Policy, now: Monotonic) -> list[Outcome]:
        """Follow another policy from here on. An adaptive limit goes on from where it is if it still may."""
        self.adopted = number
        if policy == self._policy:
            return []
        if policy.adaptive != self._policy.adaptive or policy.limit != self._policy.limit:
            self.limiter = _limiter(policy, now)
        self._policy = policy
        self._room.resize(policy.size)
        return self._let_in(now)

    @property
    def has_room(self) -> bool:
        """Whether a request that came now would be let in."""
        return self.under_way < self.limiter.limit and not self._room.count

    # --- coming and going ---------------------------------------------------------------------------

    def enter(self) -> bool:
        """Let a request in if there is room."""
        if self.has_room:
            self.under_way += 1
            return True
        return False

    def enter_anyway(self) -> None:
        """Let a critical request in. It counts, and so makes others wait."""
        self.under_way += 1

    def wait(
        self, level: int, key: bytes, deadline: float | None, now: Monotonic
    ) -> tuple[Ticket | None, Sequence[Outcome]]:
        """Let a request wait: its ticket, `None` when it is refused at once, and whom to wake."""
        if not self._room.count:
            self._emptied = now
        ticket = Ticket(level, key, now, now + self._policy.wait, deadline)
        leaving = self._room.push(ticket, newest_first=self._newest_first(now))
        if leaving is ticket:
            return None, ()
        return ticket, () if leaving is None else ((leaving, ConcurrencyReason.PUSHED_OUT),)

    def abandon(self, ticket: Ticket, now: Monotonic) -> None:
        """Whoever waited has left."""
        self._room.remove(ticket)

    def answered(self, began: Monotonic, now: Monotonic) -> list[Outcome]:
        """A request that was let in then has the head of its answer."""
        self._usual += 0.1 * ((now - began) - self._usual)
        limit = self.limiter.limit
        self.limiter.answered(began, now, self.under_way)
        return self._let_in(now) if self.limiter.limit > limit and self._room.count else []

    def gave_up(self, now: Monotonic) -> None:
        """The upstream had too much to do to answer a request."""
        self.limiter.gave_up(now)

    def leave(self, now: Monotonic) -> list[Outcome]:
        """A request is not under way any more."""
        self.under_way -= 1
        return self._let_in(now) if self._room.count else []

    # --- waiting --------------------------------------------------------------------------------------

    @property
    def tick(self) -> float:
        """Seconds after which `tire` is due again while somebody waits."""
        return min(max(min(self._policy.target, self._policy.wait) / 8, 0.001), 0.1)

    def is_overloaded(self, now: Monotonic) -> bool:
        """Whether the queue has not been empty for so long that this is no burst."""
        return self._room.count > 0 and now - self._emptied > self._policy.interval

    def tire(self, now: Monotonic) -> list[Outcome]:
        """Those who have waited too long leave."""
        overloaded = self.is_overloaded(now)
        gone: list[Outcome] = []
        for ticket in self._room:
            reason = self._tired(ticket, now, overloaded)
            if reason is not None:
                gone.append((ticket, reason))
        for ticket, _ in gone:
            self._room.remove(ticket)
        return gone

    def _tired(self, ticket: Ticket, now: Monotonic, overloaded: bool) -> ConcurrencyReason | None:
        if ticket.deadline is not None and now + self._usual / 2 >= ticket.deadline:
            return ConcurrencyReason.TOO_LATE
        until = min(ticket.until, ticket.since + self._policy.target) if overloaded else ticket.until
        return ConcurrencyReason.TOO_LONG if now >= until else None

    def _newest_first(self, now: Monotonic) -> bool:
        order = self._policy.order
        return order is Order.LIFO or (order is Order.ADAPTIVE and self.is_overloaded(now))

    def _let_in(self, now: Monotonic) -> list[Outcome]:
        outcomes: list[Outcome] = []
        overloaded = self.is_overloaded(now)
        newest_first = self._newest_first(now)
        while self.under_way < self.limiter.limit:
            ticket = self._room.pop(newest_first=newest_first)
            if ticket is None:
                break
            tired = self._tired(ticket, now, overloaded)
            if tired is None:
                self.under_way += 1
            outcomes.append((ticket, tired or ConcurrencyReason.WAITED))
        return outcomes


def _limiter(policy: Policy, now: Monotonic) -> Limiter:
    if policy.adaptive is None:
        return Fixed(policy.limit)
    least, most, tolerance, window, probe_every = policy.adaptive
    return Gradient(policy.limit, least, most, tolerance=tolerance, window=window, probe_every=probe_every, now=now)
