from typing import Any

import pytest

from gateway.api import WallTime
from gateway.http.validators import EntityTag
from plugins.cache.store import Ending, MemoryStore
from plugins.cache.stored import StoredResponse
from plugins.cache.sweeping import MOST_ROWS, SLICE, Scan, Sweeper, Wanted, held, identity
from tests.support.stored_responses import stored_response

NOW = WallTime(1000.0)
A = b"http://shop.example/a"


def tagged(key: bytes = A, **given: Any) -> StoredResponse:
    """A stored response with a validator, fresh for a minute from now on."""
    stored = stored_response(key, **({"at": NOW} | given))
    stored.etag = EntityTag(b"v", False)
    return stored


def found(*responses: StoredResponse, **message: Any) -> list[bytes]:
    """The keys that a sweep finds among those."""
    store = MemoryStore(2**24)
    for stored in responses:
        store.put(stored)
    scan = Scan("1", store, Wanted.of(message), NOW)
    while scan.step():
        pass
    return [key for key, _ in scan.marks]


def test_without_a_choice_everything_is_meant() -> None:
    keys = [b"http://shop.example/%d" % number for number in range(2 * SLICE)]
    assert sorted(found(*map(tagged, keys))) == sorted(keys)


@pytest.mark.parametrize(
    "choice",
    [
        {"routes": ["shop"]},
        {"tags": ["t"]},
        {"prefixes": ["http://shop.example/a"]},
        {"routes": ["shop"], "tags": ["t"]},
    ],
)
def test_what_is_chosen_is_found_once(choice: dict[str, list[str]]) -> None:
    assert found(tagged(A, route="shop", tags=[b"t", b"u"]), tagged(b"http://other.example/"), **choice) == [A]


@pytest.mark.parametrize("prefix", ["HTTP://Shop.Example/a", "http://shop.example:80", "http://shop.example"])
def test_a_prefix_is_written_as_clients_write_urls(prefix: str) -> None:
    assert found(tagged(A), tagged(b"http://shop.example.org/"), prefixes=[prefix]) == [A]


def test_a_prefix_that_is_no_url_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a URL"):
        found(prefixes=["/images"])


def test_choices_add_up() -> None:
    others = [tagged(b"http://other.example/%d" % number, route="other") for number in range(3)]
    assert len(found(tagged(A, tags=[b"t"]), *others, tags=["t"], routes=["other"])) == 4


def test_what_is_fresh_for_long_may_be_left_alone() -> None:
    soon, late, purged = tagged(b"http://s/"), tagged(b"http://l/"), tagged(b"http://p/")
    late.lifetime = 600.0
    purged.lifetime = 600.0
    store = MemoryStore(2**20)
    for stored in (soon, late, purged):
        store.put(stored)
    store.soften_all([purged])
    scan = Scan("1", store, Wanted.of({"within": 60.0}), NOW)
    scan.step()
    assert {key for key, _ in scan.marks} == {b"http://s/", b"http://p/"}


@pytest.mark.parametrize(("fetch", "count"), [(False, 0), (True, 1)])
def test_what_has_no_validator_is_fetched_only_where_that_is_wanted(fetch: bool, count: int) -> None:
    store = MemoryStore(2**20)
    store.put(stored_response(at=NOW))
    scan = Scan("1", store, Wanted.of({"fetch": fetch}), NOW)
    scan.step()
    assert (len(scan.marks), scan.unconfirmable) == (count, 1 - count)


def test_a_part_is_left_alone() -> None:
    assert found(tagged(A, variant=b"\0part\0"), fetch=True) == []


def test_what_leaves_before_it_comes_up_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.cache.sweeping.SLICE", 1)
    store, both = MemoryStore(2**20), [tagged(A), tagged(A + b"b")]
    for stored in both:
        store.put(stored)
    scan = Scan("1", store, Wanted.of({}), NOW)
    assert scan.step()
    for stored in both:
        store.remove(stored, Ending.PURGED)
    while scan.step():
        pass
    assert len(scan.marks) == 1


def test_a_scan_ends_where_there_is_more_than_a_sweep_can_be_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.cache.sweeping.SLICE", 2)
    monkeypatch.setattr("plugins.cache.sweeping.MOST_SCANNED", 3)
    assert len(found(*[tagged(b"http://shop.example/%d" % number) for number in range(10)])) == 4


def test_a_row_says_what_is_needed_to_choose() -> None:
    store, stored = MemoryStore(2**20), tagged(A, route="shop", octets=7, origin_seconds=0.25)
    store.put(stored)
    stored.uses = 3
    scan = Scan("1", store, Wanted.of({}), NOW)
    scan.step()
    assert scan.rows(store, 0, 100.0) == [[0, identity(stored), "shop", 1100.0, 1160.0, 3, 0.25, 7]]


def test_rows_come_in_pages_and_without_what_has_left_meanwhile() -> None:
    store = MemoryStore(2**24)
    for number in range(MOST_ROWS + 5):
        store.put(tagged(b"http://shop.example/%d" % number))
    scan = Scan("1", store, Wanted.of({}), NOW)
    while scan.step():
        pass
    first = held(store, scan.marks[0])
    assert first is not None
    store.remove(first, Ending.EVICTED)
    assert [row[0] for row in scan.rows(store, 0, 0.0)] == list(range(1, MOST_ROWS))
    assert [row[0] for row in scan.rows(store, MOST_ROWS, 0.0)] == list(range(MOST_ROWS, MOST_ROWS + 5))


def test_the_same_answer_is_the_same_in_every_worker() -> None:
    one, other = tagged(), tagged(at=5.0, octets=3)
    assert identity(one) == identity(other)


@pytest.mark.parametrize("changed", ["key", "variant", "etag", "last_modified"])
def test_another_question_has_another_identity(changed: str) -> None:
    one, other = tagged(), tagged(variant=b"x") if changed == "variant" else tagged(A + b"b" * (changed == "key"))
    if changed == "etag":
        other.etag = EntityTag(b"v", True)
    if changed == "last_modified":
        other.last_modified = WallTime(1.0)
    assert identity(one) != identity(other)


def test_one_sweep_at_a_time_is_under_way() -> None:
    sweeper = Sweeper(MemoryStore(2**20))
    with pytest.raises(LookupError, match="'1'"):
        sweeper.of({"run": "1"})
    first = sweeper.begin({"run": "1"}, NOW)
    assert sweeper.of({"run": "1"}) is first
    sweeper.begin({"run": "2"}, NOW)
    with pytest.raises(LookupError):
        sweeper.of({"run": "1"})
    sweeper.end({"run": "1"})
    assert sweeper.of({"run": "2"}).run == "2"
    sweeper.end({"run": "2"})
    assert sweeper.scan is None
