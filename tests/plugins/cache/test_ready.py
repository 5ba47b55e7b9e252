import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import WallTime
from plugins.cache.answer import whole
from plugins.cache.freshness import age_seconds, current_age, remaining_seconds
from plugins.cache.ready import Ready, lines_hold_until, may_be_known
from plugins.cache.status import CacheStatus
from tests.support.caching import policy_of
from tests.support.plugins import make_request
from tests.support.stored_responses import stored_response

MADE_BY = object()


def ready_at(at: float, *, initial_age: float = 0.0) -> Ready:
    stored = stored_response(at=at)
    stored.corrected_initial_age = initial_age
    return Ready(stored, whole(stored, policy_of()), CacheStatus("slipstream"), MADE_BY)


def test_it_is_good_for_as_long_as_the_response_is_fresh() -> None:
    assert ready_at(1000.0, initial_age=20.0).until == WallTime(1040.0)


def test_the_lines_that_time_changes_are_right_whenever_it_is_used() -> None:
    ready = ready_at(1000.0)
    for now, age, ttl in ((1000.0, 0, 60), (1000.2, 1, 59), (1000.9, 1, 59), (1001.0, 1, 59), (1001.1, 2, 58)):
        fields = ready.use(WallTime(now)).fields
        assert fields.get(b"age") == b"%d" % age, now
        assert fields.get(b"cache-status") == b"slipstream; hit; ttl=%d" % ttl, now


def test_while_nothing_changes_all_get_the_same_answer_and_are_told_so() -> None:
    ready = ready_at(1000.0)
    first, second, later = (ready.use(WallTime(now)) for now in (1000.3, 1000.6, 1001.3))
    assert first is second
    assert first.shared
    assert later is not first


def test_its_end_lets_go_of_the_content() -> None:
    stored = stored_response(at=0.0)
    ready = Ready(stored, whole(stored, policy_of()), None, MADE_BY)
    assert ready.use(WallTime(1.0)).body is stored.body
    ready.end(stored)
    assert not ready.alive
    assert not any(
        held is stored or getattr(held, "body", b"") for held in map(ready.__getattribute__, ready.__slots__)
    )


@given(st.floats(0, 1e6), st.floats(0, 100), st.floats(1, 1e6))
def test_the_lines_hold_until_one_of_them_changes(resident: float, initial_age: float, lifetime: float) -> None:
    stored = stored_response(at=1000.0)
    stored.corrected_initial_age, stored.lifetime = initial_age, lifetime
    now = 1000.0 + resident
    age = current_age(stored, WallTime(now))
    until = lines_hold_until(stored, age)
    for later in (now + (until - now) * share for share in (0.0, 0.5, 0.999)):
        then = current_age(stored, WallTime(later))
        assert age_seconds(then) == age_seconds(age)
        assert remaining_seconds(stored, then) == remaining_seconds(stored, age)


def test_only_a_get_whose_head_is_shared_may_be_known() -> None:
    request = make_request()
    assert not may_be_known(request)
    request.fields = request.fields.again()
    assert may_be_known(request)
    request.method = "HEAD"
    assert not may_be_known(request)


@pytest.mark.parametrize("name", ["Range", "If-None-Match", "If-Modified-Since", "If-Match", "Cache-Control", "Pragma"])
def test_a_client_with_wishes_of_its_own_always_goes_the_long_way(name: str) -> None:
    request = make_request(fields={name: "x"})
    request.fields = request.fields.again()
    assert not may_be_known(request)
