"""When a circuit opens, closes, and whom it lets through meanwhile. Everything that changes a circuit is in this file.

    closed ──── too many failures, or too slow ────► open
      ▲  ▲                                           │ ▲
      │  └─ ramp: traffic comes back step by step    │ │
      │                                   its time is over
      └── all probes succeeded ──── half-open ◄──────┘ └── a probe failed

Every change begins another epoch. An exchange that was let through before a change proves nothing about the time after
it, so its outcome counts for nothing. The caller says what time it is, and brings the chance for the jitter."""

from __future__ import annotations

import math
from collections.abc import Callable

from plugins.circuit_breaker.circuit import Change, Circuit, State
from plugins.circuit_breaker.reasons import Cause
from plugins.circuit_breaker.rules import Rules

PATIENCE = 0.25
"""Part of an open time, and at least a second, that a worker leaves to the one that opened a circuit: that one tries
again first, and the others hear how it went."""


class Epochs:
    """Counts the changes of all circuits of a group, so that one number tells which of them an exchange has seen."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 0


class Breaker:
    """One circuit."""

    __slots__ = (
        "_chance",
        "_closed_at",
        "_credit",
        "_epochs",
        "_folded",
        "_in_flight",
        "_last_open",
        "_ramp_from",
        "_rules",
        "_succeeded",
        "_window",
        "circuit",
        "epoch",
        "in_a_row",
        "is_plain",
        "row",
        "state",
        "until",
        "well",
    )

    def __init__(self, name: str, rules: Rules, epochs: Epochs, chance: Callable[[], float]) -> None:
        self.circuit = Circuit(name)
        self.state = State.CLOSED
        self.is_plain = True
        """Whether everything is let through without asking: closed, and no ramp."""
        self.epoch = epochs.now
        """When, in the epochs of the group, it changed last."""
        self.until = -math.inf
        """While open: when to try again, in monotonic seconds; infinity when somebody has to close it."""
        self.in_a_row = 0
        """How many times it has opened without having been well in between."""
        self.row = 0
        """Failures in a row. Whoever adds to `well` sets it to 0."""
        self.well = 0
        """Exchanges that ended well and are not in the window yet. While the circuit is plain and has not changed since
        they were let through, whoever sees one end just adds it here: that is all a success costs."""
        self._rules = rules
        self._epochs = epochs
        self._chance = chance
        self._window = rules.make_window()
        self._folded = -math.inf  # until when what ended well is in the window
        self._in_flight = 0
        self._succeeded = 0  # probes
        self._ramp_from = -math.inf
        self._credit = 0.0
        self._closed_at = -math.inf
        self._last_open = 0.0

    # --- requests ------------------------------------------------------------------------------

    def admit(self, now: float) -> bool:
        """Whether a request may pass. Only if not `is_plain`; what was let through has to `leave`."""
        if self.state is State.OPEN:
            if now < self.until:
                return False
            self._change(Change(State.HALF_OPEN, Cause.TIME, now, in_a_row=self.in_a_row))
        if self.state is State.HALF_OPEN:
            if self._in_flight + self._succeeded >= self._rules.probes:
                return False
            self._in_flight += 1
            return True
        return self._admit_to_ramp(now)

    def _admit_to_ramp(self, now: float) -> bool:
        share = self._rules.ramp_share(now - self._ramp_from)
        if share >= 1.0:
            self.is_plain = True
        self._credit = min(1.0, self._credit + share)
        if self._credit >= 1.0:
            self._credit -= 1.0
        elif self._in_flight >= self._rules.probes:
            return False
        self._in_flight += 1
        return True

    def leave(self, epoch: int) -> None:
        """A request that was let through in that epoch is over, whatever came of it."""
        if epoch >= self.epoch and self._in_flight:
            self._in_flight -= 1

    def record(self, failed: bool, seconds: float, epoch: int, now: float, *, probe: bool = False) -> None:
        """How an exchange ended: one that was let through in `epoch`, and waited so many seconds for its head.

        Half-open, only probes count."""
        if epoch < self.epoch:
            return  # let through before the last change: old news
        slow = seconds > self._rules.slow_call
        if self.state is State.HALF_OPEN:
            if probe:
                self._record_probe(failed, slow, now)
            return
        self.look(now)
        self._window.add(failed, slow, now)
        if failed:
            self.row += 1
        else:
            self.row = 0
            if not slow:
                return
        self._judge(now)

    def spoil(self, epoch: int, now: float) -> None:
        """An exchange that was recorded as a success broke off within its body."""
        if epoch < self.epoch:
            return
        if self.state is State.HALF_OPEN:
            self._open(Cause.PROBE_FAILED, "the body of a probe broke off", now)
            return
        self.look(now)
        self._window.spoil(now)
        self.row += 1
        self._judge(now)

    def look(self, now: float) -> None:
        """Put what ended well into the window. Done now and then, so that it is known when that was."""
        if self.well:
            self._window.add_well(self.well, self._folded, now)
            self.well = 0
        self._folded = now

    def _record_probe(self, failed: bool, slow: bool, now: float) -> None:
        if failed or slow:
            self._open(Cause.PROBE_FAILED, "a probe failed" if failed else "a probe was slow", now)
            return
        self._succeeded += 1
        if self._succeeded >= self._rules.probes:
            evidence = f"{self._succeeded} probes succeeded"
            self._change(Change(State.CLOSED, Cause.RECOVERED, now, in_a_row=self.in_a_row, evidence=evidence))

    def _judge(self, now: float) -> None:
        rules, window = self._rules, self._window
        if self.row >= rules.consecutive_failures:
            self._open(Cause.CONSECUTIVE_FAILURES, f"{self.row} exchanges in a row failed", now)
        elif window.calls >= rules.minimum_calls:
            if window.failures >= rules.failure_rate * window.calls:
                self._open(Cause.FAILURE_RATE, f"{window.failures} of {window.calls} exchanges failed", now)
            elif window.slow >= rules.slow_rate * window.calls:
                self._open(Cause.SLOW_RATE, f"{window.slow} of {window.calls} exchanges were slow", now)

    # --- changes -------------------------------------------------------------------------------

    def _open(self, cause: Cause, evidence: str, now: float) -> None:
        was_well = self.state is State.CLOSED and self.is_plain and now - self._closed_at >= self._last_open
        in_a_row = 1 if was_well else self.in_a_row + 1
        until = now + self._rules.open_seconds(in_a_row, self._chance())
        self._change(Change(State.OPEN, cause, now, until, in_a_row, evidence))

    def hold_open(self, now: float, seconds: float | None) -> None:
        """Open it by hand: for so long, or until somebody closes it."""
        until = math.inf if seconds is None else now + seconds
        self._change(Change(State.OPEN, Cause.MANUAL, now, until, self.in_a_row))

    def close(self, now: float) -> None:
        """Close it by hand, at once and without a ramp. What was seen before is forgotten."""
        self._change(Change(State.CLOSED, Cause.MANUAL, now, in_a_row=self.in_a_row))

    def reset(self, now: float) -> None:
        """Close it by hand and forget how often it was open."""
        self._change(Change(State.CLOSED, Cause.MANUAL, now))

    def hear(self, state: State, cause: Cause, seconds: float | None, in_a_row: int, evidence: str, now: float) -> None:
        """Another worker changed its circuit of the same name. `seconds` is how long it stays open, `None` for ever.

        The other one tries again first: this one waits a little longer, and hears how it went."""
        is_manual = cause is Cause.MANUAL
        if state is State.HALF_OPEN:
            if self.state is State.OPEN:
                self.until = max(self.until, now + self._patience)
            return
        if state is State.CLOSED:
            if self.state is not State.CLOSED and (is_manual or self.until < math.inf):
                self._change(Change(State.CLOSED, cause, now, in_a_row=in_a_row, evidence=evidence, is_news=True))
            return
        if self.state is State.OPEN and not is_manual:
            return  # it knows already, or is held open by hand
        until = math.inf if seconds is None else now + seconds + (0.0 if is_manual else self._patience)
        self._change(Change(State.OPEN, cause, now, until, in_a_row, evidence, is_news=True))

    @property
    def _patience(self) -> float:
        return max(1.0, PATIENCE * self._rules.open_for)

    def adopt(self, rules: Rules) -> None:
        """Go by other rules from here on. The state stays; what was seen stays where it still means the same."""
        if not rules.has_window_of(self._rules):
            self._window = rules.make_window()
            self.row = self.well = 0
        self._rules = rules

    def _change(self, change: Change) -> None:
        self._epochs.now += 1
        self.epoch = self._epochs.now
        self.state = change.state
        self.in_a_row = change.in_a_row
        self.until = -math.inf if change.until is None else change.until
        self._in_flight = self._succeeded = self.row = self.well = 0
        self._folded = change.at
        self._window.clear()
        if change.state is State.CLOSED:
            self._closed_at = change.at
            ramps = change.cause is Cause.RECOVERED and self._rules.ramp > 0
            self._ramp_from = change.at if ramps else -math.inf
            self._credit = 0.0
            self.is_plain = not ramps
        else:
            self.is_plain = False
            if change.until is not None and change.until < math.inf:
                self._last_open = change.until - change.at
        self.circuit.move(change)

    # --- for people ----------------------------------------------------------------------------

    def counts(self, now: float) -> dict[str, int]:
        """What is in the window now."""
        window = self._window
        self.look(now)
        window.look(now)
        return {"calls": window.calls, "failures": window.failures, "slow": window.slow}

    def share(self, now: float) -> float:
        """Share of the requests that are let through."""
        if self.state is State.CLOSED:
            return 1.0 if self.is_plain else self._rules.ramp_share(now - self._ramp_from)
        return 0.0
