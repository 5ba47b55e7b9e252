import pytest

from plugins.cache.purge import Purge
from plugins.cache.selection import EVERYTHING, ByKey, ByPrefix, ByRoute, ByTag, ByUrl, Selector
from plugins.cache.store import Ending, MemoryStore, Put
from tests.support.stored_responses import contents, stored_response


def full_store() -> MemoryStore:
    store = MemoryStore(10_000_000)
    for number in range(100):
        key = b"http://shop.example/%s/%02d" % (b"cats" if number % 2 else b"dogs", number)
        for variant in (b"de", b"en"):
            tags = [b"even" if number % 2 == 0 else b"odd", b"all"]
            store.put(stored_response(key, variant=variant, tags=tags, route="low" if number < 10 else "high"))
    return store


SELECTORS: list[tuple[Selector, int]] = [
    (ByKey(b"http://shop.example/cats/07"), 2),
    (ByUrl(b"http://shop.example/cats/07"), 2),
    (ByPrefix(b"http://shop.example/dogs/"), 100),
    (ByTag(b"odd"), 100),
    (ByTag(b"none"), 0),
    (ByRoute("low"), 20),
    (EVERYTHING, 200),
]


@pytest.mark.parametrize(("selector", "count"), SELECTORS)
def test_a_purge_removes_what_it_means_and_nothing_else(selector: Selector, count: int) -> None:
    store = full_store()
    spared = {(stored.key, stored.variant) for stored in store if not selector.matches(stored)}
    purge = Purge(store, selector)
    purge.run()
    assert purge.count == count
    assert contents(store) == spared
    assert store.endings[Ending.PURGED] == count


@pytest.mark.parametrize(("selector", "count"), SELECTORS)
def test_a_dry_run_counts_the_same_and_changes_nothing(selector: Selector, count: int) -> None:
    store = full_store()
    before, used, epoch = contents(store), store.used, store.epoch
    rehearsal = Purge(store, selector, dry_run=True)
    rehearsal.run()
    assert (contents(store), store.used, store.epoch) == (before, used, epoch)
    purge = Purge(store, selector)
    purge.run()
    assert (rehearsal.count, rehearsal.octets) == (purge.count, purge.octets)
    assert purge.count == count


def test_a_soft_purge_makes_stale_and_removes_nothing() -> None:
    store = full_store()
    purge = Purge(store, ByTag(b"odd"), soft=True)
    purge.run()
    assert purge.count == 100
    assert len(store) == 200
    assert all(stored.soft_purged == (b"odd" in stored.tags) for stored in store)


def test_a_step_looks_at_no_more_than_it_was_told() -> None:
    store = full_store()
    purge = Purge(store, ByTag(b"all"))
    assert purge.step(most=30)
    assert (purge.count, len(store)) == (30, 170)
    while purge.step(most=30):
        pass
    assert (purge.count, len(store)) == (200, 0)


def test_what_leaves_between_steps_is_not_counted_and_what_comes_stays() -> None:
    store = full_store()
    purge = Purge(store, EVERYTHING)
    purge.step(most=50)
    gone = [stored for stored in store if stored.route == "high"][:10]
    store.remove_all(gone, Ending.EVICTED)
    store.put(stored_response(b"new"), since=store.epoch)
    purge.run()
    assert contents(store) == {(b"new", b"")}
    assert purge.count == 190


def test_a_purge_means_answers_under_way_as_well() -> None:
    store = full_store()
    asked = store.epoch
    Purge(store, ByTag(b"odd")).run()
    assert store.put(stored_response(b"late", tags=[b"odd"]), since=asked) is Put.PURGED_MEANWHILE
    assert store.put(stored_response(b"late", tags=[b"even"]), since=asked) is Put.STORED
