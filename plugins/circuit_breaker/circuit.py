"""A circuit's state and those who listen to its changes, kept by pybreaker.

When the state changes is decided in `breaker.py`. pybreaker's own way of calling, which counts failures in a row and
lets any number through while half-open, is not used."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import pybreaker

from plugins.circuit_breaker.reasons import Cause


class State(Enum):
    """The states of a circuit, by pybreaker's names."""

    CLOSED = pybreaker.STATE_CLOSED
    """Lets everything through."""
    HALF_OPEN = pybreaker.STATE_HALF_OPEN
    """Lets a few through."""
    OPEN = pybreaker.STATE_OPEN
    """Refuses."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state."""

    state: State
    cause: Cause
    at: float
    """Monotonic seconds."""
    until: float | None = None
    """Until when it is open; infinity when somebody has to close it. `None` when it is not open."""
    in_a_row: int = 0
    """How many times it has opened without having been well in between."""
    evidence: str = ""
    """What was seen, for people: `12 of 20 exchanges failed`."""
    is_news: bool = False
    """Whether it was heard from another worker."""


class Circuit(pybreaker.CircuitBreaker):
    """One circuit. Listeners find in `change` why, and until when."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.title = name
        """The name, as it is known in figures, in logs and at the admin address."""
        self.change = Change(State.CLOSED, Cause.RECOVERED, 0.0)

    def move(self, change: Change) -> None:
        """Change the state; listeners are told in this call."""
        self.change = change
        match change.state:
            case State.CLOSED:
                self.close()
            case State.HALF_OPEN:
                self.half_open()
            case State.OPEN:
                self.open()


class Listener(pybreaker.CircuitBreakerListener):
    """Hears of changes."""

    def changed(self, circuit: Circuit, before: State) -> None:
        """The circuit has changed; `circuit.change` says how."""

    def state_change(
        self,
        cb: pybreaker.CircuitBreaker,
        old_state: pybreaker.CircuitBreakerState | None,
        new_state: pybreaker.CircuitBreakerState,
    ) -> None:
        """Of pybreaker."""
        assert isinstance(cb, Circuit)
        self.changed(cb, State.CLOSED if old_state is None else State(old_state.name))
