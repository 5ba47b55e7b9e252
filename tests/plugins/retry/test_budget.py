from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from plugins.retry.budget import FLOOR_SECONDS, KEPT, SLOTS, Budget, BudgetRules

WINDOW = 10.0


def a_budget(share: float = 0.2, floor: float = 0.0, window: float = WINDOW, now: float = 100.0) -> Budget:
    return Budget(BudgetRules(share, floor, window), now)


def spent(budget: Budget, now: float, wanted: int = 1000) -> int:
    return sum(budget.spend(now) for _ in range(wanted))


def test_good_times_leave_a_tenth_of_what_they_would_have_granted() -> None:
    budget = a_budget(share=0.2)
    budget.requests += 1000
    assert spent(budget, 100.0) == 20


def test_each_request_of_bad_times_earns_the_rest_of_its_share() -> None:
    budget = a_budget(share=0.2)
    granted = 0
    for _ in range(1000):
        budget.requests += 1
        granted += spent(budget, 100.0)
    assert granted in (179, 180)


def test_an_outage_of_a_window_after_good_times_sees_a_share_and_no_more() -> None:
    budget, now, granted, came = a_budget(share=0.2), 100.0, 0, 0
    budget.requests += 30_000  # ten seconds in which all was well, until now
    now += WINDOW
    budget.left(now)
    for _ in range(3_000):
        now += WINDOW / 3_000
        budget.requests += 10
        came += 10
        granted += spent(budget, now)
    assert 0.19 * came <= granted <= 0.2 * came


def test_little_traffic_gets_the_floor_and_much_gets_no_more_for_it() -> None:
    budget = a_budget(share=0.2, floor=3.0)
    assert spent(budget, 100.0) == 3 * FLOOR_SECONDS
    assert spent(budget, 101.0) == 3
    budget = a_budget(share=0.2, floor=1.0)
    budget.requests += 1000
    assert spent(budget, 100.0) == 20


def test_a_floor_of_less_than_one_a_second_is_one_now_and_then() -> None:
    budget = a_budget(share=0.01, floor=0.1)
    assert spent(budget, 100.0) == 1
    assert spent(budget, 105.0) == 0
    assert spent(budget, 110.0) == 1


def test_traffic_of_long_ago_grants_next_to_nothing_now() -> None:
    budget = a_budget()
    budget.requests += 1_000_000
    assert spent(budget, 100.0, 1) == 1
    assert spent(budget, 150.0) == 1


def test_requests_that_nobody_looked_at_are_spread_over_the_time_they_came_in() -> None:
    budget = a_budget(share=0.2)
    budget.requests += 10_000  # in 100 seconds: a hundred a second, a thousand in the window
    assert 18 <= spent(budget, 200.0) <= 20


def test_hedges_have_a_bound_of_their_own_and_are_paid_by_what_was_earned() -> None:
    budget = a_budget(share=0.2)
    budget.requests += 1000
    assert sum(budget.spend_on_hedge(0.005, 100.0) for _ in range(50)) == 5
    assert spent(budget, 100.0) == 15
    assert sum(budget.spend_on_hedge(0.05, 100.0) for _ in range(50)) == 0


def test_hedges_of_a_window_are_no_more_than_their_share_of_it() -> None:
    budget, now, hedges, came = a_budget(share=0.2), 100.0, 0, 0
    for _ in range(1_000):
        now += WINDOW / 1_000
        budget.requests += 3
        came += 3
        hedges += sum(budget.spend_on_hedge(0.05, now) for _ in range(3))
    assert 0.04 * came <= hedges <= 0.05 * came


def test_the_floor_is_no_licence_for_hedges() -> None:
    budget = a_budget(floor=100.0)
    budget.requests += 1
    assert not budget.spend_on_hedge(1.0, 100.0)


def test_the_rules_of_the_last_configuration_count_and_go_with_it() -> None:
    budget = a_budget(share=0.2)
    budget.join("one", BudgetRules(0.5, 0.0, 10.0), 100.0)
    budget.join("two", BudgetRules(0.1, 0.0, 50.0), 100.0)
    budget.requests += 1000
    assert round(budget.left(100.0)) == 10
    budget.part("two", 100.0)
    budget.requests += 1000
    assert round(budget.left(100.0)) == 50
    budget.part("one", 100.0)
    assert round(budget.left(100.0)) == 50


class Budgets(RuleBasedStateMachine):
    """Whatever stretch of time one looks at, there are no more attempts than its requests have earned, and the little
    that was kept at its beginning."""

    @initialize(share=st.sampled_from([0.05, 0.2, 1.0]), floor=st.sampled_from([0.0, 1.0, 10.0]))
    def begin(self, share: float, floor: float) -> None:
        self.now = 1_000.0
        self.terms = BudgetRules(share, floor, WINDOW)
        self.budget = Budget(self.terms, self.now)
        self.came: list[float] = []
        self.granted: list[float] = []

    @rule(seconds=st.sampled_from([0.01, 0.19, 0.2, 0.7, 2.0, 9.0, 10.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(count=st.integers(1, 500))
    def come(self, count: int) -> None:
        self.budget.requests += count
        self.budget.left(self.now)  # look at once, so that the model knows when they came
        self.came += [self.now] * count

    @rule(count=st.integers(1, 100))
    def spend(self, count: int) -> None:
        self.granted += [self.now] * spent(self.budget, self.now, count)

    @rule(count=st.integers(1, 100))
    def hedge(self, count: int) -> None:
        self.granted += [self.now] * sum(self.budget.spend_on_hedge(0.1, self.now) for _ in range(count))

    @invariant()
    def attempts_stay_within_what_the_traffic_grants(self) -> None:
        if not hasattr(self, "budget"):
            return
        terms = self.terms
        for since in {*self.granted[::40], 1_000.0}:
            attempts = sum(at >= since for at in self.granted)
            requests = sum(at >= since for at in self.came)
            before = sum(since - WINDOW * (SLOTS + 1) / SLOTS <= at <= since for at in self.came)
            earned = (1 - KEPT) * terms.share * requests + max(1.0, KEPT * terms.share * before)
            floor = terms.floor * (self.now - since) + (max(1.0, terms.floor * FLOOR_SECONDS) if terms.floor else 0.0)
            assert attempts <= earned + floor + 1e-6


TestBudgets = Budgets.TestCase
TestBudgets.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(
    rate=st.integers(20, 2_000),
    good=st.floats(0, 40),
    outage=st.integers(10, 40),
    pieces=st.integers(1, 7),
    growth=st.sampled_from([1, 2, 3]),
)
@settings(max_examples=60, deadline=None)
def test_an_outage_of_at_least_a_window_sees_at_most_a_fifth_more_than_clients_ask_for(
    rate: int, good: float, outage: int, pieces: int, growth: int
) -> None:
    """Traffic is steady or grows, as it does when clients begin to try again themselves."""
    budget, now = a_budget(share=0.2), 100.0
    budget.requests += round(rate * good)
    now += good
    budget.left(now)
    granted, came = 0, 0
    for _ in range(outage * pieces):
        now += 1 / pieces
        budget.requests += rate * growth // pieces + 1
        came += rate * growth // pieces + 1
        granted += spent(budget, now, 2 * rate * growth)
    assert came + granted <= 1.2 * came + 1


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 50)), max_size=30))
def test_no_request_is_counted_twice_however_late_somebody_looks(steps: list[tuple[float, int]]) -> None:
    budget, now, came = a_budget(share=1.0), 100.0, 0
    for seconds, count in steps:
        now += seconds
        budget.requests += count
        came += count
        assert budget.left(now) <= came + 1e-6
