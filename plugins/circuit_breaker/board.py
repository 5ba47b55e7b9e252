"""All circuits of a worker: what they tell the other workers, and what an administrator asks and orders. No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakValueDictionary

from plugins.circuit_breaker.breaker import Breaker
from plugins.circuit_breaker.circuit import Circuit, Listener, State
from plugins.circuit_breaker.group import Group
from plugins.circuit_breaker.reasons import Cause

ACTIONS = ("open", "close", "reset")
"""What may be ordered."""


class OrderError(ValueError):
    """What was ordered makes no sense; the text says why."""


class Board(Listener):
    """The circuits by their names. A group is forgotten with the last plugin that holds it."""

    def __init__(self) -> None:
        self.wake: Callable[[], None] = lambda: None
        """Called when there is something to tell the other workers."""
        self._groups: WeakValueDictionary[str, Group] = WeakValueDictionary()
        self._untold: dict[str, tuple[Group, str]] = {}

    def join(self, group: Group) -> None:
        """Know this group from here on."""
        self._groups[group.name] = group
        if self not in group.listeners:
            group.listeners.append(self)

    def circuits(self) -> Iterator[tuple[Group, str, Breaker]]:
        """Every circuit, with its group and its key there."""
        for group in list(self._groups.values()):
            for key, breaker in list(group.breakers.items()):
                yield group, key, breaker

    # --- the other workers ---------------------------------------------------------------------

    def changed(self, circuit: Circuit, before: State) -> None:
        """A circuit has changed. What was heard from others, or ordered by an administrator, they know already."""
        change = circuit.change
        if change.is_news or change.cause is Cause.MANUAL:
            return
        for group, key, breaker in self.circuits():
            if breaker.circuit is circuit:
                self._untold[circuit.title] = group, key
                self.wake()

    def remind(self) -> None:
        """Tell the others of every circuit that is open: one of them is new."""
        for group, key, breaker in self.circuits():
            if breaker.state is State.OPEN:
                self._untold[breaker.circuit.title] = group, key
        if self._untold:
            self.wake()

    def take_news(self, now: float) -> list[dict[str, Any]]:
        """What the others have not been told. Never more than one entry for each circuit."""
        untold, self._untold = self._untold, {}
        news = []
        for group, key in untold.values():
            breaker = group.breakers.get(key)
            if breaker is not None:
                change = breaker.circuit.change
                news.append(
                    {
                        "group": group.name,
                        "key": key,
                        "state": breaker.state.value,
                        "cause": change.cause.value,
                        "seconds": _finite(breaker.until - now) if breaker.state is State.OPEN else None,
                        "in_a_row": change.in_a_row,
                        "evidence": change.evidence,
                    }
                )
        return news

    def hear(self, news: list[dict[str, Any]], now: float) -> None:
        """Another worker tells of its circuits. What this one does not have is no concern of its."""
        for each in news:
            group = self._groups.get(each["group"])
            if group is None or not (group.per_server or each["key"] in group.breakers):
                continue
            state, cause = State(each["state"]), Cause(each["cause"])
            breaker = group.breaker(each["key"])
            breaker.hear(state, cause, each["seconds"], each["in_a_row"], each["evidence"], now)

    # --- the administrator ---------------------------------------------------------------------

    def listing(self, now: float) -> list[dict[str, Any]]:
        """Every circuit for people."""
        return [_described(group, key, breaker, now) for group, key, breaker in self.circuits()]

    def carry_out(self, order: dict[str, Any], now: float) -> int:
        """Open, close or reset by hand the circuit that `circuit` names, those of the group it names, or `all`.

        `action` is one of `ACTIONS`; `seconds` is how long to stay open, until somebody closes it when left out.
        Returns how many circuits it was. Raises OrderError."""
        action = order.get("action")
        if action not in ACTIONS:
            raise OrderError(f"action is one of {', '.join(ACTIONS)}")
        wanted = order.get("circuit")
        count = 0
        for group, _, breaker in self.circuits():
            if order.get("all") or wanted in (group.name, breaker.circuit.title):
                count += 1
                match action:
                    case "open":
                        breaker.hold_open(now, order.get("seconds"))
                    case "close":
                        breaker.close(now)
                    case _:
                        breaker.reset(now)
        return count


def _described(group: Group, key: str, breaker: Breaker, now: float) -> dict[str, Any]:
    change = breaker.circuit.change
    is_open = breaker.state is State.OPEN
    return {
        "circuit": breaker.circuit.title,
        "group": group.name,
        "server": key or None,
        "state": breaker.state.value,
        "share": round(breaker.share(now), 3),
        "cause": change.cause.value if breaker.epoch else None,
        "evidence": change.evidence or None,
        "since_seconds": round(now - change.at, 3) if breaker.epoch else None,
        "next_try_seconds": _finite(round(max(0.0, breaker.until - now), 3)) if is_open else None,
        "is_held": is_open and breaker.until == math.inf,
        "times_in_a_row": breaker.in_a_row,
        **breaker.counts(now),
    }


def _finite(seconds: float) -> float | None:
    return None if seconds == math.inf else seconds
