"""A circuit under arbitrary traffic, orders and news, against what must always hold."""

from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from plugins.circuit_breaker.breaker import Breaker, Epochs
from plugins.circuit_breaker.circuit import State
from plugins.circuit_breaker.reasons import Cause
from plugins.circuit_breaker.rules import Rules


class Circuits(RuleBasedStateMachine):
    """Exchanges begin and end in any order, long after the circuit has changed as well."""

    @initialize(
        probes=st.integers(1, 4),
        ramp=st.sampled_from([0.0, 5.0]),
        window_calls=st.sampled_from([None, 20]),
        consecutive=st.sampled_from([3, float("inf")]),
    )
    def begin(self, probes: int, ramp: float, window_calls: int | None, consecutive: float) -> None:
        self.now = 1_000.0
        self.terms = Rules(
            minimum_calls=5, probes=probes, ramp=ramp, window_calls=window_calls, consecutive_failures=consecutive
        )
        self.breaker = Breaker("upstream:app", self.terms, Epochs(), lambda: 0.5)
        self.under_way: list[tuple[int, bool, bool]] = []  # epoch, has a permit, is a probe
        self.succeeded = 0
        self.epoch = 0
        self.well: list[bool] = []  # how what counts has ended since the last change

    def _noted(self) -> None:
        if self.breaker.epoch != self.epoch:
            self.epoch, self.succeeded, self.well = self.breaker.epoch, 0, []

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.5, 3.0, 30.0, 500.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def ask(self) -> None:
        breaker, state = self.breaker, self.breaker.state
        if breaker.is_plain:
            self.under_way.append((breaker.epoch, False, False))
            return
        due = breaker.until <= self.now
        admitted = breaker.admit(self.now)
        self._noted()
        if state is State.OPEN:
            assert admitted == due, "an open circuit lets through exactly when its time is over"
        if admitted:
            self.under_way.append((breaker.epoch, True, breaker.state is State.HALF_OPEN))

    @rule(data=st.data(), failed=st.booleans(), seconds=st.sampled_from([0.0, 100.0]))
    def end(self, data: Any, failed: bool, seconds: float) -> None:
        if not self.under_way:
            return
        epoch, has_permit, is_probe = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        is_old = epoch < self.breaker.epoch
        before = (self.breaker.state, self.breaker.epoch)
        self.breaker.record(failed, seconds, epoch, self.now, probe=is_probe)
        if is_old:
            assert (self.breaker.state, self.breaker.epoch) == before, "old news changed something"
        elif before[0] is State.HALF_OPEN and is_probe:
            self.succeeded += not failed
            if failed:
                assert self.breaker.state is State.OPEN
            else:
                closed = self.succeeded >= self.terms.probes
                assert self.breaker.state is (State.CLOSED if closed else State.HALF_OPEN)
        elif before[0] is State.CLOSED:
            self.well.append(not failed)
            if self.breaker.state is State.OPEN:
                assert failed, "a success opened it"
                assert len(self.well) >= min(self.terms.minimum_calls, self.terms.consecutive_failures)
        if has_permit:
            self.breaker.leave(epoch)
        self._noted()

    @rule(data=st.data())
    def abandon(self, data: Any) -> None:
        if not self.under_way:
            return
        epoch, has_permit, _ = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        state = self.breaker.state
        if has_permit:
            self.breaker.leave(epoch)
        assert self.breaker.state is state, "a client that left changed the circuit"

    @rule(order=st.sampled_from(["open", "open for a time", "close", "reset"]))
    def command(self, order: str) -> None:
        match order:
            case "open":
                self.breaker.hold_open(self.now, None)
            case "open for a time":
                self.breaker.hold_open(self.now, 20.0)
            case "close":
                self.breaker.close(self.now)
            case _:
                self.breaker.reset(self.now)
        self._noted()

    @rule(state=st.sampled_from(State), seconds=st.sampled_from([1.0, 50.0]), times=st.integers(1, 5))
    def hear(self, state: State, seconds: float, times: int) -> None:
        cause = Cause.FAILURE_RATE if state is State.OPEN else Cause.RECOVERED
        self.breaker.hear(state, cause, seconds, times, "", self.now)
        self._noted()

    @invariant()
    def no_more_than_the_permits_are_under_way_half_open(self) -> None:
        if not hasattr(self, "breaker"):
            return
        if self.breaker.state is State.HALF_OPEN:
            probes = [each for each in self.under_way if each[2] and each[0] == self.breaker.epoch]
            assert len(probes) + self.succeeded <= self.terms.probes

    @invariant()
    def pybreaker_agrees(self) -> None:
        if hasattr(self, "breaker"):
            assert self.breaker.circuit.current_state == self.breaker.state.value
            assert self.breaker.is_plain <= (self.breaker.state is State.CLOSED)

    @invariant()
    def it_never_stays_shut_for_ever_by_itself(self) -> None:
        if hasattr(self, "breaker") and self.breaker.state is State.OPEN:
            longest = self.terms.longest_open * (1 + self.terms.jitter) + 20.0
            is_held = self.breaker.circuit.change.cause is Cause.MANUAL
            assert is_held or self.breaker.until <= self.now + longest


TestCircuits = Circuits.TestCase
TestCircuits.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
