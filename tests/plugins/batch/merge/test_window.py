import math
import random

from hypothesis import given
from hypothesis import strategies as st

from plugins.batch.merge.window import FIRST, SHORTEST, Gatherer, Gathering

LIMIT = 0.016


def gatherer(most: int = 3, most_octets: int = 1000) -> Gatherer[str]:
    return Gatherer(most, LIMIT, most_octets)


def ids(gatherings: list[Gathering[str]]) -> list[list[str]]:
    return [list(gathering.slots) for gathering in gatherings]


def test_nothing_is_shared_until_a_call_is_under_way() -> None:
    gathers = gatherer()
    assert gathers.is_idle("p")
    gathers.begin("p")
    gathers.begin("p")
    assert not gathers.is_idle("p")
    assert gathers.is_idle("other")
    gathers.ended("p")
    assert not gathers.is_idle("p")
    gathers.ended("p")
    assert gathers.is_idle("p")
    assert len(gathers) == 0


def test_those_who_come_within_the_window_leave_together_when_it_closes() -> None:
    gathers = gatherer()
    gathering, leaving = gathers.add("p", "1", "a", 2, 10.0)
    assert (leaving, gathers.due_at) == ([], 10.0 + LIMIT / FIRST)
    assert gathers.add("p", "2", "b", 2, 10.001) == (gathering, [])
    assert gathers.due_at == 10.0 + LIMIT / FIRST, "the window does not begin anew"
    assert gathers.take(10.003) == []
    assert gathers.take(10.0 + LIMIT / FIRST) == [gathering]
    assert gathering.slots == {"1": ["a"], "2": ["b"]}
    assert not gathers.is_idle("p"), "they are under way"
    assert gathers.due_at == math.inf


def test_enough_of_them_leave_at_once() -> None:
    gathers = gatherer(most=3)
    for number in ("1", "2"):
        gathers.add("p", number, "w", 1, 0.0)
    gathering, leaving = gathers.add("p", "3", "w", 1, 0.0)
    assert leaving == [gathering]
    assert gathers.take(99.0) == []
    assert gathers.add("p", "4", "w", 1, 0.0)[0] is not gathering


def test_who_asks_for_the_same_shares_a_place() -> None:
    gathers = gatherer(most=2)
    gathers.add("p", "1", "a", 1, 0.0)
    gathering, leaving = gathers.add("p", "1", "b", 1, 0.0)
    assert leaving == []
    assert (gathering.slots, gathering.waiters) == ({"1": ["a", "b"]}, 2)


def test_ids_for_which_the_target_has_no_room_make_the_others_leave() -> None:
    gathers = gatherer(most=50, most_octets=10)
    first, _ = gathers.add("p", "1", "a", 6, 0.0)
    assert gathers.add("p", "1", "b", 6, 0.0) == (first, []), "it is in there already"
    second, leaving = gathers.add("p", "2", "c", 6, 0.0)
    assert (leaving, list(second.slots)) == ([first], ["2"])


def test_partitions_never_meet() -> None:
    gathers = gatherer()
    gathers.add("p", "1", "a", 1, 0.0)
    gathers.add("q", "1", "b", 1, 0.0)
    assert [(each.partition, each.slots) for each in gathers.take(1.0)] == [("p", {"1": ["a"]}), ("q", {"1": ["b"]})]


def test_the_window_doubles_with_company_and_halves_without_within_its_limits() -> None:
    gathers = gatherer(most=50)
    seen = []
    for company in (True, True, True, True, False, False, False, False, False, False):
        gathers.add("p", "1", "a", 1, 0.0)
        if company:
            gathers.add("p", "2", "b", 1, 0.0)
        gathers.take(1.0)
        seen.append(LIMIT / gathers.window)
    assert seen == [2, 1, 1, 1, 2, 4, 8, SHORTEST, SHORTEST, SHORTEST]


def test_a_shorter_window_that_began_later_may_close_first() -> None:
    gathers = gatherer()
    long, _ = gathers.add("p", "1", "a", 1, 0.0)
    gathers.window = LIMIT / SHORTEST
    short, _ = gathers.add("q", "1", "a", 1, 0.0001)
    assert gathers.take(0.0001 + LIMIT / SHORTEST) == [short]
    assert gathers.take(1.0) == [long]


def test_who_withdraws_is_not_asked_for() -> None:
    gathers = gatherer()
    gathering, _ = gathers.add("p", "1", "a", 1, 0.0)
    gathers.add("p", "2", "b", 1, 0.0)
    assert not gathers.withdraw(gathering, "1", "a")
    assert not gathers.withdraw(gathering, "1", "a"), "twice is once"
    assert ids(gathers.take(1.0)) == [["2"]]


def test_when_all_have_withdrawn_nothing_is_left_of_them() -> None:
    gathers = gatherer()
    gathering, _ = gathers.add("p", "1", "a", 1, 0.0)
    assert gathers.withdraw(gathering, "1", "a")
    assert gathers.take(math.inf) == []
    assert (gathers.due_at, len(gathers)) == (math.inf, 0)


def test_the_last_who_withdraws_from_a_call_under_way_is_told_so() -> None:
    gathers = gatherer(most=2)
    gathers.add("p", "1", "a", 1, 0.0)
    gathering, _ = gathers.add("p", "2", "b", 1, 0.0)
    assert not gathers.withdraw(gathering, "1", "a")
    assert gathers.withdraw(gathering, "2", "b")
    assert not gathers.is_idle("p"), "the call has to be ended"
    gathers.ended("p")
    assert len(gathers) == 0


@given(st.integers(0, 2**32), st.integers(2, 6))
def test_whatever_happens_everybody_leaves_once_with_their_own_and_nothing_stays(seed: int, most: int) -> None:
    chance, gathers, now = random.Random(seed), Gatherer[int](most, LIMIT, 12), 0.0
    waiting: dict[int, tuple[Gathering[int], str]] = {}
    left: list[tuple[object, str, int]] = []
    expected: list[tuple[object, str, int]] = []

    def leave(gatherings: list[Gathering[int]]) -> None:
        for gathering in gatherings:
            assert 1 <= len(gathering.slots) <= most
            for wanted, slot in gathering.slots.items():
                left.extend((gathering.partition, wanted, waiter) for waiter in slot)
                for waiter in slot:
                    del waiting[waiter]
            gathers.ended(gathering.partition)

    for waiter in range(40):
        now += chance.random() * LIMIT / 4
        leave(gathers.take(now))
        if waiting and chance.random() < 0.2:
            gone = chance.choice(list(waiting))
            gathering, wanted = waiting.pop(gone)
            gathers.withdraw(gathering, wanted, gone)
            expected = [entry for entry in expected if entry[2] != gone]
        partition, wanted = chance.choice("pq"), str(chance.randrange(8))
        expected.append((partition, wanted, waiter))
        gathering, leaving = gathers.add(partition, wanted, waiter, 3, now)
        waiting[waiter] = (gathering, wanted)
        leave(leaving)
        assert LIMIT / SHORTEST <= gathers.window <= LIMIT
    leave(gathers.take(now + LIMIT))
    assert sorted(left, key=lambda entry: entry[2]) == expected
    assert (waiting, len(gathers), gathers.due_at) == ({}, 0, math.inf)
