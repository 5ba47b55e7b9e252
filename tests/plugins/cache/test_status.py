from itertools import product

import pytest

from gateway.http.structured import parse_list
from plugins.cache.reasons import BypassReason, HitReason, MissReason, NotStoredReason, RefuseReason, StaleReason
from plugins.cache.status import CacheStatus, append
from tests.support.plugins import fields_of

status = CacheStatus("slipstream")


def test_a_hit_says_what_is_left() -> None:
    assert status.fresh(12) == b"slipstream; hit; ttl=12"
    assert status.fresh(12) is status.fresh(12)


def test_a_stale_answer_says_why_it_was_allowed() -> None:
    value = status.hit(-5, StaleReason.WHILE_REVALIDATE)
    assert value == b"slipstream; hit; ttl=-5; detail=stale_while_revalidate"


def test_a_shared_answer_says_so() -> None:
    value = status.hit(60, HitReason.COLLAPSED, collapsed=True)
    assert value == b"slipstream; hit; ttl=60; collapsed; detail=collapsed"


def test_a_miss_says_why_and_what_became_of_it() -> None:
    assert (
        status.forwarded(MissReason.URI_MISS, status=200, stored=True, ttl=60)
        == b"slipstream; fwd=uri-miss; fwd-status=200; ttl=60; stored; detail=uri_miss"
    )
    assert (
        status.forwarded(MissReason.STALE, status=200, collapsed=False, detail=NotStoredReason.NO_STORE)
        == b"slipstream; fwd=stale; fwd-status=200; collapsed=?0; detail=no_store"
    )
    assert status.forwarded(BypassReason.COOKIE) == b"slipstream; fwd=bypass; detail=cookie"


def test_a_refusal_neither_hit_nor_went_forward() -> None:
    assert status.refused(RefuseReason.ONLY_IF_CACHED) == b"slipstream; detail=only_if_cached"


@pytest.mark.parametrize(("name", "written"), [("my cache", b'"my cache"'), ("9lives", b'"9lives"'), ("a", b"a")])
def test_a_name_is_a_token_where_it_can_be_one(name: str, written: bytes) -> None:
    assert CacheStatus(name).fresh(1).startswith(written + b";")


def test_every_value_is_a_list_as_rfc_9211_has_it() -> None:
    values = [
        status.forwarded(reason, status=200, stored=stored, collapsed=collapsed, ttl=ttl, detail=detail)
        for reason, stored, collapsed, ttl, detail in product(
            [*MissReason, *BypassReason], [False, True], [None, False, True], [None, -3], [None, *NotStoredReason]
        )
    ]
    values += [status.hit(ttl, reason) for ttl, reason in product([-1, 0, 9], [*HitReason, *StaleReason])]
    for value in set(values):
        ((name, parameters),) = parse_list(value)
        assert name == "slipstream"
        assert ("hit" in parameters) != ("fwd" in parameters)


def test_our_member_stands_behind_those_of_caches_nearer_to_the_origin() -> None:
    fields = fields_of({"Cache-Status": "Inner; hit"})
    append(fields, status.fresh(5))
    assert fields.get(b"cache-status") == b"Inner; hit, slipstream; hit; ttl=5"


def test_remembered_values_are_bounded() -> None:
    busy = CacheStatus("a")
    for ttl in range(5000):
        assert busy.fresh(ttl) == b"a; hit; ttl=%d" % ttl
    assert len(busy._hits) <= 4096
