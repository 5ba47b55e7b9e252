from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from plugins.retry.budget import SLOTS, Budget, BudgetRules


def a_budget(share: float = 0.2, floor: float = 0.0, window: float = 2.0, now: float = 100.0) -> Budget:
    return Budget(BudgetRules(share, floor, window), now)


def spent(budget: Budget, now: float, wanted: int = 1000) -> int:
    return sum(budget.spend(now) for _ in range(wanted))


def test_a_fifth_of_the_requests_is_granted() -> None:
    budget = a_budget(share=0.2)
    budget.requests += 100
    assert spent(budget, 100.0) == 20


def test_little_traffic_gets_the_floor_and_much_gets_no_more_for_it() -> None:
    budget = a_budget(share=0.2, floor=3.0, window=2.0)
    assert spent(budget, 100.0) == 6
    budget = a_budget(share=0.2, floor=3.0, window=2.0)
    budget.requests += 100
    assert spent(budget, 100.0) == 20


def test_what_was_granted_comes_back_with_the_window() -> None:
    budget = a_budget()
    budget.requests += 100
    assert spent(budget, 100.0) == 20
    budget.requests += 100
    assert spent(budget, 101.0) == 20
    assert spent(budget, 101.9) == 0
    budget.requests += 50
    assert spent(budget, 110.0) < 20


def test_traffic_of_long_ago_grants_nothing_now() -> None:
    budget = a_budget()
    budget.requests += 1_000_000
    assert spent(budget, 100.0, 1) == 1
    assert spent(budget, 110.0) == 0


def test_requests_that_nobody_looked_at_are_spread_over_the_time_they_came_in() -> None:
    budget = a_budget(share=0.2, window=2.0)
    budget.requests += 1000  # in 100 seconds: ten a second, twenty in the window
    assert spent(budget, 200.0) in (3, 4)


def test_hedges_have_a_bound_of_their_own_and_use_the_same_budget() -> None:
    budget = a_budget(share=0.2)
    budget.requests += 100
    assert sum(budget.spend_on_hedge(0.05, 100.0) for _ in range(50)) == 5
    assert spent(budget, 100.0) == 15
    budget = a_budget(share=0.02)
    budget.requests += 100
    assert sum(budget.spend_on_hedge(0.05, 100.0) for _ in range(50)) == 2


def test_the_floor_is_no_licence_for_hedges() -> None:
    budget = a_budget(floor=100.0)
    budget.requests += 10
    assert not budget.spend_on_hedge(0.05, 100.0)


def test_the_rules_of_the_last_configuration_count_and_go_with_it() -> None:
    budget = a_budget(share=0.2)
    budget.join("one", BudgetRules(0.5, 0.0, 2.0), 100.0)
    budget.join("two", BudgetRules(0.1, 0.0, 10.0), 100.0)
    budget.requests += 100
    assert budget.left(100.0) == 10
    budget.part("two", 100.0)
    budget.requests += 100
    assert budget.left(100.0) == 50
    budget.part("one", 100.0)
    assert budget.left(100.0) == 50


class Budgets(RuleBasedStateMachine):
    """Within a window, attempts stay below the share of the requests of it and of the one before, or the floor."""

    @initialize(share=st.sampled_from([0.05, 0.2, 1.0]), floor=st.sampled_from([0.0, 1.0, 10.0]))
    def begin(self, share: float, floor: float) -> None:
        self.now = 1_000.0
        self.terms = BudgetRules(share, floor, 2.0)
        self.budget = Budget(self.terms, self.now)
        self.came: list[float] = []
        self.granted: list[float] = []

    @rule(seconds=st.sampled_from([0.01, 0.19, 0.2, 0.7, 2.0, 9.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(count=st.integers(1, 200))
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
        surely = self.terms.window * (SLOTS - 1) / SLOTS
        attempts = sum(at > self.now - surely for at in self.granted)
        requests = sum(at > self.now - self.terms.window - surely for at in self.came)
        assert attempts <= max(self.terms.share * requests, self.terms.floor * self.terms.window) + 1e-6

    @invariant()
    def over_all_time_there_are_no_more_than_the_share_or_the_floor(self) -> None:
        if hasattr(self, "budget"):
            windows = (self.now - 1_000.0) / self.terms.window + 1
            floor = self.terms.floor * self.terms.window * windows * SLOTS / (SLOTS - 1)
            assert len(self.granted) <= self.terms.share * len(self.came) * SLOTS / (SLOTS - 1) + floor + 1e-6


TestBudgets = Budgets.TestCase
TestBudgets.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 50)), max_size=30))
def test_no_request_is_counted_twice_however_late_somebody_looks(steps: list[tuple[float, int]]) -> None:
    budget, now, came = a_budget(share=1.0), 100.0, 0
    for seconds, count in steps:
        now += seconds
        budget.requests += count
        came += count
        assert budget.left(now) <= came + 1e-6
