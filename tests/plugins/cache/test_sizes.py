import gc
import tracemalloc
from collections.abc import Callable

import pytest

from gateway.api import Fields, WallTime
from gateway.http.response_head import ResponseHeads
from gateway.http.validators import EntityTag
from plugins.cache.sizes import octets_of, size_of
from plugins.cache.store import MemoryStore
from plugins.cache.stored import StoredResponse
from tests.support.stored_responses import stored_response

COUNT = 3000


def made_here(number: int) -> Fields:
    """Fields that share nothing with others."""
    return Fields([(b"X-%d-%d" % (number % 100, at), b"value %d" % number) for at in range(8)])


def from_the_wire(number: int) -> Fields:
    """Fields as an upstream's answer has them, every value its own."""
    lines = b"".join([b"X-%d: value %d\r\n" % (at, number) for at in range(8)])
    response, *_ = ResponseHeads().parse(b"HTTP/1.1 200 OK\r\n%bContent-Length: 9\r\n\r\n" % lines, "GET")
    return response.fields


def everything_of_its_own(number: int, fields: Fields, octets: int, tags: int) -> StoredResponse:
    """A response none of whose values is shared with another."""
    second = number + 0.5
    fields.encode()
    fields.get(b"etag")  # brings the index into being
    return StoredResponse(
        key=b"http://shop.example/things/%d" % number,
        variant=b"accept: %d" % number,
        request_fields=((b"accept", b"text/%d" % number),),
        status=200,
        fields=fields,
        body=b"%0*d" % (octets, number),
        request_time=WallTime(second),
        response_time=WallTime(second + 1),
        stored_at=WallTime(second + 2),
        corrected_initial_age=second + 3,
        lifetime=second + 4,
        origin_seconds=second + 5,
        last_used=WallTime(second + 6),
        last_modified=WallTime(second + 7),
        uses=number + 1000,
        etag=EntityTag(b"%d" % number),
        tags=frozenset([b"tag %d %d" % (number // 3, at) for at in range(tags)]),
    )


def allocated_by(fill: Callable[[], object]) -> int:
    """Octets that are still allocated when `fill` has returned, what it returned included."""
    gc.collect()
    tracemalloc.start()
    try:
        kept = fill()
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del kept
    return taken


@pytest.mark.parametrize("fields", [made_here, from_the_wire])
@pytest.mark.parametrize(("octets", "tags"), [(10, 0), (2000, 0), (2000, 4)])
def test_a_full_store_takes_no_more_memory_than_it_says_and_not_much_less(
    fields: Callable[[int], Fields], octets: int, tags: int
) -> None:
    def fill() -> MemoryStore:
        for number in range(COUNT):
            store.put(everything_of_its_own(number, fields(number), octets, tags))
        return store

    store = MemoryStore(1 << 40)
    taken = allocated_by(fill)
    assert len(store) == COUNT
    assert 0.65 * store.used < taken < store.used


def test_what_is_derived_takes_no_more_memory_than_it_says() -> None:
    responses = [stored_response() for _ in range(COUNT)]
    for stored in responses:
        stored.size = stored.measure()
    before = sum(stored.size for stored in responses)

    def derive_each() -> None:
        for stored in responses:
            stored.derive("gzip", lambda _: bytes(300))
            stored.derive("head", lambda _: (bytes(50), bytes(60)))

    taken = allocated_by(derive_each)
    said = sum(stored.size for stored in responses) - before
    assert 0.65 * said < taken < said


def test_every_part_counts() -> None:
    plain = size_of(stored_response())
    assert size_of(stored_response(octets=1100)) == plain + 1000
    assert size_of(stored_response(variant=b"1234")) == plain + 4
    assert size_of(stored_response(tags=[b"a"])) > plain
    assert size_of(stored_response(fields=[(b"A", b"1"), (b"B", b"2")])) > size_of(stored_response(fields=[]))


def test_the_size_of_something_derived_is_that_of_all_its_octets() -> None:
    assert octets_of(bytes(1000)) >= 1000
    assert octets_of((bytes(1000), [bytes(1000)])) >= 2000
    assert octets_of(Fields([(b"A", bytes(1000).replace(b"\0", b"a"))])) >= 1000
    assert octets_of(None) < 100
