from typing import Any

import pytest

from gateway.api import Monotonic, Response, WallTime
from plugins.cache.freshness import SteadyTime
from plugins.cache.replaying import Replays, changing_lines
from plugins.cache.status import CacheStatus
from plugins.cache.store import Ending, MemoryStore
from plugins.cache.stored import StoredResponse
from tests.support.plugins import FieldsLike, make_request, make_response
from tests.support.stored_responses import freshening, stored_response

STEADY = SteadyTime(wall=1000.0, monotonic=0.0)


class Shop:
    """One stored response and the replays of one route."""

    def __init__(self, reads: frozenset[bytes] = frozenset(), limit: int = 2**20, **stored: Any) -> None:
        self.store = MemoryStore(limit)
        self.stored = stored_response(at=1000.0, **stored)
        self.store.put(self.stored)
        self.counted = 0.0
        self.replays = Replays("replay", STEADY, CacheStatus("slipstream"), reads, self._count)

    def _count(self, times: float) -> None:
        self.counted += int(times)

    def let(self, fields: FieldsLike = (), by: Replays | None = None) -> Response:
        response = make_response()
        (by or self.replays).let(make_request(fields=fields), response, self.stored, 5.0)
        return response


def test_a_stored_response_has_one_replay() -> None:
    shop = Shop()
    first, second = shop.let(), shop.let()
    assert first.replay is not None
    assert first.replay is second.replay
    assert first.replay_lines == b"Age: 5\r\nCache-Status: slipstream; hit; ttl=55\r\n"


@pytest.mark.parametrize("fields", [{"Cache-Control": "max-age=30"}, {"Pragma": "no-cache"}])
def test_a_client_with_directives_of_its_own_gets_none(fields: FieldsLike) -> None:
    assert Shop().let(fields).replay is None


def test_it_lasts_as_long_as_the_response_is_fresh() -> None:
    shop = Shop()
    shop.stored.corrected_initial_age = 20.0
    replay = shop.let().replay
    assert replay is not None
    assert (replay.alive, replay.until) == (True, Monotonic(40.0))


def _evict(shop: Shop) -> None:
    shop.store.remove(shop.stored, Ending.EVICTED)


def _soften(shop: Shop) -> None:
    shop.store.soften_all([shop.stored])


def _freshen(shop: Shop) -> None:
    shop.store.freshen(shop.stored, freshening(at=1010.0))


def _replace(shop: Shop) -> None:
    shop.store.put(stored_response(at=1010.0))


def _vary(shop: Shop) -> None:
    shop.store.put(stored_response(at=1010.0, variant=b"accept"))


@pytest.mark.parametrize("change", [_evict, _soften, _freshen, _replace, _vary])
def test_it_ends_with_whatever_may_change_the_answer(change: Any) -> None:
    shop = Shop()
    replay = shop.let().replay
    assert replay is not None
    change(shop)
    assert not replay.alive


def test_after_that_there_is_a_new_one_if_the_response_is_still_stored() -> None:
    shop = Shop()
    before = shop.let().replay
    _vary(shop)
    after = shop.let().replay
    assert after is not None
    assert after is not before
    assert after.alive


def test_a_response_that_is_gone_has_none_that_lives() -> None:
    shop = Shop()
    _evict(shop)
    replay = shop.let().replay
    assert replay is None or not replay.alive


def test_a_reload_makes_its_own() -> None:
    shop = Shop()
    before = shop.let().replay
    reloaded = Replays("replay", STEADY, None, frozenset({b"x-kind"}), shop._count)
    after = shop.let(by=reloaded).replay
    assert after is not None
    assert after is not before
    assert after.reads == {b"x-kind"}


def test_what_decides_which_response_answers_is_told() -> None:
    shop = Shop(frozenset({b"x-kind"}))
    shop.stored.request_fields = ((b"accept", b"text/html"), (b"x-request-id", None))
    replay = shop.let().replay
    assert replay is not None
    assert replay.reads == {b"x-kind", b"accept", b"x-request-id"}


def test_what_would_decide_for_another_response_of_the_key_decides_too() -> None:
    shop = Shop()
    other = stored_response(at=1010.0, variant=b"x-request-id=1")
    other.request_fields = ((b"x-request-id", b"1"),)
    shop.store.put(other)
    shop.stored = stored_response(at=1020.0, variant=b"accept=a")
    shop.stored.request_fields = ((b"accept", b"a"),)
    shop.store.put(shop.stored)
    replay = shop.let().replay
    assert replay is not None
    assert replay.reads == {b"accept", b"x-request-id"}


def test_where_there_is_no_room_for_one_nothing_piles_up() -> None:
    shop = Shop(octets=5000)
    shop.store.entry_limit = shop.stored.size
    for _ in range(3):
        assert shop.let().replay is None
    assert shop.stored._dependents is None


def test_every_use_counts_and_time_passes() -> None:
    shop = Shop()
    replay = shop.let().replay
    assert replay is not None
    assert replay.lines(12.25) == (b"Age: 13\r\nCache-Status: slipstream; hit; ttl=47\r\n", 13.0)
    assert shop.stored.last_used == WallTime(1012.25)
    for _ in range(3):
        replay.used(1)
    assert (shop.stored.uses, shop.counted) == (3, 3)


def test_without_cache_status_only_the_age_changes() -> None:
    stored: StoredResponse = stored_response(at=1000.0)
    assert changing_lines(None, stored, 0.1) == b"Age: 1\r\n"
