from collections.abc import Callable

import pytest

from loadtests.store.policies import POLICIES, S3, Lru, Policy

ROOM = 10_000


@pytest.mark.parametrize("start", POLICIES.values(), ids=POLICIES)
def test_a_thing_is_there_the_second_time_and_not_when_it_is_larger_than_the_cache(
    start: Callable[[int], Policy],
) -> None:
    policy = start(ROOM)
    assert [policy.ask(1, 100), policy.ask(1, 100)] == [False, True]
    assert [policy.ask(2, ROOM + 1), policy.ask(2, ROOM + 1)] == [False, False]


@pytest.mark.parametrize("start", POLICIES.values(), ids=POLICIES)
def test_a_cache_has_no_more_than_its_room(start: Callable[[int], Policy]) -> None:
    policy = start(ROOM)
    for thing in range(100):
        policy.ask(thing, 1000)
    assert sum([policy.ask(thing, 1000) for thing in range(99, -1, -1)]) <= 10


def test_lru_lets_go_of_what_was_not_used_for_longest() -> None:
    lru = Lru(300)
    for thing in (1, 2, 3, 1, 4):
        lru.ask(thing, 100)
    assert [lru.ask(thing, 100) for thing in (1, 3, 4)] == [True, True, True]
    assert not lru.ask(2, 100)


def test_a_scan_empties_lru_but_not_the_store_s_policy() -> None:
    left = {}
    for policy in (S3(ROOM), Lru(ROOM)):
        for thing in [1, 2, 3] * 4 + list(range(100, 200)):
            policy.ask(thing, 1000)
        left[type(policy)] = sum([policy.ask(thing, 1000) for thing in (1, 2, 3)])
    assert left == {S3: 3, Lru: 0}
