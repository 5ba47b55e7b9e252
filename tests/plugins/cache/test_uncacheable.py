from plugins.cache.reasons import NotStoredReason
from plugins.cache.uncacheable import Uncacheable
from tests.support.caching import wall


def test_a_key_is_remembered_for_so_long() -> None:
    memory = Uncacheable(10)
    memory.remember(b"a", NotStoredReason.NO_STORE, wall(0))
    assert memory.recall(b"a", wall(9.9)) is NotStoredReason.NO_STORE
    assert memory.recall(b"b", wall(0)) is None
    assert memory.recall(b"a", wall(10)) is None
    assert len(memory) == 0


def test_the_last_reason_counts_and_lasts_anew() -> None:
    memory = Uncacheable(10)
    memory.remember(b"a", NotStoredReason.NO_STORE, wall(0))
    memory.remember(b"a", NotStoredReason.SET_COOKIE, wall(5))
    assert memory.recall(b"a", wall(14)) is NotStoredReason.SET_COOKIE


def test_the_oldest_makes_room() -> None:
    memory = Uncacheable(10, most=2)
    for at, key in enumerate((b"a", b"b", b"a", b"c")):
        memory.remember(key, NotStoredReason.PRIVATE, wall(3 * at))
    assert [memory.recall(key, wall(9)) is not None for key in (b"a", b"b", b"c")] == [True, False, True]
    assert len(memory) == 2


def test_a_key_that_is_known_already_takes_nobodys_room() -> None:
    memory = Uncacheable(10, most=2)
    for key in (b"a", b"b", b"b"):
        memory.remember(key, NotStoredReason.PRIVATE, wall(0))
    assert memory.recall(b"a", wall(1)) is NotStoredReason.PRIVATE


def test_an_answer_that_was_stored_after_all_is_no_longer_uncacheable() -> None:
    memory = Uncacheable(10)
    memory.remember(b"a", NotStoredReason.PRIVATE, wall(0))
    memory.remember(b"b", NotStoredReason.PRIVATE, wall(0))
    memory.forget(b"a")
    assert memory.recall(b"a", wall(1)) is None
    memory.clear()
    assert memory.recall(b"b", wall(1)) is None


def test_nothing_is_remembered_for_no_time() -> None:
    memory = Uncacheable(0)
    memory.remember(b"a", NotStoredReason.PRIVATE, wall(0))
    assert len(memory) == 0
