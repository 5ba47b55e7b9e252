from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.balancer import ByKey, Turns
from gateway.upstream.group import COLDEST, Group, GroupRules, warm_share
from gateway.upstream.member import Member

NOW = 1000.0


def group_of(*weights: int, **rules: Any) -> tuple[Group, list[Member]]:
    members = [Member(f"http://s{number}", weight) for number, weight in enumerate(weights)]
    group = Group(Turns(), GroupRules(**rules))
    group.have(members, NOW)
    return group, members


def taken(group: Group, now: float = NOW, count: int = 60, avoid: frozenset[str] = frozenset()) -> Counter[str]:
    found = [group.choose(now, None, avoid) for _ in range(count)]
    return Counter(member.url[-1] for member in found if member is not None)


def test_good_servers_share_the_requests() -> None:
    group, _ = group_of(1, 2, 3)
    assert taken(group) == {"0": 10, "1": 20, "2": 30}


@pytest.mark.parametrize(
    "change", [{"is_draining": True}, {"is_healthy": False}, {"is_lagging": True}, {"lagging_until": NOW + 9}]
)
def test_a_server_that_may_not_be_used_is_left_out(change: dict[str, Any]) -> None:
    group, members = group_of(1, 1, 1)
    for name, value in change.items():
        setattr(members[1], name, value)
    group.look(NOW)
    assert taken(group) == {"0": 30, "2": 30}


@pytest.mark.parametrize("what", ["resting_until", "lagging_until"])
def test_what_ends_by_itself_ends_without_another_look(what: str) -> None:
    group, members = group_of(1, 1)
    setattr(members[0], what, NOW + 5)
    group.look(NOW)
    assert taken(group, NOW + 4.9) == {"1": 60}
    assert taken(group, NOW + 5) == {"0": 30, "1": 30}


def test_an_ejection_ends_by_itself() -> None:
    group, members = group_of(1, 1)
    members[0].memory.record.ejected_until = NOW + 5
    group.look(NOW)
    assert taken(group, NOW + 4.9) == {"1": 60}
    assert taken(group, NOW + 5) == {"0": 30, "1": 30}


class TestAvoiding:
    def test_a_server_to_avoid_is_avoided(self) -> None:
        group, _ = group_of(1, 1, 1)
        assert taken(group, avoid=frozenset({"http://s1"})) == {"0": 30, "2": 30}

    def test_it_is_chosen_when_there_is_no_other(self) -> None:
        group, members = group_of(1, 1)
        members[0].is_draining = True
        group.look(NOW)
        assert taken(group, avoid=frozenset({"http://s1"})) == {"1": 60}

    def test_names_of_strangers_mean_nothing(self) -> None:
        group, _ = group_of(1, 1)
        assert taken(group, avoid=frozenset({"http://elsewhere"})) == {"0": 30, "1": 30}

    def test_a_key_goes_on_to_the_next_server_of_its_walk(self) -> None:
        members = [Member(f"http://s{number}") for number in range(3)]
        group = Group(ByKey(1.25), GroupRules())
        group.have(members, NOW)
        home = group.choose(NOW, b"key")
        assert home is not None
        away = {group.choose(NOW, b"key", frozenset({home.url})) for _ in range(10)}
        assert len(away) == 1
        assert home not in away


class TestPanic:
    def test_when_too_few_are_good_all_are_used(self) -> None:
        group, members = group_of(1, 1, 1, 1, panic=0.5)
        for member in members[:2]:
            member.is_healthy = False
        group.look(NOW)
        assert (group.is_panicking, taken(group)) == (False, {"2": 30, "3": 30})
        members[2].memory.record.ejected_until = NOW + 5
        group.look(NOW)
        assert (group.is_panicking, set(taken(group))) == (True, {"0", "1", "2", "3"})

    def test_drained_and_lagging_servers_are_not_used_even_then(self) -> None:
        group, members = group_of(1, 1, 1)
        for member in members:
            member.is_healthy = False
        members[0].is_draining = True
        members[1].is_lagging = True
        group.look(NOW)
        assert taken(group) == {"2": 60}

    def test_a_server_that_just_refused_is_spared_even_then(self) -> None:
        group, members = group_of(1, 1)
        for member in members:
            member.is_healthy = False
        members[0].resting_until = NOW + 1
        group.look(NOW)
        assert taken(group) == {"1": 60}

    def test_when_all_just_refused_they_are_tried_all_the_same(self) -> None:
        group, members = group_of(1, 1)
        for member in members:
            member.resting_until = NOW + 1
        group.look(NOW)
        assert taken(group) == {"0": 30, "1": 30}

    def test_when_all_just_refused_the_last_one_to_do_so_is_tried_last(self) -> None:
        group, members = group_of(1, 1, 1)
        for number, member in enumerate(members):
            member.resting_until = NOW + 1 + number / 10
        group.look(NOW)
        assert taken(group) == {"0": 30, "1": 30}

    def test_it_can_be_switched_off(self) -> None:
        group, members = group_of(1, 1, panic=0.0)
        for member in members:
            member.is_healthy = False
        group.look(NOW)
        assert group.choose(NOW) is None
        assert not group.is_panicking

    def test_drained_servers_are_no_cause_of_it(self) -> None:
        group, members = group_of(1, 1, 1, 1, panic=0.5)
        for member in members[:3]:
            member.is_draining = True
        group.look(NOW)
        assert (group.is_panicking, taken(group)) == (False, {"3": 60})


class TestWarmingUp:
    def test_a_server_that_came_back_gets_its_share_step_by_step(self) -> None:
        group, members = group_of(1, 1, slow_start=100.0)
        members[0].warming_since = NOW
        group.look(NOW)
        shares = [taken(group, NOW + seconds, 1000)["0"] / 1000 for seconds in (0, 25, 50, 75, 100)]
        assert shares == pytest.approx([0.1 / 1.1, 0.2, 1 / 3, 3 / 7, 0.5], abs=0.02)

    def test_an_ejection_that_ended_is_a_coming_back(self) -> None:
        group, members = group_of(1, 1, slow_start=100.0)
        members[0].memory.record.ejected_until = NOW + 5
        group.look(NOW)
        assert taken(group, NOW + 5, 110)["0"] == pytest.approx(10, abs=2)

    def test_at_the_start_nobody_warms_up(self) -> None:
        group, _ = group_of(1, 1, slow_start=100.0)
        assert taken(group) == {"0": 30, "1": 30}


@given(st.integers(1, 1000), st.floats(0, 1e6), st.floats(0.001, 1e5))
def test_a_share_grows_from_a_tenth_to_the_weight(weight: int, seconds: float, slow_start: float) -> None:
    share = warm_share(weight, seconds, slow_start)
    assert weight * COLDEST <= share <= weight
    assert share <= warm_share(weight, seconds + 1, slow_start)


def test_servers_come_and_go() -> None:
    group, members = group_of(1, 1)
    group.have([members[0]], NOW)
    assert taken(group) == {"0": 60}
    group.have([], NOW)
    assert group.choose(NOW) is None


@given(st.lists(st.tuples(*[st.booleans()] * 5), min_size=1, max_size=6), st.floats(0, 1))
def test_whatever_their_state_only_what_may_be_used_is(states: list[tuple[bool, ...]], panic: float) -> None:
    group, members = group_of(*([1] * len(states)), panic=panic)
    for member, (healthy, draining, lagging, ejected, resting) in zip(members, states, strict=True):
        member.is_healthy, member.is_draining, member.is_lagging = healthy, draining, lagging
        member.memory.record.ejected_until = NOW + 5 if ejected else 0.0
        member.resting_until = NOW + 5 if resting else 0.0
    group.look(NOW)
    present = [member for member in members if not member.is_draining and not member.is_lagging]
    chosen = group.choose(NOW)
    assert chosen is None or chosen in present
    if present and panic > 0:
        assert chosen is not None
    if chosen is not None and not group.is_panicking:
        assert chosen.is_healthy
        assert chosen.memory.record.ejected_until <= NOW
