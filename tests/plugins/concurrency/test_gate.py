from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.api import Monotonic
from plugins.concurrency.gate import ConcurrencyReason, Gate, Policy
from plugins.concurrency.settings import ConcurrencySettings
from plugins.concurrency.waiting import Ticket

T = Monotonic
NORMAL = 1


def a_policy(limit: int = 2, **queue: Any) -> Policy:
    return Policy.of(
        ConcurrencySettings.model_validate(
            {"limit": limit, "queue": {"wait": "10s", "target": "1s", "interval": "2s", **queue}}
        )
    )


def full(**queue: Any) -> Gate:
    gate = Gate(a_policy(**queue), T(0))
    assert gate.enter()
    assert gate.enter()
    assert not gate.enter()
    return gate


def waiting(gate: Gate, now: float, key: bytes = b"k", level: int = NORMAL, deadline: float | None = None) -> Ticket:
    ticket, outcomes = gate.wait(level, key, deadline, T(now))
    assert ticket is not None
    assert outcomes == ()
    return ticket


def test_who_waits_is_let_in_when_another_leaves() -> None:
    gate = full()
    first, second = waiting(gate, 0), waiting(gate, 0)
    assert gate.leave(T(1)) == [(first, ConcurrencyReason.WAITED)]
    assert gate.under_way == 2
    assert gate.leave(T(1)) == [(second, ConcurrencyReason.WAITED)]
    assert gate.leave(T(1)) == []
    assert (gate.under_way, gate.waiting) == (1, 0)


def test_nobody_overtakes_those_who_wait() -> None:
    gate = full()
    waiting(gate, 0)
    gate.under_way -= 1  # as if a place were free for a moment
    assert not gate.enter()


def test_a_full_queue_refuses_at_once() -> None:
    gate = full(size=1)
    waiting(gate, 0)
    assert gate.wait(NORMAL, b"k", None, T(0)) == (None, ())


def test_what_matters_more_takes_the_place_of_what_waits() -> None:
    gate = full(size=1)
    low = waiting(gate, 0, level=2)
    ticket, outcomes = gate.wait(0, b"other", None, T(0))
    assert ticket is not None
    assert list(outcomes) == [(low, ConcurrencyReason.PUSHED_OUT)]


def test_critical_requests_come_in_anyway_and_count() -> None:
    gate = full()
    ticket = waiting(gate, 0)
    gate.enter_anyway()
    assert gate.under_way == 3
    assert gate.leave(T(0)) == []
    assert gate.leave(T(0)) == [(ticket, ConcurrencyReason.WAITED)]


def test_in_a_burst_they_may_wait_long_and_in_turn() -> None:
    gate = full()
    first = waiting(gate, 0)
    waiting(gate, 1)
    assert gate.tire(T(1.9)) == []
    assert gate.leave(T(1.9)) == [(first, ConcurrencyReason.WAITED)]


def test_a_queue_that_stands_lets_the_old_go_and_takes_the_newest() -> None:
    gate = full()
    old, newer, newest = waiting(gate, 0), waiting(gate, 1.5), waiting(gate, 1.9)
    assert not gate.is_overloaded(T(2))
    assert gate.is_overloaded(T(2.1))
    assert gate.tire(T(2.1)) == [(old, ConcurrencyReason.TOO_LONG)]
    assert gate.leave(T(2.1)) == [(newest, ConcurrencyReason.WAITED)]
    assert gate.leave(T(2.1)) == [(newer, ConcurrencyReason.WAITED)]


def test_a_queue_that_was_empty_is_a_burst_again() -> None:
    gate = full()
    waiting(gate, 0)
    gate.leave(T(5))
    waiting(gate, 5)
    assert not gate.is_overloaded(T(6.9))


def test_the_longest_wait_holds_without_overload_as_well() -> None:
    gate = full(interval="60s")
    ticket = waiting(gate, 0)
    assert gate.tire(T(9.9)) == []
    assert gate.tire(T(10)) == [(ticket, ConcurrencyReason.TOO_LONG)]
    assert gate.waiting == 0


def test_who_cannot_be_answered_in_time_does_not_take_a_place() -> None:
    gate = full()
    for _ in range(200):
        gate.answered(T(0), T(0.4))
    late, in_time = waiting(gate, 0, deadline=1.0), waiting(gate, 0, deadline=9.0)
    assert gate.leave(T(0.9)) == [(late, ConcurrencyReason.TOO_LATE), (in_time, ConcurrencyReason.WAITED)]


def test_who_leaves_while_it_waits_is_not_let_in() -> None:
    gate = full()
    gone, stays = waiting(gate, 0), waiting(gate, 0)
    gate.abandon(gone, T(0))
    assert gate.leave(T(0)) == [(stays, ConcurrencyReason.WAITED)]


def test_a_larger_limit_lets_in_those_who_wait() -> None:
    gate = full()
    tickets = [waiting(gate, 0) for _ in range(3)]
    outcomes = gate.adopt(1, a_policy(limit=4), T(0))
    assert outcomes == [(ticket, ConcurrencyReason.WAITED) for ticket in tickets[:2]]
    assert (gate.adopted, gate.under_way, gate.waiting) == (1, 4, 1)


def test_a_smaller_limit_waits_for_those_under_way() -> None:
    gate = full()
    ticket = waiting(gate, 0)
    assert gate.adopt(1, a_policy(limit=1), T(0)) == []
    assert gate.leave(T(0)) == []
    assert gate.leave(T(0)) == [(ticket, ConcurrencyReason.WAITED)]


def test_an_adaptive_limit_goes_on_over_a_reload_that_leaves_it_alone() -> None:
    settings = ConcurrencySettings.model_validate({"limit": 100, "adaptive": {"window": "100ms"}})
    gate = Gate(Policy.of(settings), T(0))
    gate.gave_up(T(1))
    assert gate.limiter.limit == 80
    gate.adopt(
        1,
        Policy.of(ConcurrencySettings.model_validate({**settings.model_dump(mode="json"), "queue": {"size": 5}})),
        T(2),
    )
    assert gate.limiter.limit == 80


class AtTheGate(RuleBasedStateMachine):
    """Places are never lost or made up, and nobody waits while there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate(a_policy(limit=3, size=4), T(0))
        self.now = 0.0
        self.inside = 0
        self.tickets: list[Ticket] = []
        self.limit = 3

    def hear(self, outcomes: Any) -> None:
        for ticket, reason in outcomes:
            self.tickets.remove(ticket)
            self.inside += reason is ConcurrencyReason.WAITED

    @rule(key=st.sampled_from([b"a", b"b", b"c"]), level=st.integers(-1, 2), patience=st.none() | st.floats(0, 20))
    def come(self, key: bytes, level: int, patience: float | None) -> None:
        if level < 0:
            self.gate.enter_anyway()
            self.inside += 1
        elif self.gate.enter():
            self.inside += 1
        else:
            deadline = None if patience is None else self.now + patience
            ticket, outcomes = self.gate.wait(level, key, deadline, T(self.now))
            self.hear(outcomes)
            if ticket is not None:
                self.tickets.append(ticket)

    @rule()
    def leave(self) -> None:
        if self.inside:
            self.inside -= 1
            self.hear(self.gate.leave(T(self.now)))

    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        if self.tickets:
            ticket = data.draw(st.sampled_from(self.tickets))
            self.gate.abandon(ticket, T(self.now))
            self.tickets.remove(ticket)

    @rule(seconds=st.floats(0, 5))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.hear(self.gate.tire(T(self.now)))
        assert all(self.now - ticket.since < 10 for ticket in self.tickets)

    @rule(limit=st.integers(1, 6), size=st.integers(0, 6))
    def reload(self, limit: int, size: int) -> None:
        self.hear(self.gate.adopt(self.gate.adopted + 1, a_policy(limit=limit, size=size), T(self.now)))
        self.limit = limit

    @invariant()
    def places_add_up(self) -> None:
        assert self.gate.under_way == self.inside
        assert self.gate.waiting == len(self.tickets)

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        assert not self.tickets or self.inside >= self.limit


TestAtTheGate = AtTheGate.TestCase
