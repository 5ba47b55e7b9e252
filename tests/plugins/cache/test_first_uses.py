from plugins.cache.first_uses import LEAST, FirstUses
from plugins.cache.store import MemoryStore
from tests.support.stored_responses import stored_response

MIB = 1024 * 1024


def key(number: int) -> bytes:
    return b"http://shop.example/%d" % number


def filled(limit: int, octets: int) -> MemoryStore:
    """A store that has no room left."""
    store = MemoryStore(limit)
    for number in range(2 * limit // octets):
        store.put(stored_response(b"filler %d" % number, octets=octets))
    return store


def test_the_second_use_is_not_the_first() -> None:
    uses = FirstUses(MemoryStore(MIB))
    assert [uses.is_first(key(1)), uses.is_first(key(2)), uses.is_first(key(1)), uses.is_first(key(1))] == [
        True,
        True,
        False,
        False,
    ]


def test_a_use_that_comes_after_as_many_others_as_a_full_memory_holds_is_a_first_one_again() -> None:
    store = filled(4 * MIB, 100_000)
    uses = FirstUses(store)
    assert uses.is_full
    assert len(store) < LEAST
    firsts = sum(uses.is_first(key(number)) for _ in range(3) for number in range(20 * LEAST))
    assert firsts == 3 * 20 * LEAST


def test_while_there_is_room_uses_are_remembered_for_longer() -> None:
    uses = FirstUses(MemoryStore(1024 * MIB))
    assert not uses.is_full
    wanted = 20 * LEAST
    assert sum(uses.is_first(key(number)) for number in range(wanted)) == wanted
    again = sum(uses.is_first(key(number)) for number in range(wanted))
    assert again < wanted / 2, "a mark may take the place of another one, most may not"


def test_it_goes_by_what_memory_holds_now() -> None:
    store = MemoryStore(MIB)
    uses = FirstUses(store)
    states = [uses.is_full]
    for number in range(20):
        store.put(stored_response(key(number), octets=100_000))
    uses.fit()
    states.append(uses.is_full)
    store.resize(64 * MIB)
    uses.fit()
    assert [*states, uses.is_full] == [False, True, False]
