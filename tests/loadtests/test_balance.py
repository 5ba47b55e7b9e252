from random import Random

import pytest

from gateway.upstream.balancer import Balancer, ByKey, LeastLatency, LeastPending, Turns
from loadtests.balance import ALGORITHMS, Make, moves, simulate

COUNT = 6000
MAKE: dict[str, Make] = dict(ALGORITHMS)


@pytest.mark.parametrize("name", MAKE)
def test_servers_that_are_alike_get_alike(name: str) -> None:
    shares = simulate(MAKE[name], COUNT, 1, slow_factor=1.0).shares
    assert sum(shares) == pytest.approx(1)
    assert max(shares) < (1.5 if "hash" in name else 1.2) * min(shares)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_more_is_known_the_less_a_slow_server_gets(seed: int) -> None:
    turns, pending, latency = (simulate(MAKE[name], COUNT, seed) for name in ("round_robin", "least_pending", "ewma"))
    assert turns.shares[-1] == pytest.approx(0.25, abs=0.001)
    assert 0.15 > pending.shares[-1] > latency.shares[-1]
    assert turns.p99 > 5 * pending.p99 > 5 * latency.p99


def test_the_same_seed_shows_the_same_figures() -> None:
    assert simulate(MAKE["least_pending"], 1000, 7) == simulate(MAKE["least_pending"], 1000, 7)


@pytest.mark.parametrize("servers", [2, 3, 7])
def test_a_ring_that_loses_a_server_keeps_its_promise(servers: int) -> None:
    found = moves(servers, keys=4000)
    assert found.strangers == 0
    assert found.most <= 1.2 / servers
    assert found.is_good


def test_every_way_to_balance_is_in_the_table() -> None:
    made: list[type[Balancer]] = [type(make(Random(1))) for make in MAKE.values()]
    assert made == [Turns, LeastPending, LeastLatency, ByKey]
