import pytest

from gateway.http.structured import serialize_token
from plugins.cache.reasons import (
    BypassReason,
    CacheReason,
    HitReason,
    LifetimeReason,
    MissReason,
    NotStoredReason,
    RefuseReason,
    StaleReason,
)

ENUMS: list[type[CacheReason]] = [
    HitReason,
    StaleReason,
    MissReason,
    BypassReason,
    RefuseReason,
    NotStoredReason,
    LifetimeReason,
]
FORWARD_WORDS = {"bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"}


@pytest.mark.parametrize("enum", ENUMS)
def test_every_reason_has_a_word_for_machines_and_a_sentence_for_people(enum: type[CacheReason]) -> None:
    for reason in enum:
        assert serialize_token(reason.value) == reason.value.encode()
        assert reason.sentence.endswith((".", ")."))
        assert reason.sentence[0].isupper()
    assert len({reason.sentence for reason in enum}) == len(enum)


def test_every_reason_to_go_upstream_has_its_word_of_rfc_9211() -> None:
    assert {reason.forward for reason in (*MissReason, *BypassReason)} <= FORWARD_WORDS


def test_reasons_are_found_by_their_word() -> None:
    found = {reason.value: reason for reason in MissReason}
    assert found["vary_miss"] is MissReason.VARY_MISS


def test_only_what_the_origin_says_is_explicit() -> None:
    explicit = {reason.value for reason in LifetimeReason if reason.is_explicit}
    assert explicit == {"s_maxage", "max_age", "expires", "expires_invalid"}
