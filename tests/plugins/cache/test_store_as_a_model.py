"""The store beside a naive model of it: whatever is done to it, its limit holds and its tables agree."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.api import WallTime
from plugins.cache.purge import Purge
from plugins.cache.selection import EVERYTHING, ByKey, ByPrefix, ByRoute, ByTag, ByUrl, Selector
from plugins.cache.store import Ending, MemoryStore, Put
from plugins.cache.stored import StoredResponse
from tests.support.stored_responses import freshening, stored_response

KEYS = st.sampled_from([b"/a", b"/a\nx", b"/a\ny", b"/ab", b"/b", b"/b\nx", b"/c"])
VARIANTS = st.sampled_from([b"", b"1", b"2", b"3"])
TAGS = st.frozensets(st.sampled_from([b"red", b"green", b"blue"]))
ROUTES = st.sampled_from(["one", "two"])
SELECTORS: st.SearchStrategy[Selector] = st.one_of(
    KEYS.map(ByKey),
    st.sampled_from([b"/a", b"/b"]).map(ByUrl),
    st.sampled_from([b"/", b"/a"]).map(ByPrefix),
    st.sampled_from([b"red", b"green"]).map(ByTag),
    ROUTES.map(ByRoute),
    st.just(EVERYTHING),
)
LIMITS = st.integers(3_000, 60_000)
MOST_VARIANTS = 3


class StoreMachine(RuleBasedStateMachine):
    """The model is a dictionary of what may be in the store; the store may have let go of any of it."""

    store: MemoryStore

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[tuple[bytes, bytes], StoredResponse] = {}
        self.ended: set[int] = set()
        self.waited_for: list[StoredResponse] = []
        self.removed: list[StoredResponse] = []
        self.steps: Purge | None = None

    @initialize(limit=LIMITS)
    def begin(self, limit: int) -> None:
        self.store = MemoryStore(limit, entry_limit=20_000, most_variants=MOST_VARIANTS)

    @rule(key=KEYS, variant=VARIANTS, octets=st.integers(0, 25_000), tags=TAGS, route=ROUTES)
    def put(self, key: bytes, variant: bytes, octets: int, tags: frozenset[bytes], route: str) -> None:
        stored = stored_response(key, variant=variant, octets=octets, tags=tags, route=route)
        old = self.model.pop((key, variant), None)
        if old is not None:
            self.removed.append(old)
        if self.store.put(stored, since=self.store.epoch) is Put.STORED:
            self.model[key, variant] = stored
            if stored.is_stored:
                stored.on_end(lambda gone: self.ended.add(id(gone)))
                self.waited_for.append(stored)
        else:
            assert stored.size > min(20_000, self.store.limit - 10_000)

    @rule(key=KEYS)
    def use(self, key: bytes) -> None:
        for stored in self.store.get(key) or ():
            stored.use(WallTime(1.0))

    @rule(key=KEYS, octets=st.integers(0, 5_000), of_body=st.booleans())
    def derive(self, key: bytes, octets: int, of_body: bool) -> None:
        for stored in self.store.get(key) or ():
            stored.derive(f"{octets}", lambda _: bytes(octets), of_body=of_body)

    @rule(key=KEYS, tags=TAGS, value=st.sampled_from([b"1", b"1" * 3_000]))
    def freshen(self, key: bytes, tags: frozenset[bytes], value: bytes) -> None:
        for stored in self.store.get(key) or ():
            self.store.freshen(stored, freshening(fields=[(b"A", value)], tags=tags), since=self.store.epoch)

    @rule(key=KEYS)
    def remove(self, key: bytes) -> None:
        for stored in self.store.get(key) or ():
            self.store.remove(stored, Ending.PURGED)
            self._expect_gone([stored])

    @rule(url=st.sampled_from([b"/a", b"/b"]))
    def invalidate(self, url: bytes) -> None:
        self.store.invalidate(url)
        self._expect_gone([stored for stored in self.model.values() if ByUrl(url).matches(stored)])

    @rule(selector=SELECTORS, soft=st.booleans())
    def purge(self, selector: Selector, soft: bool) -> None:
        meant = [stored for stored in self.model.values() if stored.is_stored and selector.matches(stored)]
        rehearsal, purge = Purge(self.store, selector, dry_run=True), Purge(self.store, selector, soft=soft)
        rehearsal.run()
        purge.run()
        assert (rehearsal.count, rehearsal.octets) == (purge.count, purge.octets)
        assert purge.count == len(meant)
        if soft:
            assert all(stored.soft_purged for stored in meant)
        else:
            self._expect_gone(meant)

    @rule(selector=SELECTORS)
    def begin_a_purge(self, selector: Selector) -> None:
        self.steps = Purge(self.store, selector)

    @precondition(lambda self: self.steps is not None)
    @rule()
    def go_on_with_it(self) -> None:
        assert self.steps is not None
        self.steps.step(most=2)

    @rule(limit=LIMITS)
    def resize(self, limit: int) -> None:
        while not self.store.resize(limit):
            pass
        assert self.store.limit == limit

    def _expect_gone(self, gone: list[StoredResponse]) -> None:
        for stored in gone:
            assert not stored.is_stored
            self.model.pop((stored.key, stored.variant), None)
        self.removed += gone

    @invariant()
    def the_limit_holds(self) -> None:
        assert self.store.used <= self.store.limit
        assert self.store.used >= sum(stored.size for stored in self.store)

    @invariant()
    def sizes_are_what_is_measured(self) -> None:
        assert all(stored.size == stored.measure() for stored in self.store)

    @invariant()
    def nothing_is_found_that_was_not_put_or_was_removed(self) -> None:
        found: dict[Any, StoredResponse] = {}
        for stored in self.store:
            assert stored in (self.store.get(stored.key) or ())
            found[stored.key, stored.variant] = stored
        assert found.items() <= self.model.items()
        assert len(found) == len(self.store)
        assert not any(stored.is_stored for stored in self.removed)

    @invariant()
    def tables_hold_nothing_else(self) -> None:
        everything = [stored for key in {stored.key for stored in self.store} for stored in self.store.get(key) or ()]
        assert len(everything) == len(self.store)
        assert self.store.keys == len({stored.key for stored in self.store})
        assert all(len(self.store.get(stored.key) or ()) <= MOST_VARIANTS for stored in self.store)

    @invariant()
    def tags_and_urls_find_what_they_mean(self) -> None:
        for selector in (ByTag(b"red"), ByTag(b"green"), ByTag(b"blue"), ByUrl(b"/a"), ByUrl(b"/b")):
            assert set(self.store.candidates(selector)) == {one for one in self.store if selector.matches(one)}

    @invariant()
    def whatever_has_gone_has_been_told(self) -> None:
        assert all(id(stored) in self.ended for stored in self.waited_for if not stored.is_stored)


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
