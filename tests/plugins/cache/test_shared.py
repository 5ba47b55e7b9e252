from plugins.cache.key import Keyer
from plugins.cache.settings import CacheSettings
from plugins.cache.shared import ENTRY_OVERHEAD, Shared
from tests.support.plugins import ManualClock

MEBIBYTE = 2**20


def settings(**values: object) -> CacheSettings:
    return CacheSettings.model_validate(values)


def shared(**values: object) -> Shared:
    return Shared(settings(**values), ManualClock())


def join(store: Shared, name: str, **values: object) -> None:
    wanted = settings(**values)
    store.join(name, wanted, Keyer(wanted.key))


def test_the_widest_wish_counts_as_long_as_its_route_is_there() -> None:
    store = shared(memory="2MiB")
    wide, narrow = "wide", "narrow"
    join(store, wide, memory="64MiB", max_entry="4MiB", variants=20, max_filling="9MiB")
    join(store, narrow, memory="8MiB", max_entry="1MiB", variants=5, max_filling="3MiB")
    assert (store.memory, store.store.entry_limit, store.store.most_variants) == (
        64 * MEBIBYTE,
        4 * MEBIBYTE + ENTRY_OVERHEAD,
        20,
    )
    assert store.filling.limit == 9 * MEBIBYTE
    assert store.leave(wide)
    assert (store.memory, store.store.entry_limit, store.store.most_variants) == (
        8 * MEBIBYTE,
        MEBIBYTE + ENTRY_OVERHEAD,
        5,
    )
    assert store.filling.limit == 3 * MEBIBYTE
    assert not store.leave(narrow)
    assert store.memory == store.store.limit


def test_leaving_twice_or_without_having_joined_does_nothing() -> None:
    store = shared()
    join(store, "here")
    assert store.leave("stranger")
    assert not store.leave("here")
    assert not store.leave("here")


def test_only_a_second_upstream_is_marked_in_keys() -> None:
    store = shared()
    marks = [store.mark_of(upstream) for upstream in ("one", "two", "three", "one", "two")]
    assert marks == [b"", b"upstream two", b"upstream three", b"", b"upstream two"]


def test_a_target_has_the_form_of_each_route_and_its_own_once_each() -> None:
    store = shared()
    join(store, "plain")
    join(store, "sorting", key={"query": "sort"})
    join(store, "dropping", key={"drop": ["b"]})
    join(store, "again", key={"drop": ["b"]})
    assert list(store.targets(b"/?b=1&a=2")) == [b"/?b=1&a=2", b"/?a=2&b=1", b"/?a=2"]
    assert list(store.targets(b"/")) == [b"/"]
    for name in ("sorting", "dropping", "again"):
        store.leave(name)
    assert list(store.targets(b"/?b=1&a=2")) == [b"/?b=1&a=2"]


def test_time_runs_as_the_even_clock_does() -> None:
    clock = ManualClock(monotonic=5.0, wall=1000.0)
    store = Shared(settings(), clock)
    clock.advance(10)
    clock._wall += 3600
    assert store.steady.at(clock.monotonic()) == 1010.0
