import pytest

from gateway.api import WallTime
from plugins.cache.selection import ByKey, ByTag, ByUrl
from plugins.cache.store import MOST_ABSENCES, SLICE, Ending, MemoryStore, Put
from plugins.cache.stored import StoredResponse
from tests.support.stored_responses import contents, ends_of, freshening, stored_response

URL = b"http://shop.example/"


def large_store(**about: int) -> MemoryStore:
    return MemoryStore(1_000_000, **about)


def numbered(count: int, octets: int = 1000) -> list[StoredResponse]:
    return [stored_response(b"%d" % number, octets=octets) for number in range(count)]


def test_what_was_put_is_found_by_its_key() -> None:
    store, stored = large_store(), stored_response(URL)
    assert store.get(URL) is None
    assert store.put(stored) is Put.STORED
    assert store.get(URL) == (stored,)
    assert (len(store), store.keys) == (1, 1)
    assert store.used >= stored.size > 100


def test_variants_of_a_key_stand_beside_each_other_the_newest_in_front() -> None:
    store = large_store()
    german, english = stored_response(URL, variant=b"de"), stored_response(URL, variant=b"en")
    store.put(german)
    store.put(english)
    assert store.get(URL) == (english, german)
    assert (len(store), store.keys) == (2, 1)


def test_a_response_takes_the_place_of_the_one_with_its_key_and_variant_and_its_uses() -> None:
    store = large_store()
    old, other, new = stored_response(URL), stored_response(URL, variant=b"x"), stored_response(URL)
    store.put(old)
    store.put(other)
    old.use(WallTime(1))
    store.put(new)
    assert store.get(URL) == (new, other)
    assert (new.uses, new.last_used) == (1, 1.0)
    assert not old.is_stored
    assert store.endings[Ending.REPLACED] == 1


def test_a_response_is_put_into_a_store_once() -> None:
    store, stored = large_store(), stored_response()
    store.put(stored)
    with pytest.raises(ValueError, match="is in a store"):
        store.put(stored)


def test_of_too_many_variants_the_least_used_goes_and_never_the_newest() -> None:
    store = large_store(most_variants=3)
    variants = [stored_response(URL, variant=b"%d" % number) for number in range(4)]
    for number, stored in enumerate(variants[:3]):
        store.put(stored)
        stored.uses = (2, 1, 1)[number]
        stored.last_used = WallTime((5.0, 4.0, 6.0)[number])
    store.put(variants[3])
    assert store.get(URL) == (variants[3], variants[2], variants[0])
    assert store.endings[Ending.VARIANTS] == 1


def test_when_there_is_no_room_what_nobody_used_leaves() -> None:
    store = MemoryStore(30_000)
    ended = []
    for stored in numbered(30):
        store.put(stored)
        ended.append(ends_of(stored))
    assert 5 < len(store) < 30
    assert store.used <= store.limit
    assert store.get(b"0") is None
    assert store.get(b"29") is not None
    assert store.endings[Ending.EVICTED] == 30 - len(store) == sum(map(len, ended))


def test_a_response_over_the_limit_for_one_is_refused_and_what_it_would_replace_goes() -> None:
    store = large_store(entry_limit=10_000)
    store.put(stored_response(URL))
    assert store.put(stored_response(URL, octets=10_000)) is Put.TOO_LARGE
    assert store.get(URL) is None
    assert store.largest == 10_000


def test_a_response_larger_than_the_store_is_refused_and_pushes_nothing_out() -> None:
    store = MemoryStore(20_000)
    store.put(stored_response(URL))
    assert store.put(stored_response(b"large", octets=20_000)) is Put.TOO_LARGE
    assert store.get(URL) is not None


def test_an_answer_asked_for_before_a_purge_is_not_stored_after_it() -> None:
    store = large_store()
    asked = store.epoch
    store.note_purge(ByKey(URL), soft=False)
    newer = stored_response(URL)
    assert store.put(newer, since=store.epoch) is Put.STORED
    assert store.put(stored_response(URL), since=asked) is Put.PURGED_MEANWHILE
    assert store.get(URL) == (newer,)


def test_an_answer_asked_for_before_a_soft_purge_is_stored_stale() -> None:
    store, stored = large_store(), stored_response(URL)
    asked = store.epoch
    store.note_purge(ByKey(URL), soft=True)
    assert store.put(stored, since=asked) is Put.STORED
    assert stored.soft_purged


def test_freshening_keeps_the_response_and_moves_it_in_front() -> None:
    store = large_store()
    first, second = stored_response(URL, variant=b"1"), stored_response(URL, variant=b"2")
    store.put(first)
    store.put(second)
    store.soften_all([first])
    assert store.freshen(first, freshening(lifetime=99.0))
    assert store.get(URL) == (first, second)
    assert (first.lifetime, first.soft_purged) == (99.0, False)


def test_freshening_changes_size_and_tags() -> None:
    store, stored = large_store(), stored_response(tags=[b"old", b"both"])
    store.put(stored)
    size = stored.size
    store.freshen(stored, freshening(fields=[(b"A", b"a" * 1000), (b"B", b"b")], tags=[b"new", b"both"]))
    assert stored.size == stored.measure() > size
    assert [list(store.candidates(ByTag(tag))) for tag in (b"old", b"both", b"new")] == [[], [stored], [stored]]


def test_what_left_during_its_validation_is_freshened_and_can_be_put_again() -> None:
    store, stored = large_store(), stored_response(tags=[b"old"])
    store.put(stored)
    store.remove(stored, Ending.EVICTED)
    assert not store.freshen(stored, freshening(tags=[b"new"]))
    assert store.put(stored) is Put.STORED
    assert list(store.candidates(ByTag(b"new"))) == [stored]


def test_a_validation_that_began_before_a_purge_freshens_nothing() -> None:
    store, stored, softened = large_store(), stored_response(b"1"), stored_response(b"2")
    store.put(stored)
    store.put(softened)
    asked = store.epoch
    store.note_purge(ByKey(b"1"), soft=False)
    store.note_purge(ByKey(b"2"), soft=True)
    assert not store.freshen(stored, freshening(tags=[b"new"]), since=asked)
    assert store.freshen(softened, freshening(), since=asked)
    assert contents(store) == {(b"2", b"")}
    assert softened.soft_purged


def test_removing_takes_one_variant_and_leaves_the_others() -> None:
    store = large_store()
    first, second = stored_response(URL, variant=b"1"), stored_response(URL, variant=b"2")
    store.put(first)
    store.put(second)
    store.remove(first, Ending.PURGED)
    assert store.get(URL) == (second,)
    store.remove(second, Ending.PURGED)
    assert store.get(URL) is None


def test_an_empty_store_is_as_empty_as_a_new_one() -> None:
    store, new = large_store(), large_store()
    for number, stored in enumerate(numbered(20)):
        stored.tags = frozenset({b"all", b"%d" % number})
        stored.key += b"\nlang=de"
        store.put(stored)
    store.remove_all(list(store), Ending.PURGED)
    assert (len(store), store.keys, store.used) == (0, 0, new.used)


def test_invalidating_a_url_takes_every_key_of_it_and_answers_under_way() -> None:
    store = large_store()
    asked = store.epoch
    keys = [URL, URL + b"\nlang=de", URL + b"other", b"http://other.example/"]
    for key in keys:
        store.put(stored_response(key))
    assert store.invalidate(URL) == 2
    assert contents(store) == {(key, b"") for key in keys[2:]}
    assert store.put(stored_response(URL + b"\nlang=en"), since=asked) is Put.PURGED_MEANWHILE
    assert store.endings[Ending.INVALIDATED] == 2


def test_a_soft_purge_makes_stale_once() -> None:
    store, stored = large_store(), stored_response()
    store.put(stored)
    first = ends_of(stored)
    store.soften_all([stored])
    assert stored.soft_purged
    second = ends_of(stored)
    store.soften_all([stored])
    assert (len(first), len(second)) == (1, 0)


def test_a_lower_limit_is_reached_in_steps_and_keeps_what_fits() -> None:
    store = MemoryStore(2_000_000)
    responses = numbered(3 * SLICE, octets=10)
    for stored in responses:
        store.put(stored)
    before, target = len(store), store.used // 10
    steps = 1
    while not store.resize(target):
        assert len(store) == before - SLICE * steps
        assert store.used <= store.limit
        steps += 1
    assert steps == 3
    assert store.limit == target
    assert store.used > 0.9 * target
    assert store.get(responses[-1].key) is not None


def test_a_higher_limit_is_reached_at_once_and_loses_nothing() -> None:
    store = MemoryStore(30_000)
    for stored in numbered(30):
        store.put(stored)
    kept = contents(store)
    assert store.resize(1_000_000)
    store.put(stored_response(URL))
    assert contents(store) == kept | {(URL, b"")}


def test_tags_and_urls_take_room_too() -> None:
    bare, tagged, longer = MemoryStore(200_000), MemoryStore(200_000), MemoryStore(200_000)
    for number in range(200):
        bare.put(stored_response(b"%030d" % number))
        tagged.put(stored_response(b"%030d" % number, tags=[b"%d" % number]))
        longer.put(stored_response(b"%028d\nx" % number))
    assert len(tagged) < len(longer) < len(bare)
    assert max(store.used for store in (bare, tagged, longer)) <= 200_000


def test_the_store_is_in_agreement_though_a_callback_fails() -> None:
    store, stored = MemoryStore(20_000), stored_response(b"0", octets=9000)

    def fail(_: StoredResponse) -> None:
        raise RuntimeError("a broken promise")

    store.put(stored)
    stored.on_end(fail)
    ended = ends_of(stored)
    with pytest.raises(RuntimeError, match="a broken promise"):
        store.put(stored_response(b"1", octets=9000))
    assert ended == [stored]
    assert contents(store) == {(b"1", b"")}
    assert (store.get(b"0"), store.keys) == (None, 1)


def test_candidates_are_those_of_the_moment() -> None:
    store = large_store()
    for stored in numbered(3):
        store.put(stored)
    candidates = store.candidates(ByUrl(b"1"))
    store.put(stored_response(b"1"))
    assert [stored.is_stored for stored in candidates] == [False]


def test_an_absence_ends_when_something_is_stored_for_its_key() -> None:
    store = MemoryStore(100_000)
    absence, other = store.absence(b"http://shop.example/a"), store.absence(b"http://shop.example/b")
    assert absence is not None
    assert other is not None
    assert store.absence(b"http://shop.example/a") is absence
    store.put(stored_response(b"http://shop.example/a"))
    assert (absence.holds, other.holds) == (False, True)
    assert store.absence(b"http://shop.example/a") is None


def test_absences_that_are_watched_are_bounded() -> None:
    store = MemoryStore(100_000)
    first = store.absence(b"first")
    for number in range(MOST_ABSENCES):
        last = store.absence(b"%d" % number)
    assert first is not None
    assert last is not None
    assert (first.holds, last.holds) == (False, True)
    store.put(stored_response(b"%d" % (MOST_ABSENCES - 1)))
    assert not last.holds
