from typing import Any

from gateway.tiers import redis_waiting
from gateway.tiers.redis_waiting import Drop, RedisWaiting
from gateway.tiers.tier import Entry
from tests.support.tiering import record

HERE, THERE = (b"{=a}", bytes(8)), (b"{=b}", bytes(8))


class Lease:
    key, token, name = b"k", b"t", b"n"

    def __init__(self) -> None:
        self.told: list[bool] = []

    def written(self, *, stored: bool) -> None:
        self.told.append(stored)


def batch(waiting: RedisWaiting, **more: Any) -> list[Any]:
    return [work for _, work in waiting.batch(64, 1 << 20, **more)]


def test_the_newest_record_for_a_place_is_written() -> None:
    waiting, lease = RedisWaiting(1 << 20), Lease()
    assert waiting.put(HERE, record(body=b"old", lease=lease))
    new = record(body=b"new")
    assert waiting.put(HERE, new)
    assert batch(waiting) == [new]
    assert lease.told == [False]


def test_octets_are_bounded_and_come_free_again() -> None:
    entry = record(body=b"x" * 1000)
    waiting = RedisWaiting(entry.octets)
    assert waiting.put(HERE, entry)
    assert not waiting.put(THERE, entry)
    waiting.batch(1, 1)
    assert not waiting.put(THERE, entry)
    waiting.done(HERE)
    assert waiting.octets == 0
    assert waiting.put(THERE, entry)


def test_what_is_under_way_is_not_begun_twice() -> None:
    waiting = RedisWaiting(1 << 20)
    waiting.put(HERE, record(body=b"1"))
    assert len(batch(waiting)) == 1
    waiting.put(HERE, record(body=b"2"))
    assert batch(waiting) == []
    waiting.done(HERE)
    assert len(batch(waiting)) == 1


def test_what_was_removed_is_not_believed_until_it_has_been() -> None:
    waiting = RedisWaiting(1 << 20)
    waiting.drop(HERE, 5.0)
    assert waiting.gone(HERE) == 5.0
    assert waiting.gone(THERE) == 0.0
    assert batch(waiting, drops_only=True) == [Drop(5.0)]
    assert waiting.gone(HERE) == 5.0
    waiting.again(HERE)
    assert waiting.gone(HERE) == 5.0
    batch(waiting)
    waiting.done(HERE)
    assert waiting.gone(HERE) == 0.0
    assert len(waiting) == 0


def test_a_record_takes_the_place_of_a_removal_that_could_not_be_done() -> None:
    waiting = RedisWaiting(1 << 20)
    waiting.drop(HERE, 5.0)
    batch(waiting)
    waiting.put(HERE, record())
    waiting.again(HERE)
    assert [type(work) for work in batch(waiting)] == [Entry]


def test_records_are_given_up_and_removals_are_not() -> None:
    waiting, lease = RedisWaiting(1 << 20), Lease()
    waiting.put(HERE, record(lease=lease))
    waiting.drop(THERE, 5.0)
    assert batch(waiting, drops_only=True) == [Drop(5.0)]
    waiting.again(THERE)
    waiting.give_up()
    assert lease.told == [False]
    assert waiting.octets == 0
    assert batch(waiting) == [Drop(5.0)]


def test_with_too_many_removals_nothing_from_before_is_believed(monkeypatch: Any) -> None:
    monkeypatch.setattr(redis_waiting, "MOST_DROPS", 2)
    waiting = RedisWaiting(1 << 20)
    for number in range(3):
        waiting.drop((b"%d" % number, bytes(8)), 10.0 + number)
    assert waiting.gone(HERE) == 12.0
    assert len(waiting) == 2
