from plugins.cache.filling import Filling
from plugins.cache.reasons import NotStoredReason

MARK = (b"http://shop.example/", b"")
VARIANT = (b"http://shop.example/", b"accept=text/html")


def test_one_answer_for_each_key_and_variant_is_on_its_way() -> None:
    filling = Filling(100)
    assert filling.begin(MARK, 0, 10) is None
    assert filling.begin(MARK, 0, 10) is NotStoredReason.FILLING
    assert filling.begin(VARIANT, 0, 10) is None
    assert (MARK in filling, VARIANT in filling, filling.octets) == (True, True, 20)
    filling.end(MARK, 0, 10)
    assert MARK not in filling
    assert filling.begin(MARK, 0, 10) is None


def test_one_from_before_a_purge_keeps_no_later_one_out() -> None:
    filling = Filling(100)
    filling.begin(MARK, 0, 10)
    assert filling.begin(MARK, 1, 20) is None
    assert filling.begin(MARK, 1, 20) is NotStoredReason.FILLING
    filling.end(MARK, 0, 10)
    assert (MARK in filling, filling.octets) == (True, 20)
    filling.end(MARK, 1, 20)
    assert (MARK in filling, filling.octets) == (False, 0)


def test_the_later_one_may_come_first() -> None:
    filling = Filling(100)
    filling.begin(MARK, 0, 10)
    filling.begin(MARK, 1, 20)
    filling.end(MARK, 1, 20)
    assert MARK not in filling
    filling.end(MARK, 0, 10)
    assert filling.octets == 0


def test_where_there_is_no_room_nothing_is_taken() -> None:
    filling = Filling(100)
    assert filling.begin(MARK, 0, 101) is NotStoredReason.CROWDED
    assert (MARK in filling, filling.octets) == (False, 0)
    assert filling.begin(MARK, 0, 100) is None
    assert not filling.reserve(1)
    assert filling.begin(VARIANT, 0, 1) is NotStoredReason.CROWDED
    filling.release(40)
    assert filling.reserve(40)
