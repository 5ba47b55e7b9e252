from gateway.api import Monotonic
from plugins.coalesce.known import NOTHING, Fact, Known
from plugins.coalesce.reasons import ApartReason

AT_FIVE = Fact(Monotonic(5.0), apart=ApartReason.PRIVATE)


def test_a_fact_holds_for_its_time() -> None:
    known = Known()
    known.learn(b"/a", b"x", AT_FIVE)
    assert known.recall(b"/a", b"x", Monotonic(4.9)) is AT_FIVE
    assert known.has(b"/a")
    assert known.recall(b"/a", b"x", Monotonic(5.0)) is NOTHING
    assert not known.has(b"/a")
    assert len(known) == 0


def test_facts_are_about_what_is_asked() -> None:
    known = Known()
    known.learn(b"/a", b"x", AT_FIVE)
    assert known.recall(b"/a", b"y", Monotonic(0.0)) is NOTHING
    assert known.recall(b"/b", b"x", Monotonic(0.0)) is NOTHING
    assert not known.has(b"/b")


def test_the_latest_fact_counts() -> None:
    known = Known()
    public = Fact(Monotonic(9.0), for_everybody=True)
    known.learn(b"/a", b"x", AT_FIVE)
    known.learn(b"/a", b"x", public)
    assert known.recall(b"/a", b"x", Monotonic(0.0)) is public
    assert len(known) == 1
    known.forget(b"/a", b"x")
    assert known.recall(b"/a", b"x", Monotonic(0.0)) is NOTHING
    assert not known.has(b"/a")


def test_a_target_is_known_as_long_as_anything_about_it_is() -> None:
    known = Known()
    for common in (b"x", b"y"):
        known.learn(b"/a", common, AT_FIVE)
    known.forget(b"/a", b"x")
    assert known.has(b"/a")
    known.forget(b"/a", b"y")
    known.forget(b"/a", b"y")
    assert not known.has(b"/a")


def test_however_many_targets_there_are_so_many_facts_are_kept() -> None:
    known = Known(most=3)
    for number in range(100):
        known.learn(b"/%d" % number, b"x", AT_FIVE)
    assert len(known) == 3
    assert [known.has(b"/%d" % number) for number in (96, 97, 98, 99)] == [False, True, True, True]
