from gateway.api import Fields
from gateway.figures.registry import Figures
from plugins.cache.fallback import Fallback
from plugins.cache.figures import CacheFigures
from plugins.cache.reasons import RefuseReason, StaleReason
from plugins.cache.status import CacheStatus
from tests.support.cached import FRESH
from tests.support.caching import policy_of, stored_from, wall
from tests.support.plugins import make_request


def fallback(*, says: bool = True) -> Fallback:
    status = CacheStatus("slipstream") if says else None
    return Fallback(policy_of(), status, CacheFigures(Figures.in_memory(), "shop"))


def test_a_stale_answer_is_a_use_and_says_why_it_was_allowed() -> None:
    request, stored = make_request(), stored_from(FRESH)
    response = fallback().stale(request, stored, 65.5, StaleReason.IF_ERROR, wall(65.5))
    assert (response.body, response.fields.get(b"age")) == (b"content", b"66")
    assert response.fields.get(b"cache-status") == b"slipstream; hit; ttl=-6; detail=stale_if_error"
    assert (stored.uses, stored.last_used) == (1, wall(65.5))
    assert [decision.reason for decision in request.trail] == [StaleReason.IF_ERROR]


def test_a_refusal_is_504_and_its_word_goes_on_the_answer_with_those_of_others() -> None:
    request = make_request()
    request.error_fields = Fields([(b"X-Other", b"1")])
    error = fallback().refusal(request, RefuseReason.ONLY_IF_CACHED)
    assert error.status == 504
    assert request.error_fields.get(b"x-other") == b"1"
    assert request.error_fields.get(b"cache-status") == b"slipstream; detail=only_if_cached"
    assert [decision.reason for decision in request.trail] == [RefuseReason.ONLY_IF_CACHED]


def test_where_nothing_is_said_in_fields_the_trail_has_it_all_the_same() -> None:
    request = make_request()
    fallback(says=False).refusal(request, RefuseReason.ONLY_IF_CACHED)
    assert (request.error_fields, len(request.trail)) == (None, 1)
    assert (
        b"cache-status"
        not in fallback(says=False).stale(request, stored_from(FRESH), 61.0, StaleReason.MAX_STALE, wall(61)).fields
    )
