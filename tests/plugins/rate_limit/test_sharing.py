from gateway.api import Monotonic
from plugins.rate_limit.gcra import Gcra
from plugins.rate_limit.sharing import MOST, Shared


def test_everything_is_told_in_messages_of_bounded_length() -> None:
    shared = Shared()
    bucket = shared.store.bucket("a", Gcra(10, 1.0, 10), 100_000)
    shared.store.pending = lambda: None
    for number in range(MOST + 10):
        shared.store.take([(bucket, b"%d" % number, 1, False)], Monotonic(5))
    shared.is_telling = True
    first, second = shared.next_news(), shared.next_news()
    assert (len(first or ()), len(second or ())) == (MOST, 10)
    assert shared.is_telling
    assert shared.next_news() is None
    assert not shared.is_telling


def test_what_is_heard_is_charged() -> None:
    here, there = Shared(), Shared()
    mine = here.store.bucket("a", Gcra(10, 1.0, 2), 100)
    theirs = there.store.bucket("a", Gcra(10, 1.0, 2), 100)
    there.store.pending = lambda: None
    there.store.take([(theirs, b"k", 2, False)], Monotonic(5))
    here.hear({"news": there.next_news()}, Monotonic(5))
    assert here.store.take([(mine, b"k", 1, False)], Monotonic(5)).refused
