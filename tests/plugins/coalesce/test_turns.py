from gateway.api import Waiter
from plugins.coalesce.turns import Turns


def test_so_many_at_a_time_and_then_in_the_order_they_came() -> None:
    turns = Turns(2)
    assert turns.take()
    assert turns.take()
    assert not turns.take()
    first, second = Waiter[bool](), Waiter[bool]()
    turns.queue(first)
    turns.queue(second)
    turns.give_back()
    assert first.result() is True
    assert not second.done()
    assert turns.taken == 2
    turns.give_back()
    assert second.result() is True
    turns.give_back()
    turns.give_back()
    assert turns.taken == 0


def test_who_leaves_the_queue_is_passed_over() -> None:
    turns = Turns(1)
    turns.take()
    first, second = Waiter[bool](), Waiter[bool]()
    turns.queue(first)
    turns.queue(second)
    turns.leave(first)
    turns.give_back()
    assert not first.done()
    assert second.done()


def test_who_leaves_with_a_turn_gives_it_back() -> None:
    turns = Turns(1)
    turns.take()
    first, second = Waiter[bool](), Waiter[bool]()
    turns.queue(first)
    turns.queue(second)
    turns.give_back()
    turns.leave(first)
    assert second.done()
    assert len(turns) == 0
    turns.give_back()
    assert turns.taken == 0
