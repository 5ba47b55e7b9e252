import pytest

from gateway.api import WallTime
from gateway.http.validators import EntityTag
from plugins.cache.confirmations import MOST_OCTETS, Confirmations, take_over
from plugins.cache.store import MemoryStore
from plugins.cache.stored import StoredResponse
from tests.support.stored_responses import stored_response

TAG = EntityTag(b"a", False)


def response(at: float, **given: object) -> StoredResponse:
    """A stored response of that moment, with those attributes."""
    stored = stored_response(at=at)
    for name, value in given.items():
        setattr(stored, name, value)
    return stored


def told(*confirmed: StoredResponse, shift: float = 0.0) -> list[str]:
    """What the others are told of responses that were confirmed."""
    confirmations = Confirmations()
    for stored in confirmed:
        confirmations.add(stored, shift)
    return confirmations.take() or []


def held(**given: object) -> tuple[MemoryStore, StoredResponse]:
    store, stored = MemoryStore(2**20), response(1000.0, etag=TAG, **given)
    store.put(stored)
    return store, stored


def test_what_another_worker_had_confirmed_is_fresh_here_too() -> None:
    store, stored = held(body=b"ours")
    ended: list[StoredResponse] = []
    stored.on_end(ended.append)
    assert take_over(told(response(1050.0, etag=TAG, lifetime=90.0, body=b"")), store, 0.0) == 1
    assert (stored.response_time, stored.lifetime, stored.body) == (1050.0, 90.0, b"ours")
    assert ended == [stored], "what answered without looking has to look again"


def test_workers_count_time_each_by_its_own_clock() -> None:
    store, stored = held()
    assert take_over(told(response(550.0, etag=TAG), shift=600.0), store, 100.0) == 1
    assert stored.response_time == 1050.0


@pytest.mark.parametrize("etag", [None, EntityTag(b"b", False), EntityTag(b"a", True)])
def test_other_validators_are_another_question(etag: EntityTag | None) -> None:
    store, stored = held()
    assert take_over(told(response(1050.0, etag=etag)), store, 0.0) == 0
    assert stored.response_time == 1000.0


def test_a_date_is_a_validator_too() -> None:
    store, stored = MemoryStore(2**20), response(1000.0, last_modified=WallTime(5.0))
    store.put(stored)
    assert take_over(told(response(1050.0, last_modified=WallTime(6.0))), store, 0.0) == 0
    assert take_over(told(response(1050.0, last_modified=WallTime(5.0))), store, 0.0) == 1


def test_without_validators_nothing_was_confirmed() -> None:
    store, stored = MemoryStore(2**20), response(1000.0)
    store.put(stored)
    assert take_over(told(response(1050.0)), store, 0.0) == 0


def test_news_from_before_ours_is_old() -> None:
    store, stored = held()
    assert take_over(told(response(999.0, etag=TAG)), store, 0.0) == 0
    assert stored.response_time == 1000.0


def test_what_was_purged_softly_stays_so() -> None:
    store, stored = held()
    store.soften_all([stored])
    assert take_over(told(response(1050.0, etag=TAG)), store, 0.0) == 0
    assert stored.soft_purged


@pytest.mark.parametrize("other", [{"key": b"http://shop.example/other"}, {"variant": b"accept=x"}])
def test_it_is_about_one_variant_of_one_key(other: dict[str, bytes]) -> None:
    store, stored = held()
    assert take_over(told(response(1050.0, etag=TAG, **other)), store, 0.0) == 0
    assert stored.response_time == 1000.0


@pytest.mark.parametrize("record", ["", "no record", "\u20ac", "\x01" + "\xff" * 8])
def test_what_cannot_be_read_is_no_news(record: str) -> None:
    store, _ = held()
    assert take_over([record], store, 0.0) == 0


def test_one_sends_and_the_rest_gathers() -> None:
    confirmations, stored = Confirmations(), response(1000.0, etag=TAG)
    assert confirmations.add(stored, 0.0)
    assert not confirmations.add(stored, 0.0)
    assert len(confirmations.take() or []) == 2
    assert confirmations.take() is None
    assert confirmations.add(stored, 0.0), "whoever was sending is done"
    confirmations.stop()
    assert confirmations.add(stored, 0.0)


def test_what_gathers_is_bounded() -> None:
    confirmations = Confirmations()
    large = response(1000.0, key=b"http://shop.example/" + b"x" * (MOST_OCTETS // 4))
    for _ in range(10):
        confirmations.add(large, 0.0)
    assert 1 <= len(confirmations.take() or []) <= 4
