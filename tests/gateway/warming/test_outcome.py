import pytest

from gateway.warming.outcome import Kind, Outcome, judge


@pytest.mark.parametrize(
    ("status", "said", "kind", "reason"),
    [
        (200, b"gw; fwd=uri-miss; fwd-status=200; stored; detail=uri_miss", Kind.STORED, "uri_miss"),
        (200, b"gw; hit; ttl=58", Kind.HIT, ""),
        (200, b"gw; hit; ttl=-3; detail=stale_while_revalidate", Kind.HIT, "stale_while_revalidate"),
        (200, b"gw; fwd=uri-miss; detail=private", Kind.NOT_STORED, "private"),
        (404, b"gw; fwd=uri-miss; stored", Kind.STORED, ""),
        (404, b"gw; fwd=uri-miss; detail=no_freshness", Kind.FAILED, "404"),
        (200, b"other; hit", Kind.NOT_STORED, "no_cache_status"),
        (200, b"gw; hit, gw; fwd=bypass; detail=cookie", Kind.NOT_STORED, "cookie"),
        (200, b"(((", Kind.NOT_STORED, "no_cache_status"),
        (200, None, Kind.NOT_STORED, "no_cache_status"),
        (503, None, Kind.FAILED, "503"),
    ],
)
def test_an_answer_says_what_became_of_it(status: int, said: bytes | None, kind: Kind, reason: str) -> None:
    assert judge(status, said, "gw") == (kind, reason)


def test_a_name_in_quotes_is_a_name_too() -> None:
    assert judge(200, b'"my gateway"; hit', "my gateway") == (Kind.HIT, "")


def test_an_outcome_survives_the_way_from_the_worker() -> None:
    outcome = Outcome(Kind.FAILED, "503", 12, 0.5, 3.0, may_retry=True, wants_rest=True)
    assert Outcome.of(outcome.fields() | {"more": 1}) == outcome
    assert Outcome.of({"kind": "hit"}) == Outcome(Kind.HIT)
