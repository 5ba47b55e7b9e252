"""The circuits that lead to one upstream or belong to one route, and the choice of servers among them. No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

from plugins.circuit_breaker.breaker import Breaker, Epochs
from plugins.circuit_breaker.circuit import Circuit, Listener, State
from plugins.circuit_breaker.rules import Rules

ALL = ""
"""Key of the only circuit of a group whose servers have none of their own."""
LOOK_SECONDS = 1.0
"""How long all requests are refused alike before somebody looks whether the upstream has got another server."""
MOST_SERVERS = 1000
"""Servers with a circuit. Of more, those that nobody has asked for longest are forgotten."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may pass."""

    epoch: int
    avoid: frozenset[str] = frozenset()
    """Servers, by URL, that are not to be chosen."""
    permits: tuple[str, ...] = ()
    """Keys of the circuits that have counted it."""
    probe: str | None = None
    """Key of the circuit that it is a probe of."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that may not."""

    until: float
    """Monotonic seconds from which another one may be let through; infinity when somebody has to close the circuit."""
    breaker: Breaker
    """The circuit that comes back first."""
    is_ramping: bool
    """Whether it is closed already, and only a share may pass."""


class Era:
    """The time in which nothing about a group's circuits changes, but for how long they stay open."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: list[Callable[[], None]] = []

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call back once, when it ends."""
        self._told.append(callback)

    def end(self) -> None:
        """It is over."""
        told, self._told = self._told, []
        for callback in told:
            callback()


class Group(Listener):
    """Circuits of one name. `calm` is true while all of them let everything through."""

    def __init__(self, name: str, rules: Rules, chance: Callable[[], float], *, per_server: bool) -> None:
        self.name = name
        self.per_server = per_server
        self.calm = True
        self.shut: Refusal | None = None
        """What every request is told until `shut_until`; set while all circuits are open."""
        self.shut_until = -math.inf
        """Monotonic seconds."""
        self.era = Era()
        """What is said to all who are refused holds for it."""
        self.epochs = Epochs()
        self.breakers: dict[str, Breaker] = {}
        """By URL of the server, or the only one under `ALL`."""
        self.listeners: list[Listener] = []
        """Hear of every change of every circuit."""
        self._rules = rules
        self._users: dict[object, Rules] = {}
        self._chance = chance
        if not per_server:
            self.breaker(ALL)

    def breaker(self, key: str) -> Breaker:
        """The circuit of that key, made if there is none."""
        breaker = self.breakers.get(key)
        if breaker is None:
            name = f"{self.name}/{key}" if self.per_server else self.name
            breaker = Breaker(name, self._rules, self.epochs, self._chance)
            breaker.circuit.add_listener(self)
            if len(self.breakers) >= MOST_SERVERS:
                self._forget_one()
            self.breakers[key] = breaker
        return breaker

    def _forget_one(self) -> None:
        key = next((key for key, each in self.breakers.items() if each.is_plain), next(iter(self.breakers)))
        del self.breakers[key]

    def join(self, user: object, rules: Rules) -> None:
        """Go by these rules from here on, until the user leaves."""
        self._users[user] = rules
        self._adopt(rules)

    def part(self, user: object) -> None:
        """The user is no more. Whoever came last of the others says by which rules to go: a configuration that was
        prepared and not used changes nothing for good."""
        self._users.pop(user, None)
        if self._users:
            self._adopt(next(reversed(self._users.values())))

    def _adopt(self, rules: Rules) -> None:
        if rules != self._rules:
            self._rules = rules
            for each in self.breakers.values():
                each.adopt(rules)

    def changed(self, circuit: Circuit, before: State) -> None:
        """A circuit has changed."""
        self.calm = False
        self.shut_until = -math.inf
        self._begin_era()
        for listener in self.listeners:
            listener.changed(circuit, before)

    def _begin_era(self) -> None:
        before, self.era = self.era, Era()
        before.end()

    def admit(self, now: float, servers: Collection[str], avoid: Collection[str] = ()) -> Admission | Refusal:
        """Whether a request may pass, and where to. For a group that is not `calm`.

        `servers` are those that the upstream has, and `avoid` those that the request is not to meet again, by URL."""
        if not self.per_server:
            return self._admit_to_all(now)
        permits: list[str] = []
        shut: list[str] = []
        is_calm = True
        for key, breaker in self.breakers.items():
            if breaker.is_plain:
                continue
            is_calm = False
            may_probe = key not in avoid and (not servers or key in servers)
            if (breaker.state is not State.CLOSED and not may_probe) or not breaker.admit(now):
                shut.append(key)
            elif breaker.state is State.HALF_OPEN:
                self._leave(permits)
                return Admission(self.epochs.now, frozenset({*servers, *self.breakers} - {key}), (key,), key)
            else:
                permits.append(key)
        self.calm = is_calm
        if shut and all(key in shut for key in servers or self.breakers):
            self._leave(permits)
            return self._refusal([self.breakers[key] for key in shut if not servers or key in servers], now)
        return Admission(self.epochs.now, frozenset(shut), tuple(permits))

    def _admit_to_all(self, now: float) -> Admission | Refusal:
        breaker = self.breakers[ALL]
        if breaker.is_plain:
            self.calm = True
            return Admission(self.epochs.now)
        if not breaker.admit(now):
            return self._refusal([breaker], now)
        return Admission(self.epochs.now, frozenset(), (ALL,), ALL if breaker.state is State.HALF_OPEN else None)

    def _refusal(self, breakers: list[Breaker], now: float) -> Refusal:
        first = min(breakers, key=lambda each: each.until)
        refusal = Refusal(first.until, first, first.state is State.CLOSED)
        if first.until > now:  # all of them are open
            if self.shut is not None and self.shut.breaker is not first:
                self._begin_era()
            self.shut = refusal
            self.shut_until = min(first.until, now + LOOK_SECONDS)
        return refusal

    def _leave(self, permits: list[str]) -> None:
        for key in permits:
            self.breakers[key].leave(self.epochs.now)

    def leave(self, admission: Admission) -> None:
        """A request that was let through is over, whatever came of it."""
        for key in admission.permits:
            breaker = self.breakers.get(key)
            if breaker is not None:
                breaker.leave(admission.epoch)
