import math
import threading
from collections.abc import Callable

import pytest

from gateway.tiers import waiting as module
from gateway.tiers.tier import PurgeOrder
from gateway.tiers.waiting import Waiting
from tests.support.tiering import PATIENCE, record

ONE = record(body=b"x" * 1000)


def test_what_is_beyond_the_limit_is_refused() -> None:
    waiting = Waiting(2 * ONE.octets)
    assert [waiting.put(place, ONE) for place in (b"1", b"2", b"3")] == [True, True, False]
    assert waiting.octets == 2 * ONE.octets


def test_the_newest_counts_for_a_place() -> None:
    waiting = Waiting(10 * ONE.octets)
    waiting.put(b"1", ONE)
    waiting.put(b"1", ONE)
    assert waiting.octets == ONE.octets
    waiting.drop(b"1")
    assert (waiting.octets, waiting.work) == (0, {b"1": None})


def test_what_is_being_written_waits_until_it_is_done() -> None:
    waiting = Waiting(10 * ONE.octets)
    waiting.put(b"1", ONE)
    batch, _, _ = waiting.batch(1)
    assert b"1" in waiting.work
    waiting.done(batch, 0)
    assert (waiting.is_empty, waiting.octets) == (True, 0)


def test_whoever_looks_meanwhile_can_tell_that_a_batch_has_ended() -> None:
    waiting = Waiting(10 * ONE.octets)
    waiting.put(b"1", ONE)
    batch, _, _ = waiting.batch(1)
    before = waiting.ended
    waiting.done(batch, 0)
    assert waiting.ended != before


def test_what_came_while_its_place_was_written_still_waits() -> None:
    waiting = Waiting(10 * ONE.octets)
    waiting.put(b"1", ONE)
    batch, _, _ = waiting.batch(1)
    later = record(body=b"later")
    waiting.put(b"1", later)
    waiting.done(batch, 0)
    assert waiting.work == {b"1": later}
    assert waiting.octets == later.octets


def test_what_could_not_be_written_is_to_be_removed() -> None:
    waiting = Waiting(10 * ONE.octets)
    waiting.put(b"1", ONE)
    waiting.give_up(waiting.batch(1)[0])
    assert (waiting.work, waiting.octets) == ({b"1": None}, 0)


def test_a_batch_is_not_much_larger_than_wanted() -> None:
    waiting = Waiting(100 * ONE.octets)
    for number in range(10):
        waiting.put(b"%d" % number, ONE)
    assert len(waiting.batch(3 * ONE.octets)[0]) == 3


def test_uses_add_up_and_are_handed_over_once() -> None:
    waiting = Waiting(0)
    waiting.use({b"1": 2})
    waiting.use({b"1": 3})
    assert waiting.batch(1)[2] == {b"1": 5}
    assert waiting.batch(1)[2] == {}


def test_too_much_to_remove_means_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_DROPS", 2)
    purge = PurgeOrder(labels=(b"a",))
    drops, purges = Waiting(0), Waiting(0)
    for number in range(3):
        assert [drops.is_overflowed, purges.is_overflowed] == [False, False]
        drops.drop(b"%d" % number)
        assert purges.purge(purge, None) == (number < 2)
    assert [drops.is_overflowed, purges.is_overflowed] == [True, True]
    assert [len(drops.work), len(purges.purges)] == [2, 2]


def gathers(waiting: Waiting) -> None:
    waiting.gather(10 * PATIENCE, 2 * ONE.octets)


def waits(waiting: Waiting) -> None:
    waiting.wait(10 * PATIENCE)


@pytest.mark.parametrize(
    ("rests", "news"),
    [
        (waits, lambda waiting: waiting.put(b"1", ONE)),
        (waits, lambda waiting: waiting.drop(b"1")),
        (waits, lambda waiting: waiting.purge(PurgeOrder(), None)),
        (waits, Waiting.close),
        (gathers, lambda waiting: [waiting.put(place, ONE) for place in (b"1", b"2")]),
        (gathers, lambda waiting: waiting.purge(PurgeOrder(), None)),
        (gathers, Waiting.close),
    ],
)
def test_the_thread_is_woken_when_there_is_enough_to_do(
    rests: Callable[[Waiting], None], news: Callable[[Waiting], object]
) -> None:
    waiting = Waiting(10 * ONE.octets)
    thread = threading.Thread(target=rests, args=(waiting,))
    thread.start()
    while math.isinf(waiting._enough):
        assert thread.is_alive()
    news(waiting)
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_the_thread_is_not_woken_for_each_record() -> None:
    waiting = Waiting(10 * ONE.octets)
    woken: list[float] = []
    waiting._news.notify = lambda n=1: woken.append(waiting.octets)  # type: ignore[method-assign]  # looks on
    waiting._enough = 3 * ONE.octets
    for number in range(4):
        waiting.put(b"%d" % number, ONE)
    assert woken == [3 * ONE.octets, 4 * ONE.octets]
