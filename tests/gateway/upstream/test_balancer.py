from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.balancer import MANY_PENDING, Balancer, ByKey, LeastLatency, LeastPending, Turns
from gateway.upstream.member import Member

NOW = 1000.0


def servers(*weights: int) -> list[Member]:
    return [Member(f"http://s{number}", weight) for number, weight in enumerate(weights)]


def choices(balancer: Balancer, able: list[Member], count: int, key: bytes | None = None) -> list[int]:
    """Numbers of the servers chosen, one after the other, while nobody waits for anything."""
    even = len({member.share for member in able}) == 1
    return [able.index(balancer.choose(able, even, NOW, key, ())) for _ in range(count)]


def test_equal_servers_take_turns() -> None:
    assert choices(Turns(), servers(1, 1, 1), 6) == [0, 1, 2, 0, 1, 2]


def test_a_heavy_server_gets_its_share_without_bursts() -> None:
    assert choices(Turns(), servers(5, 1, 1), 7) == [0, 0, 1, 0, 2, 0, 0]


@given(st.lists(st.integers(1, 20), min_size=2, max_size=6))
def test_each_full_round_gives_every_server_exactly_its_weight(weights: list[int]) -> None:
    balancer, able = Turns(), servers(*weights)
    for _ in range(3):
        taken = Counter(choices(balancer, able, sum(weights)))
        assert [taken[index] for index in range(len(weights))] == weights


@pytest.mark.parametrize("make", [LeastPending, LeastLatency])
def test_while_nobody_waits_shares_are_those_of_the_weights(make: type[LeastPending]) -> None:
    taken = Counter(choices(make(Random(1)), servers(5, 2, 1), 800))
    assert taken == {0: 500, 1: 200, 2: 100}


def test_of_two_the_one_with_fewer_pending_for_its_weight_is_chosen() -> None:
    able = servers(1, 4)
    able[0].pending, able[1].pending = 2, 4
    assert choices(LeastPending(), able, 4) == [1, 1, 1, 1]
    able[1].pending = 40
    assert choices(LeastPending(), able, 4) == [0, 0, 0, 0]


def test_the_most_loaded_of_many_is_never_chosen() -> None:
    able = servers(1, 1, 1, 1)
    able[2].pending = 9
    assert 2 not in choices(LeastPending(Random(3)), able, 200)


def test_a_slow_server_is_chosen_only_when_the_others_have_work_enough() -> None:
    able = servers(1, 1)
    able[0].memory.average.observe(0.05, NOW)
    able[1].memory.average.observe(0.01, NOW)
    balancer = LeastLatency()
    assert set(choices(balancer, able, 10)) == {1}
    able[1].pending = 9
    assert set(choices(balancer, able, 10)) == {0}


def test_a_server_that_was_never_measured_does_not_get_everything() -> None:
    able = servers(1, 1)
    able[0].memory.average.observe(0.004, NOW)
    able[1].pending = 9
    assert set(choices(LeastLatency(), able, 10)) == {0}


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 30)), min_size=2, max_size=6),
    st.sampled_from([Turns, LeastPending, LeastLatency, lambda: ByKey(1.25)]),
    st.data(),
)
def test_only_those_who_may_be_chosen_are(
    shapes: list[tuple[int, int]], make: type[Turns], data: st.DataObject
) -> None:
    everybody = servers(*(weight for weight, _ in shapes))
    for member, (_, pending) in zip(everybody, shapes, strict=True):
        member.pending = pending
    balancer = make()
    balancer.know(everybody)
    for _ in range(5):
        able = data.draw(st.lists(st.sampled_from(everybody), min_size=2, unique_by=id))
        for member in everybody:
            member.is_able = member in able
        key = data.draw(st.none() | st.binary(max_size=4))
        assert balancer.choose(able, False, NOW, key, ()) in able


class TestByKey:
    def test_the_same_key_goes_to_the_same_server(self) -> None:
        able = servers(1, 1, 1)
        balancer = ByKey(1.25)
        balancer.know(able)
        homes = {key: choices(balancer, able, 5, b"%d" % key) for key in range(30)}
        assert all(len(set(chosen)) == 1 for chosen in homes.values())
        assert {chosen[0] for chosen in homes.values()} == {0, 1, 2}

    def test_keys_of_a_server_that_fails_move_and_come_back_and_others_stay(self) -> None:
        able = servers(1, 1, 1)
        balancer = ByKey(1.25)
        balancer.know(able)
        homes = [choices(balancer, able, 1, b"%d" % key)[0] for key in range(60)]
        able[0].is_able = False
        moved = [able.index(balancer.choose(able[1:], True, NOW, b"%d" % key, ())) for key in range(60)]
        assert all(new == old for old, new in zip(homes, moved, strict=True) if old != 0)
        assert {new for old, new in zip(homes, moved, strict=True) if old == 0} == {1, 2}
        able[0].is_able = True
        assert [choices(balancer, able, 1, b"%d" % key)[0] for key in range(60)] == homes

    def test_a_server_to_avoid_is_passed_over(self) -> None:
        able = servers(1, 1, 1)
        balancer = ByKey(1.25)
        balancer.know(able)
        home = balancer.choose(able, True, NOW, b"k", ())
        rest = [member for member in able if member is not home]
        assert balancer.choose(rest, True, NOW, b"k", {home.url}) in rest

    def test_a_hot_key_spills_over_when_its_server_has_more_than_its_share(self) -> None:
        able = servers(1, 1, 1, 1)
        balancer = ByKey(1.25)
        balancer.know(able)
        for _ in range(400):
            balancer.choose(able, True, NOW, b"hot", ()).pending += 1
        assert max(member.pending for member in able) <= 1.25 * 400 / 4 + 1
        assert sum(member.pending for member in able) == 400

    def test_a_few_requests_swamp_nobody(self) -> None:
        able = servers(1, 1, 1)
        balancer = ByKey(1.25)
        balancer.know(able)
        for _ in range(MANY_PENDING):
            balancer.choose(able, True, NOW, b"hot", ()).pending += 1
        assert sorted(member.pending for member in able) == [0, 0, MANY_PENDING]

    def test_requests_without_a_key_go_where_fewest_wait(self) -> None:
        able = servers(1, 1)
        able[0].pending = 3
        assert choices(ByKey(1.25), able, 5) == [1] * 5
