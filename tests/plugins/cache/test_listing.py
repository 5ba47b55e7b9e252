import pytest

from gateway.api import WallTime
from plugins.cache.listing import MOST_ROWS, Listing, Order, Row, Search
from plugins.cache.selection import ByRoute, ByTag
from plugins.cache.store import Ending, MemoryStore
from tests.support.stored_responses import stored_response


def full_store() -> MemoryStore:
    store = MemoryStore(10_000_000)
    for number in range(100):
        stored = stored_response(
            b"http://shop.example/%02d" % (number * 37 % 100),
            octets=number * 10,
            tags=[b"odd"] if number % 2 else [],
            route="low" if number < 10 else "high",
            status=404 if number == 50 else 200,
            at=float(number * 7 % 100),
            origin_seconds=number * 3 % 100 / 100,
        )
        store.put(stored)
        stored.uses = number * 11 % 100
        stored.last_used = WallTime(number * 13 % 100)
    return store


def listed(store: MemoryStore, search: Search, step: int = 1000) -> list[Row]:
    listing = Listing(store, search)
    while listing.step(step):
        pass
    return listing.page()


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("descending", [False, True])
def test_pages_side_by_side_are_the_whole_list_in_order(order: Order, descending: bool) -> None:
    store = full_store()
    rows = [
        row
        for offset in range(0, 120, 30)
        for row in listed(store, Search(order=order, descending=descending, offset=offset, most=30), step=7)
    ]
    name = "octets" if order is Order.SIZE else order.value
    values = [getattr(row, name) for row in rows]
    assert values == sorted(values, reverse=descending)
    assert {row.key for row in rows} == {stored.key for stored in store}
    assert len(rows) == 100


def test_equal_values_are_ordered_by_key() -> None:
    store = MemoryStore(1_000_000)
    for key in (b"c", b"a", b"b"):
        store.put(stored_response(key))
    assert [row.key for row in listed(store, Search(order=Order.USES))] == [b"a", b"b", b"c"]


@pytest.mark.parametrize(
    ("search", "count"),
    [
        (Search(text=b"EXAMPLE/4"), 10),
        (Search(text=b"nowhere"), 0),
        (Search(status=404), 1),
        (Search(among=ByTag(b"odd")), 50),
        (Search(among=ByRoute("low")), 10),
        (Search(among=ByRoute("low"), text=b"/0"), 1),
        (Search(most=5), 100),
    ],
)
def test_a_search_counts_what_it_finds_on_all_pages(search: Search, count: int) -> None:
    store = full_store()
    listing = Listing(store, search)
    while listing.step(9):
        pass
    found = [stored for stored in store if search.matches(stored)]
    assert listing.count == len(found) == count
    assert listing.octets == sum(stored.size for stored in found)
    assert len(listing.page()) == min(count, search.most)


def test_a_page_does_not_show_what_left_while_it_was_looked_for() -> None:
    store = full_store()
    listing = Listing(store, Search(most=1000))
    listing.step(10)
    seen = {row.key for row in listing.page()}
    store.remove_all([stored for stored in store if stored.key not in seen], Ending.EVICTED)
    while listing.step():
        pass
    assert {row.key for row in listing.page()} == seen


def test_no_page_goes_beyond_the_bound_on_rows() -> None:
    store = full_store()
    assert listed(store, Search(offset=MOST_ROWS, most=50)) == []


def test_a_row_says_what_is_known_of_a_response() -> None:
    store = MemoryStore(1_000_000)
    stored = stored_response(b"key", variant=b"v", octets=7, tags=[b"b", b"a"], route="r", at=3.0, origin_seconds=0.25)
    store.put(stored)
    stored.use(WallTime(5.0))
    store.soften_all([stored])
    (row,) = listed(store, Search())
    assert row == Row(
        key=b"key",
        variant=b"v",
        route="r",
        status=200,
        content_octets=7,
        octets=stored.size,
        stored_at=WallTime(3.0),
        response_time=WallTime(3.0),
        corrected_initial_age=0.0,
        lifetime=60.0,
        last_used=WallTime(5.0),
        uses=1,
        origin_seconds=0.25,
        tags=(b"a", b"b"),
        soft_purged=True,
    )
