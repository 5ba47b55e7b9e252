import pytest

from gateway.api import WallTime
from plugins.cache.store import Ending, MemoryStore
from plugins.cache.stored import NEVER, StoredResponse
from tests.support.stored_responses import ends_of, freshening, stored_response


def in_a_store(limit: int = 1_000_000, octets: int = 100) -> tuple[MemoryStore, StoredResponse]:
    store, stored = MemoryStore(limit), stored_response(octets=octets)
    store.put(stored)
    return store, stored


def test_a_use_is_counted_and_dated() -> None:
    stored = stored_response()
    assert (stored.uses, stored.last_used) == (0, NEVER)
    stored.use(WallTime(7.0))
    stored.use(WallTime(8.0))
    assert (stored.uses, stored.last_used) == (2, 8.0)


def test_what_is_derived_is_made_once() -> None:
    _, stored = in_a_store()
    asked: list[StoredResponse] = []

    def shout(response: StoredResponse) -> bytes:
        asked.append(response)
        return response.body.upper()

    assert stored.derive("upper", shout) is stored.derive("upper", shout)
    assert asked == [stored]
    assert stored.derived("upper") == stored.body.upper()
    assert stored.derived("lower") is None


def test_nothing_is_a_result_too() -> None:
    _, stored = in_a_store()
    calls: list[int] = []
    for _ in range(2):
        assert stored.derive("is it worth it?", lambda _: calls.append(1)) is None
    assert calls == [1]


def test_what_is_derived_counts_in_the_size_of_response_and_store() -> None:
    store, stored = in_a_store()
    size, used = stored.size, store.used
    stored.derive("copy", lambda _: bytes(5000))
    grown = stored.size - size
    assert 5000 < grown < 6000
    assert store.used == used + grown
    stored.derive("large", lambda _: b"", lambda _: 70_000)
    assert stored.size - size > 75_000


def test_keeping_something_again_counts_the_difference() -> None:
    _, stored = in_a_store()
    stored.keep("page", b"", 5000)
    size = stored.size
    assert stored.keep("page", b"", 4000)
    assert stored.size == size - 1000


def test_what_would_make_the_response_too_large_is_given_but_not_kept() -> None:
    store, stored = in_a_store()
    store.entry_limit = 10_000
    size = stored.size
    assert stored.keep("small", b"s", 1)
    assert len(stored.derive("large", lambda _: bytes(10_000))) == 10_000
    assert stored.derived("large") is None
    assert not stored.keep("small", b"t", 10_000)
    assert stored.derived("small") == b"s"
    assert stored.size < size + 1000
    assert stored.is_stored


def test_deriving_from_one_response_may_push_out_another() -> None:
    store, first = in_a_store(limit=10_000, octets=3000)
    second = stored_response(b"http://shop.example/2", octets=1000)
    store.put(second)
    second.derive("copy", lambda _: bytes(3000))
    assert not first.is_stored
    assert store.used <= store.limit


def test_what_has_left_the_store_derives_without_asking_it() -> None:
    store, stored = in_a_store()
    store.entry_limit = 1000
    store.remove(stored, Ending.EVICTED)
    used = store.used
    assert stored.derive("copy", lambda _: bytes(5000)) is stored.derived("copy")
    assert store.used == used


def test_what_is_derived_before_storing_counts_when_stored() -> None:
    stored = stored_response()
    stored.derive("copy", lambda _: bytes(5000))
    MemoryStore(1_000_000).put(stored)
    assert stored.size == stored.measure() > 5000


def test_freshening_forgets_what_was_derived_but_not_what_was_made_of_the_body_alone() -> None:
    store, stored = in_a_store()
    stored.derive("gzip", lambda _: b"body", of_body=True)
    stored.derive("head", lambda _: b"fields")
    store.freshen(stored, freshening())
    assert stored.derived("gzip") == b"body"
    assert stored.derived("head") is None
    assert stored.size == stored.measure()


def test_whoever_waits_for_the_end_hears_it_once() -> None:
    store, stored = in_a_store()
    ended, too = ends_of(stored), ends_of(stored)
    store.remove(stored, Ending.PURGED)
    store.remove(stored, Ending.PURGED)
    assert ended == too == [stored]


def test_whoever_waits_for_the_end_of_what_is_in_no_store_hears_it_at_once() -> None:
    assert len(ends_of(stored_response())) == 1


@pytest.mark.parametrize("change", ["freshen", "soften", "replace"])
def test_a_change_ends_what_the_response_was(change: str) -> None:
    store, stored = in_a_store()
    ended = ends_of(stored)
    if change == "freshen":
        store.freshen(stored, freshening())
    elif change == "soften":
        store.soften_all([stored])
    else:
        store.put(stored_response())
    assert ended == [stored]


def test_freshening_takes_over_all_that_a_validation_says() -> None:
    stored = stored_response(tags=[b"old"])
    by = freshening(fields=[(b"A", b"1")], at=9.0, lifetime=5.0, tags=[b"new"])
    stored.freshen(by)
    for name in by.__slots__:
        assert getattr(stored, name) is getattr(by, name)


def test_its_text_does_not_show_the_content() -> None:
    assert len(repr(stored_response(octets=10_000))) < 200
