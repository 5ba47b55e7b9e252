from gateway.api import Decision, Reason
from gateway.figures.registry import Figures
from plugins.cache.figures import CacheFigures
from plugins.cache.filling import Filling
from plugins.cache.reasons import HitReason, MissReason, NotStoredReason
from plugins.cache.store import MemoryStore
from tests.support.stored_responses import stored_response


class Elsewhere(Reason):
    """A reason of another plugin."""

    OTHER = "other"


def test_a_request_counts_by_what_the_cache_decided_last() -> None:
    figures = Figures.in_memory()
    counting = CacheFigures(figures, "shop")
    trail = [counting.outcome(reason)[1] for reason in (MissReason.STALE, HitReason.REVALIDATED)]
    counting.count([*trail, Decision("breaker", Elsewhere.OTHER), Decision("cache", Elsewhere.OTHER)])
    assert figures.value("cache_requests_total", route="shop", outcome="revalidated") == 1
    assert figures.value("cache_requests_total", route="shop", outcome="stale") == 0


def test_why_an_answer_was_not_stored_is_no_outcome_of_its_request() -> None:
    figures = Figures.in_memory()
    counting = CacheFigures(figures, "shop")
    counting.count([counting.outcome(MissReason.URI_MISS)[1], counting.of_not_stored(NotStoredReason.METHOD)[2]])
    assert figures.value("cache_requests_total", route="shop", outcome="uri_miss") == 1
    assert figures.value("cache_requests_total", route="shop", outcome="method") == 0


def test_a_request_that_nothing_was_decided_about_does_not_count() -> None:
    figures = Figures.in_memory()
    CacheFigures(figures, "shop").count([Decision("breaker", Elsewhere.OTHER)])
    assert sum(figures.row) == 0


def test_the_same_reason_has_the_same_counter_and_decision() -> None:
    counting = CacheFigures(Figures.in_memory(), "shop")
    assert counting.outcome(HitReason.FRESH) is counting.outcome(HitReason.FRESH)
    assert counting.outcome(HitReason.FRESH)[1] == Decision("cache", HitReason.FRESH)


def test_what_was_not_stored_counts_with_the_time_that_it_took() -> None:
    figures = Figures.in_memory()
    counting = CacheFigures(figures, "shop")
    for seconds in (0.5, 0.25, -1.0):
        counting.not_stored(NotStoredReason.PRIVATE, seconds)
    assert figures.value("cache_not_stored_total", route="shop", reason="private") == 3
    assert figures.value("cache_not_stored_seconds_total", route="shop", reason="private") == 0.75


def test_the_size_of_the_store_is_shown() -> None:
    figures = Figures.in_memory()
    store = MemoryStore(2**20)
    store.put(stored_response(octets=1000))
    filling = Filling(1000)
    filling.reserve(300)
    shop = CacheFigures(figures, "shop")
    shop.show(store, filling)
    assert figures.value("cache_entries") == 1
    assert figures.value("cache_bytes") == store.used > 1000
    assert figures.value("cache_filling_bytes") == 300
    shop.show_nothing()
    assert [figures.value(f"cache_{name}") for name in ("entries", "bytes", "filling_bytes")] == [0, 0, 0]
