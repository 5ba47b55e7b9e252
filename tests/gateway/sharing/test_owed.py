"""What has still to be told, and what is told once more."""

from __future__ import annotations

from gateway.sharing.owed import MOST_NAMES, REMEMBERED_SECONDS, Owed, new_identity
from gateway.sharing.words import ALL
from gateway.tiers.frame import digests
from gateway.tiers.tier import PurgeOrder


def order(*names: bytes) -> PurgeOrder:
    return PurgeOrder(labels=names)


def pay(owed: Owed, now: float = 0.0) -> PurgeOrder:
    debt = owed.next()
    assert debt is not None
    owed.told(debt, now)
    return debt[1]


def test_what_is_owed_stays_so_until_it_was_told() -> None:
    owed = Owed()
    assert not owed
    owed.add("1", order(b"a"))
    first = owed.next()
    assert first == ("1", order(b"a"))
    assert owed.next() is first
    owed.told(first, 0.0)
    assert not owed
    assert owed.next() is None


def test_purges_that_nobody_waits_for_go_together_each_name_once() -> None:
    owed = Owed()
    for name in (b"a", b"b", b"a"):
        owed.gather(order(name))
    assert pay(owed) == order(b"a", b"b")
    assert not owed


def test_purges_go_in_messages_of_a_bounded_length() -> None:
    owed = Owed()
    for number in range(100):
        owed.gather(order(b"%04d" % number * 100))
    told = []
    while owed:
        told.append(pay(owed))
    assert len(told) > 1
    assert sum(len(each.labels) for each in told) == 100


def test_records_are_held_against_what_is_owed() -> None:
    owed = Owed()
    owed.gather(order(b"a"))
    owed.gather(order(b"a"))
    owed.add("1", PurgeOrder(labels=(b"b",), soft=True))
    assert owed.pending.hit(digests((b"a",)), b"name") is True
    assert owed.pending.hit(digests((b"b",)), b"name") is False
    while owed:
        pay(owed)
    assert owed.pending.hit(digests((b"a", b"b")), b"name") is None


def test_with_too_many_names_everything_is_owed() -> None:
    owed = Owed()
    owed.gather(order(*(b"%d" % number for number in range(MOST_NAMES))))
    owed.gather(order(b"one more"))
    assert owed.pending.hit(digests((ALL.labels[0],)), b"name") is True
    assert pay(owed) == ALL
    assert not owed
    assert owed.pending.hit(digests((ALL.labels[0],)), b"name") is None


def test_a_lost_log_is_told_once_more_what_it_was_told_lately() -> None:
    owed = Owed()
    for identity, at in (("old", 0.0), ("new", REMEMBERED_SECONDS), ("newer", REMEMBERED_SECONDS + 1)):
        owed.add(identity, order(identity.encode()))
        pay(owed, at)
    owed.add("waits", order(b"waits"))
    assert owed.owe_again(REMEMBERED_SECONDS + 2) == 2
    assert [pay(owed, 0.0).labels for _ in range(3)] == [(b"new",), (b"newer",), (b"waits",)]


def test_what_is_told_while_the_log_is_lost_is_told_again() -> None:
    owed = Owed()
    owed.add("1", order(b"a"))
    debt = owed.next()
    owed.add("2", order(b"b"))
    assert debt is not None
    owed.told(debt, 0.0)
    owed.owe_again(1.0)
    assert pay(owed) == order(b"a")


def test_identities_differ() -> None:
    assert new_identity() != new_identity()
