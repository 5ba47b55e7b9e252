from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.api import Monotonic
from plugins.concurrency.waiting import Ticket, WaitingRoom

HIGH, NORMAL, LOW = 0, 1, 2


def ticket(key: str = "a", level: int = NORMAL) -> Ticket:
    return Ticket(level, key.encode(), Monotonic(0), 1.0, None)


def filled(size: int, *tickets: Ticket) -> WaitingRoom:
    room = WaitingRoom(size)
    for each in tickets:
        assert room.push(each, newest_first=False) is None
    return room


def order(room: WaitingRoom, *, newest_first: bool = False) -> list[Ticket]:
    found = []
    while (each := room.pop(newest_first=newest_first)) is not None:
        found.append(each)
    return found


def test_one_client_is_served_in_the_order_it_came() -> None:
    first, second, third = ticket(), ticket(), ticket()
    assert order(filled(9, first, second, third)) == [first, second, third]
    assert order(filled(9, first, second, third), newest_first=True) == [third, second, first]


def test_clients_take_turns() -> None:
    flood = [ticket("flood") for _ in range(4)]
    others = [ticket("b"), ticket("c")]
    assert [each.key for each in order(filled(9, *flood, *others))] == [
        b"flood",
        b"b",
        b"c",
        b"flood",
        b"flood",
        b"flood",
    ]


def test_what_matters_more_is_served_first() -> None:
    low, normal, high = ticket(level=LOW), ticket(), ticket(level=HIGH)
    assert order(filled(9, low, normal, high)) == [high, normal, low]


def test_what_matters_least_leaves_for_what_matters_more() -> None:
    low, normal = ticket(level=LOW), ticket("b")
    room = filled(2, low, normal)
    assert room.push(ticket("c"), newest_first=False) is low
    late = ticket("d", LOW)
    assert room.push(late, newest_first=False) is late
    assert room.count == 2


def test_the_client_with_the_most_makes_room_for_one_with_fewer() -> None:
    flood = [ticket("flood") for _ in range(3)]
    other = ticket("other")
    room = filled(3, *flood)
    assert room.push(other, newest_first=False) is flood[-1]
    more = ticket("flood")
    assert room.push(more, newest_first=False) is more
    assert order(room) == [flood[0], other, flood[1]]


def test_in_overload_the_oldest_of_the_flood_leaves() -> None:
    flood = [ticket("flood") for _ in range(3)]
    more = ticket("flood")
    room = filled(3, *flood)
    assert room.push(more, newest_first=True) is flood[0]
    assert order(room, newest_first=True) == [more, flood[2], flood[1]]


def test_where_all_have_one_the_newcomer_finds_no_room() -> None:
    room = filled(2, ticket("a"), ticket("b"))
    late = ticket("c")
    for newest_first in (False, True):
        assert room.push(late, newest_first=newest_first) is late


def test_without_room_nobody_waits() -> None:
    room, one = WaitingRoom(0), ticket()
    assert room.push(one, newest_first=False) is one
    assert room.count == 0


def test_who_leaves_is_not_served() -> None:
    first, second = ticket(), ticket("b")
    room = filled(9, first, second)
    assert room.remove(first)
    assert not room.remove(first)
    assert order(room) == [second]


class Queueing(RuleBasedStateMachine):
    """Nobody gets lost, nobody is served twice, and the room never holds more than its size."""

    def __init__(self) -> None:
        super().__init__()
        self.room = WaitingRoom(5)
        self.inside: list[Ticket] = []

    @rule(key=st.sampled_from("abc"), level=st.integers(0, 2), newest_first=st.booleans())
    def push(self, key: str, level: int, newest_first: bool) -> None:
        new = ticket(key, level)
        leaving = self.room.push(new, newest_first=newest_first)
        self.inside.append(new)
        if leaving is not None:
            assert leaving.level >= level
            self.inside.remove(leaving)

    @rule(newest_first=st.booleans())
    def pop(self, newest_first: bool) -> None:
        served = self.room.pop(newest_first=newest_first)
        assert (served is None) == (not self.inside)
        if served is not None:
            assert served.level == min(each.level for each in self.inside)
            self.inside.remove(served)

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        if self.inside:
            leaving = data.draw(st.sampled_from(self.inside))
            assert self.room.remove(leaving)
            self.inside.remove(leaving)

    @invariant()
    def all_are_there(self) -> None:
        assert sorted(map(id, self.room)) == sorted(map(id, self.inside))
        assert self.room.count == len(self.inside) <= 5


TestQueueing = Queueing.TestCase
