from typing import Any

import pytest

from gateway.api import Request
from plugins.cache.plan import (
    Fetch,
    Plan,
    Refuse,
    Revalidate,
    Serve,
    ServeStale,
    has_origin_validator,
    is_fresh,
    plan,
    request_directives,
)
from plugins.cache.reasons import MissReason, RefuseReason, StaleReason
from plugins.cache.stored import StoredResponse
from tests.support.caching import policy_of, stored_from, wall
from tests.support.plugins import make_request

CC = "Cache-Control"


def asks(control: str | None = None, method: str = "GET", **fields: str) -> Request:
    given = dict(fields) if control is None else {CC: control, **fields}
    return make_request(method, fields={name.replace("_", "-"): value for name, value in given.items()})


def stored(control: str = "max-age=60", **fields: str) -> StoredResponse:
    return stored_from({CC: control, "ETag": '"a"', **fields})


def said(found: Plan) -> str:
    """The plan as one line."""
    match found:
        case ServeStale(_, _, reason, revalidate):
            return f"stale {reason.value}{' and refresh' if revalidate else ''}"
        case Serve(_, _, hit):
            return f"serve {hit.value}"
        case Revalidate(_, _, miss):
            return f"revalidate {miss.value}"
        case Fetch(miss, fallback):
            return f"fetch {miss.value}{' with fallback' if fallback is not None else ''}"
        case Refuse(refusal):
            return f"refuse {refusal.value}"


REFRESHED = "stale stale_while_revalidate and refresh"

TABLE: list[tuple[str, str, str | None, float, str]] = [
    # what it is about, what is stored, what the request says, seconds later, the plan
    ("fresh", "max-age=60", None, 59.9, "serve fresh"),
    ("stale", "max-age=60", None, 60, "revalidate stale"),
    ("no-cache", "max-age=60, no-cache", None, 1, "revalidate no_cache"),
    ("no-cache of fields only", 'max-age=60, no-cache="x"', None, 1, "serve fresh"),
    ("request no-cache", "max-age=60", "no-cache", 1, "revalidate request_no_cache"),
    ("request no-store", "max-age=60", "no-store", 1, "serve fresh"),
    ("request max-age", "max-age=60", "max-age=10", 10, "serve fresh"),
    ("request max-age exceeded", "max-age=60", "max-age=10", 10.5, "revalidate request_max_age"),
    ("request max-age=0", "max-age=60", "max-age=0", 0.5, "revalidate request_max_age"),
    ("request min-fresh", "max-age=60", "min-fresh=20", 40, "serve fresh"),
    ("request min-fresh missed", "max-age=60", "min-fresh=20", 40.5, "revalidate request_min_fresh"),
    ("only-if-cached, fresh", "max-age=60", "only-if-cached", 1, "serve fresh"),
    ("only-if-cached, stale", "max-age=60", "only-if-cached", 61, "refuse only_if_cached"),
    ("only-if-cached beside no-cache", "max-age=60", "only-if-cached, no-cache", 1, "refuse only_if_cached"),
    ("max-stale without bound", "max-age=60", "max-stale", 1e6, "stale max_stale"),
    ("max-stale within bound", "max-age=60", "max-stale=30", 90, "stale max_stale"),
    ("max-stale beyond bound", "max-age=60", "max-stale=30", 91, "revalidate stale"),
    ("max-stale is forbidden", "max-age=60, must-revalidate", "max-stale", 61, "revalidate stale"),
    ("max-stale with s-maxage", "s-maxage=60", "max-stale", 61, "revalidate stale"),
    ("max-stale with proxy-revalidate", "max-age=60, proxy-revalidate", "max-stale", 61, "revalidate stale"),
    ("max-stale beside max-age", "max-age=60", "max-age=100, max-stale=30", 80, "stale max_stale"),
    ("max-stale beside max-age exceeded", "max-age=60", "max-age=70, max-stale=30", 80, "revalidate request_max_age"),
    ("max-stale beside min-fresh", "max-age=60", "min-fresh=1, max-stale", 61, "revalidate stale"),
    ("SWR", "max-age=60, stale-while-revalidate=30", None, 90, REFRESHED),
    ("SWR is over", "max-age=60, stale-while-revalidate=30", None, 90.5, "revalidate stale"),
    ("SWR of nothing", "max-age=60, stale-while-revalidate=0", None, 60, "revalidate stale"),
    ("SWR and must-revalidate", "max-age=60, stale-while-revalidate=30, must-revalidate", None, 61, "revalidate stale"),
    ("SWR and s-maxage", "s-maxage=60, stale-while-revalidate=30", None, 61, "revalidate stale"),
    ("SWR and a request's max-age", "max-age=60, stale-while-revalidate=30", "max-age=99", 61, "revalidate stale"),
    ("SWR and min-fresh", "max-age=60, stale-while-revalidate=30", "min-fresh=1", 61, "revalidate stale"),
    ("SWR before max-stale", "max-age=60, stale-while-revalidate=30", "max-stale", 61, REFRESHED),
    ("SWR beyond max-stale", "max-age=60, stale-while-revalidate=30", "max-stale=5", 70, "revalidate stale"),
    ("SWR, only-if-cached", "max-age=60, stale-while-revalidate=30", "only-if-cached", 61, REFRESHED),
    ("SIE says nothing about now", "max-age=60, stale-if-error=30", None, 61, "revalidate stale"),
    ("directives in any case", "MAX-AGE=60", "NO-CACHE", 1, "revalidate request_no_cache"),
]  # fmt: skip


@pytest.mark.parametrize(("control", "asked", "at", "expected"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_what_is_done_with_a_stored_response(control: str, asked: str | None, at: float, expected: str) -> None:
    assert said(plan(asks(asked), [stored(control)], wall(at), policy_of())) == expected


def test_nothing_stored_is_fetched() -> None:
    for nothing in (None, ()):
        assert said(plan(asks(), nothing, wall(0), policy_of())) == "fetch uri_miss"
        assert plan(asks("only-if-cached"), nothing, wall(0), policy_of()) == Refuse(RefuseReason.ONLY_IF_CACHED)


def test_what_is_stored_for_other_requests_is_a_miss_of_its_own() -> None:
    other = stored_from({CC: "max-age=60", "Vary": "Accept"}, request=asks(Accept="a/a"))
    assert said(plan(asks(Accept="b/b"), [other], wall(0), policy_of())) == "fetch vary_miss"
    assert said(plan(asks(Accept="A/a"), [other], wall(0), policy_of())) == "serve fresh"


def test_what_cannot_be_confirmed_is_fetched_and_may_stand_in() -> None:
    unconfirmable = stored_from({CC: "max-age=60"})
    assert plan(asks(), [unconfirmable], wall(61), policy_of()) == Fetch(MissReason.STALE, unconfirmable)
    found = plan(asks("no-cache"), [unconfirmable], wall(1), policy_of())
    assert found == Fetch(MissReason.REQUEST_NO_CACHE, unconfirmable)


@pytest.mark.parametrize("asked", ["no-cache", "max-age=0", "min-fresh=100", "only-if-cached", "no-store"])
def test_a_route_may_ignore_what_requests_want(asked: str) -> None:
    deaf = policy_of(honour_request_directives=False)
    assert request_directives(asks(asked), deaf) is None
    assert said(plan(asks(asked), [stored()], wall(1), deaf)) == "serve fresh"
    assert said(plan(asks(asked), None, wall(1), deaf)) == "fetch uri_miss"


def test_pragma_stands_in_only_where_there_is_no_cache_control() -> None:
    assert said(plan(asks(Pragma="No-Cache"), [stored()], wall(1), policy_of())) == "revalidate request_no_cache"
    assert said(plan(asks("max-age=10", Pragma="no-cache"), [stored()], wall(1), policy_of())) == "serve fresh"
    assert said(plan(asks(Pragma="x"), [stored()], wall(1), policy_of())) == "serve fresh"


def softly_purged(control: str = "max-age=60") -> StoredResponse:
    found = stored(control)
    found.soft_purged = True
    return found


@pytest.mark.parametrize(
    ("control", "asked", "at", "expected"),
    [
        ("max-age=60", None, 1, "stale soft_purged and refresh"),
        ("max-age=60", "max-stale", 1, "stale soft_purged and refresh"),
        ("max-age=60", "max-age=30", 1, "revalidate soft_purged_unusable"),
        ("max-age=60, must-revalidate", None, 1, "revalidate soft_purged_unusable"),
        ("max-age=60", "no-cache", 1, "revalidate request_no_cache"),
        ("max-age=60", None, 61, "revalidate stale"),
    ],
)
def test_what_was_purged_softly_answers_once_more(control: str, asked: str | None, at: float, expected: str) -> None:
    assert said(plan(asks(asked), [softly_purged(control)], wall(at), policy_of())) == expected


def test_a_route_lets_answers_be_stale_that_say_nothing_about_it() -> None:
    lenient = policy_of(stale_while_revalidate="10s")
    found = plan(asks(), [stored()], wall(70), lenient)
    assert isinstance(found, ServeStale)
    assert (found.reason, found.revalidate, found.age) == (StaleReason.WHILE_REVALIDATE, True, 70)
    assert said(plan(asks(), [stored("max-age=60, must-revalidate")], wall(61), lenient)) == "revalidate stale"


RANGE = {"Range": "bytes=2-3"}


def part(control: str = "max-age=60", **fields: str) -> StoredResponse:
    given = {CC: control, "ETag": '"a"', "Content-Range": "bytes 2-5/10", **fields}
    return stored_from(given, b"2345", status=206, request=asks(Range="bytes=2-5"))


@pytest.mark.parametrize(
    ("asked", "at", "expected"),
    [
        ({"Range": "bytes=2-3"}, 1, "serve fresh"),
        ({"Range": "bytes=2-3"}, 61, "fetch partial"),
        ({"Range": "bytes=0-3"}, 1, "fetch partial"),
        ({}, 1, "fetch partial"),
        ({"Range": "bytes=2-3", "If-Range": '"b"'}, 1, "fetch partial"),
        ({"Range": "bytes=0-3", CC: "only-if-cached"}, 1, "refuse only_if_cached"),
    ],
)
def test_a_stored_part_answers_what_lies_inside_of_it(asked: dict[str, str], at: float, expected: str) -> None:
    assert said(plan(make_request(fields=asked), [part()], wall(at), policy_of())) == expected


def test_head_has_no_ranges() -> None:
    assert said(plan(make_request("HEAD", fields=RANGE), [part()], wall(1), policy_of())) == "fetch partial"
    assert said(plan(make_request("HEAD", fields=RANGE), [stored()], wall(1), policy_of())) == "serve fresh"


def test_a_part_that_must_be_confirmed_is_fetched() -> None:
    found = plan(make_request(fields={**RANGE, CC: "no-cache"}), [part()], wall(1), policy_of())
    assert said(found) == "fetch request_no_cache with fallback"


@pytest.mark.parametrize(
    ("fields", "status", "can"),
    [
        ({"ETag": 'W/"a"'}, 200, True),
        ({"Last-Modified": "Tue, 14 Nov 2023 22:13:00 GMT"}, 200, True),
        ({}, 200, False),
        ({"ETag": '"a"'}, 404, False),
        ({"ETag": '"a"'}, 301, False),
    ],
)
def test_the_origin_is_asked_only_about_what_it_can_confirm(fields: dict[str, str], status: int, can: bool) -> None:
    assert has_origin_validator(stored_from({CC: "max-age=60", **fields}, status=status)) is can


def test_fresh_is_what_has_lifetime_left_and_was_not_purged() -> None:
    assert is_fresh(stored(), 59.9)
    assert not is_fresh(stored(), 60)
    assert not is_fresh(softly_purged(), 1)


def test_ages_count_the_way_that_led_here() -> None:
    aged: dict[str, Any] = {CC: "max-age=60", "Age": "50"}
    assert said(plan(asks(), [stored_from(aged)], wall(9), policy_of())) == "serve fresh"
    assert said(plan(asks(), [stored_from(aged)], wall(10), policy_of())) == "fetch stale with fallback"
    assert said(plan(asks(), [stored_from(aged, took=5)], wall(5), policy_of())) == "fetch stale with fallback"
