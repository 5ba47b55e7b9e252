from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.api import Monotonic, WallTime
from plugins.idempotency.memory import MemoryStore
from plugins.idempotency.record import Answer, Record
from plugins.idempotency.store import Begun, Done, Running

WALL = WallTime(0)


def a_store(most: int = 1 << 20, keep: float = 100.0) -> MemoryStore:
    store = MemoryStore()
    store.bounds.join(store, most, keep)
    return store


def a_record(body: bytes = b"x") -> Record:
    return Record(b"f", Answer(200, None, (), body))


def begin(store: MemoryStore, name: bytes = b"n", now: float = 0) -> Any:
    return store.begin(name, Monotonic(now), WALL)


def finished(store: MemoryStore, name: bytes, now: float = 0, body: bytes = b"x") -> None:
    found = begin(store, name, now)
    assert isinstance(found, Begun)
    store.finish(name, found.claim, a_record(body), Monotonic(now), WALL)


def test_the_first_is_told_so_the_next_to_wait_and_later_ones_what_came_of_it() -> None:
    store = a_store()
    first = begin(store)
    assert isinstance(first, Begun)
    assert isinstance(begin(store), Running)
    store.finish(b"n", first.claim, a_record(), Monotonic(0), WALL)
    assert begin(store) == Done(a_record())
    assert isinstance(begin(store, b"other"), Begun)


def test_a_name_that_was_released_is_free_again() -> None:
    store = a_store()
    store.release(b"n", begin(store).claim)
    assert isinstance(begin(store), Begun)


def test_an_old_claim_releases_nothing() -> None:
    store = a_store()
    old = begin(store).claim
    store.release(b"n", old)
    begin(store)
    store.release(b"n", old)
    assert isinstance(begin(store), Running)


def test_a_record_is_kept_for_its_time() -> None:
    store = a_store(keep=10)
    finished(store, b"n")
    assert isinstance(begin(store, now=9.9), Done)
    assert isinstance(begin(store, now=10), Begun)
    assert store.size() == (0, 0)


def test_looking_claims_nothing() -> None:
    store = a_store()
    assert store.look(b"n", Monotonic(0), WALL) is None
    assert isinstance(begin(store), Begun)
    assert isinstance(store.look(b"n", Monotonic(0), WALL), Running)


def test_the_oldest_go_when_there_is_too_much_and_that_is_counted() -> None:
    store = a_store(most=3 * a_record().octets)
    for number in range(5):
        finished(store, b"%d" % number)
    assert store.size() == (3, 3 * a_record().octets)
    assert store.evicted == 2
    assert isinstance(begin(store, b"0"), Begun)
    assert isinstance(begin(store, b"4"), Done)


class Keys(RuleBasedStateMachine):
    """With room enough nothing that was begun is begun again before it was released or its time is over."""

    def __init__(self) -> None:
        super().__init__()
        self.store = a_store(keep=50)
        self.now = 0.0
        self.claims: dict[bytes, object] = {}
        self.done: dict[bytes, float] = {}

    @rule(name=st.sampled_from([b"a", b"b", b"c"]))
    def begin(self, name: bytes) -> None:
        found = begin(self.store, name, self.now)
        if name in self.claims:
            assert isinstance(found, Running)
        elif self.done.get(name, -1) > self.now:
            assert isinstance(found, Done)
        else:
            assert isinstance(found, Begun)
            self.claims[name] = found.claim

    @rule(data=st.data(), keeps=st.booleans())
    def end(self, data: st.DataObject, keeps: bool) -> None:
        if self.claims:
            name = data.draw(st.sampled_from(sorted(self.claims)))
            claim = self.claims.pop(name)
            if keeps:
                self.store.finish(name, claim, a_record(), Monotonic(self.now), WALL)
                self.done[name] = self.now + 50
            else:
                self.store.release(name, claim)

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def octets_add_up(self) -> None:
        records, octets = self.store.size()
        assert octets == records * a_record().octets


TestKeys = Keys.TestCase
