"""What a purge means for records that were asked for before it and after it."""

from __future__ import annotations

from gateway.sharing.rows import PurgeRows
from gateway.tiers.frame import digests
from gateway.tiers.tier import EVERYTHING, PurgeOrder


def labels(*names: bytes) -> bytes:
    return digests((EVERYTHING, *names))


def order(*names: bytes, soft: bool = False) -> PurgeOrder:
    return PurgeOrder(labels=names, soft=soft)


def test_a_purge_means_what_was_asked_for_before_it() -> None:
    rows = PurgeRows()
    rows.note(order(b"tag a"), 10)
    assert rows.hit(labels(b"tag a"), b"name", 9) is True
    assert rows.hit(labels(b"tag a"), b"name", 10) is None
    assert rows.hit(labels(b"tag b"), b"name", 9) is None


def test_a_soft_purge_is_known_as_one_and_gives_way_to_a_hard_one() -> None:
    rows = PurgeRows()
    rows.note(order(b"tag a"), 5)
    rows.note(order(b"tag a", soft=True), 10)
    assert rows.hit(labels(b"tag a"), b"name", 7) is False
    assert rows.hit(labels(b"tag a"), b"name", 4) is True
    rows.note(order(b"tag b"), 11)
    assert rows.hit(labels(b"tag a", b"tag b"), b"name", 7) is True


def test_everything_is_a_label_of_every_record() -> None:
    rows = PurgeRows()
    rows.note(order(EVERYTHING), 3)
    assert rows.hit(labels(), b"name", 2) is True
    assert rows.hit(labels(), b"name", 3) is None


def test_prefixes_are_held_against_names() -> None:
    rows = PurgeRows()
    rows.note(PurgeOrder(prefixes=(b"http://a/",)), 3)
    rows.note(PurgeOrder(prefixes=(b"http://a/b",), soft=True), 4)
    assert rows.hit(labels(), b"http://a/x", 2) is True
    assert rows.hit(labels(), b"http://a/bc", 3) is False
    assert rows.hit(labels(), b"http://b/", 2) is None


def test_what_is_older_than_the_oldest_row_is_not_believed() -> None:
    rows = PurgeRows(most=2)
    for number, name in enumerate((b"a", b"b", b"c"), 1):
        rows.note(order(name), number)
    assert rows.floor == 1
    assert rows.hit(labels(b"z"), b"name", 0) is True
    assert rows.hit(labels(b"z"), b"name", 1) is None


def test_a_row_that_is_named_again_stays() -> None:
    rows = PurgeRows(most=2)
    for number, name in enumerate((b"a", b"b", b"a", b"c"), 1):
        rows.note(order(name), number)
    assert rows.floor == 2
    assert rows.hit(labels(b"a"), b"name", 2) is True


def test_prefixes_are_bounded_too() -> None:
    rows = PurgeRows(most_prefixes=1)
    rows.note(PurgeOrder(prefixes=(b"a",)), 1)
    rows.note(PurgeOrder(prefixes=(b"b",)), 2)
    assert rows.floor == 1


def test_where_purges_are_unknown_nothing_from_before_is_believed() -> None:
    rows = PurgeRows()
    rows.believe_none_before(7)
    assert (rows.floor, rows.latest) == (7, 7)
    assert rows.hit(labels(), b"name", 6) is True
    assert rows.hit(labels(), b"name", 7) is None


def test_with_a_key_digests_are_of_that_key() -> None:
    rows = PurgeRows(names=b"secret")
    rows.note(order(b"tag a"), 10)
    assert rows.hit(digests((b"tag a",), b"secret"), b"name", 1) is True
    assert rows.hit(digests((b"tag a",)), b"name", 1) is None
