from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.budget import RetryBudget


def test_a_budget_allows_its_reserve_and_then_a_share_of_the_requests() -> None:
    budget = RetryBudget(share=0.25, reserve=2.0)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    budget.requests += 4
    assert [budget.spend() for _ in range(2)] == [True, False]


def test_a_budget_saves_no_more_than_its_reserve() -> None:
    budget = RetryBudget(share=0.5, reserve=3.0)
    budget.requests += 100
    assert [budget.spend() for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.booleans(), max_size=200))
def test_retries_never_exceed_the_reserve_and_the_share(events: list[bool]) -> None:
    budget = RetryBudget(share=0.2, reserve=10.0)
    requests = retries = 0
    for is_request in events:
        if is_request:
            budget.requests += 1
            requests += 1
        else:
            retries += budget.spend()
    assert retries <= 10 + 0.2 * requests + 1e-6
