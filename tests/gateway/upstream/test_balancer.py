from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.balancer import Balancer, RetryBudget

NOW = 1000.0


@dataclass
class Server:
    weight: int = 1
    pending: int = 0
    resting_until: float = 0.0


def by_turns(*weights: int) -> Balancer:
    return Balancer([Server(weight) for weight in weights], least_pending=False)


def test_equal_servers_take_turns() -> None:
    balancer = by_turns(1, 1, 1)
    assert [balancer.choose(NOW) for _ in range(6)] == [0, 1, 2, 0, 1, 2]


def test_a_heavy_server_gets_its_share_without_bursts() -> None:
    balancer = by_turns(5, 1, 1)
    assert [balancer.choose(NOW) for _ in range(7)] == [0, 0, 1, 0, 2, 0, 0]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_each_full_round_gives_every_server_exactly_its_weight(weights: list[int]) -> None:
    balancer = by_turns(*weights)
    for _ in range(3):
        taken = Counter(balancer.choose(NOW) for _ in range(sum(weights)))
        assert [taken[index] for index in range(len(weights))] == weights


@given(st.lists(st.integers(1, 5), min_size=2, max_size=5), st.booleans(), st.data())
def test_a_server_to_avoid_is_avoided_whatever_came_before(
    weights: list[int], least: bool, data: st.DataObject
) -> None:
    servers = [Server(weight, data.draw(st.integers(0, 3))) for weight in weights]
    balancer = Balancer(servers, least_pending=least)
    for _ in range(10):
        avoid = data.draw(st.integers(-1, len(weights) - 1))
        chosen = balancer.choose(NOW, avoid)
        assert 0 <= chosen < len(weights)
        assert chosen != avoid


@pytest.mark.parametrize("least", [True, False])
def test_a_server_that_is_alone_is_chosen_even_when_it_has_failed(least: bool) -> None:
    assert Balancer([Server()], least_pending=least).choose(NOW, avoid=0) == 0


def test_the_fewest_pending_for_its_weight_is_chosen() -> None:
    servers = [Server(1, 2), Server(4, 4), Server(1, 3)]
    balancer = Balancer(servers, least_pending=True)
    assert [balancer.choose(NOW) for _ in range(3)] == [1, 1, 1]
    servers[1].pending = 40
    assert [balancer.choose(NOW) for _ in range(3)] == [0, 0, 0]
    assert balancer.choose(NOW, avoid=0) == 2


def test_servers_with_equal_loads_take_turns() -> None:
    balancer = Balancer([Server(), Server(), Server()], least_pending=True)
    assert sorted(balancer.choose(NOW) for _ in range(3)) == [0, 1, 2]


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


@pytest.mark.parametrize("least", [True, False])
def test_a_server_that_rests_is_left_out_until_its_rest_is_over(least: bool) -> None:
    servers = [Server(), Server(resting_until=NOW + 1)]
    balancer = Balancer(servers, least_pending=least)
    assert {balancer.choose(NOW) for _ in range(6)} == {0}
    assert 1 in {balancer.choose(NOW + 1) for _ in range(6)}


@pytest.mark.parametrize("least", [True, False])
def test_when_all_rest_they_are_tried_all_the_same(least: bool) -> None:
    servers = [Server(resting_until=NOW + 1), Server(resting_until=NOW + 2)]
    balancer = Balancer(servers, least_pending=least)
    assert {balancer.choose(NOW, avoid=0) for _ in range(3)} == {1}
    assert {balancer.choose(NOW) for _ in range(6)} <= {0, 1}


def test_one_dead_server_of_two_is_asked_once_a_rest() -> None:
    servers = [Server(), Server()]
    balancer = Balancer(servers, least_pending=False)
    refused = 0
    for moment in range(100):
        now = NOW + moment / 100
        if balancer.choose(now) == 1:
            refused += 1
            servers[1].resting_until = now + 1
    assert refused == 1
