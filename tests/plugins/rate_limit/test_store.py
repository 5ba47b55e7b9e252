import gc

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from gateway.api import Monotonic
from plugins.rate_limit.gcra import Gcra
from plugins.rate_limit.store import Bucket, Charge, MemoryStore

START = Monotonic(1000)


def a_bucket(store: MemoryStore, name: str = "a", quota: int = 10, burst: int = 3) -> Bucket:
    return store.bucket(name, Gcra(quota, 10.0, burst), 100)


def one(bucket: Bucket, key: bytes = b"k", cost: int = 1, *, dry: bool = False) -> Charge:
    return (bucket, key, cost, dry)


def test_a_key_may_take_its_burst() -> None:
    store = MemoryStore()
    bucket = a_bucket(store)
    assert [store.take([one(bucket)], START).refused for _ in range(5)] == [False, False, False, True, True]
    assert not store.take([one(bucket, b"other")], START).refused


def test_a_request_that_one_limit_refuses_takes_nothing_from_the_others() -> None:
    store = MemoryStore()
    wide, narrow = a_bucket(store, "wide", burst=3), a_bucket(store, "narrow", burst=1)
    assert not store.take([one(wide), one(narrow)], START).refused
    for _ in range(5):
        refused = store.take([one(wide), one(narrow)], START)
        assert (refused.refused, [standing.fits for standing in refused.standings]) == (True, [True, False])
    assert store.peek([one(wide)], START).standings[0].remaining == 1


def test_the_longest_wait_is_what_counts() -> None:
    store = MemoryStore()
    slow, fast = a_bucket(store, "slow", quota=1, burst=1), a_bucket(store, "fast", quota=10, burst=1)
    store.take([one(slow), one(fast)], START)
    taken = store.take([one(slow), one(fast)], START)
    assert taken.wait == taken.standings[0].wait > taken.standings[1].wait > 0


def test_a_dry_run_refuses_nobody_and_keeps_its_own_count() -> None:
    store = MemoryStore()
    bucket = a_bucket(store, burst=1)
    outcomes = [store.take([one(bucket, dry=True)], START) for _ in range(3)]
    assert [taken.refused for taken in outcomes] == [False] * 3
    assert [taken.standings[0].fits for taken in outcomes] == [True, False, False]
    assert not store.take([one(bucket, dry=True)], Monotonic(START + 1.0)).refused


def test_looking_takes_nothing() -> None:
    store = MemoryStore()
    bucket = a_bucket(store, burst=1)
    for _ in range(3):
        assert not store.peek([one(bucket)], START).refused


def test_what_a_request_really_cost_is_charged_and_given_back() -> None:
    store = MemoryStore()
    bucket = a_bucket(store, burst=3)
    store.take([one(bucket)], START)
    store.correct(bucket, b"k", 2, START)
    assert store.take([one(bucket)], START).refused
    store.correct(bucket, b"k", -1, START)
    assert not store.take([one(bucket)], START).refused


def test_a_debt_ends_even_after_an_absurd_cost() -> None:
    store = MemoryStore()
    bucket = a_bucket(store, quota=10, burst=3)
    store.correct(bucket, b"k", 10**9, START)
    assert store.peek([one(bucket)], START).wait < 2 * 3.001 + 1


def test_a_limit_is_kept_while_somebody_has_it() -> None:
    store = MemoryStore()
    before = a_bucket(store)
    store.take([one(before, cost=3)], START)
    after = a_bucket(store)
    del before
    assert store.take([one(after)], START).refused
    del after
    gc.collect()
    assert not store.take([one(a_bucket(store))], START).refused


def two_workers() -> tuple[MemoryStore, Bucket, MemoryStore, Bucket, list[str]]:
    here, there = MemoryStore(), MemoryStore()
    told: list[str] = []
    here.pending = lambda: told.append("here")
    there.pending = lambda: told.append("there")
    return here, a_bucket(here), there, a_bucket(there), told


def test_what_one_worker_let_through_counts_in_the_other() -> None:
    here, at_home, there, abroad, told = two_workers()
    for _ in range(3):
        here.take([one(at_home)], START)
    assert told == ["here"]
    news = here.news(10)
    assert news == [("a", "k", 3)]
    there.hear(news, START)
    assert there.take([one(abroad)], START).refused
    assert not there.has_news


def test_what_both_let_through_is_paid_back_by_both() -> None:
    here, at_home, there, abroad, _ = two_workers()
    for store, bucket in ((here, at_home), (there, abroad)):
        for _ in range(3):
            assert not store.take([one(bucket)], START).refused
    there.hear(here.news(10), START)
    here.hear(there.news(10), START)
    for store, bucket in ((here, at_home), (there, abroad)):
        assert 3.9 < store.peek([one(bucket)], START).wait <= 4.01


def test_news_are_told_in_parts_and_never_grow_without_end() -> None:
    here, at_home, *_ = two_workers()
    here.most_news = 7
    for number in range(20):
        here.take([one(at_home, b"%d" % number)], START)
    first, second = here.news(5), here.news(5)
    assert (len(first), len(second), here.has_news) == (5, 2, False)


def test_keys_of_any_octets_survive_the_way() -> None:
    here, at_home, there, abroad, _ = two_workers()
    key = bytes(range(256))
    here.take([one(at_home, key, 3)], START)
    there.hear(here.news(5), START)
    assert there.take([one(abroad, key)], START).refused


def test_news_of_a_limit_that_nobody_has_are_passed_over() -> None:
    store = MemoryStore()
    store.hear([("unknown", "k", 3)], START)


class TwoWorkers(RuleBasedStateMachine):
    """However requests fall on workers, the gateway lets no more through than the rate, the burst of each worker, and
    what was on its way between them."""

    def __init__(self) -> None:
        super().__init__()
        here, at_home, there, abroad, _ = two_workers()
        self.sides = [(here, at_home), (there, abroad)]
        self.now = 0.0
        self.let_through = 0

    @rule(side=st.integers(0, 1))
    def ask(self, side: int) -> None:
        store, bucket = self.sides[side]
        self.let_through += not store.take([one(bucket)], Monotonic(START + self.now)).refused
        assert self.let_through <= 2 * 3 + self.now + 1e-6

    @rule()
    def tell(self) -> None:
        for teller, hearer in ((0, 1), (1, 0)):
            self.sides[hearer][0].hear(self.sides[teller][0].news(100), Monotonic(START + self.now))
        self.told_at = self.let_through

    @rule(seconds=st.floats(0, 5))
    def wait(self, seconds: float) -> None:
        self.tell()
        self.now += seconds


TestTwoWorkers = TwoWorkers.TestCase
