"""What answers from what is stored: each rule at least once, as a story."""

from typing import Any

import pytest

from tests.support.cache_stories import CC, FRESH, NO_ANSWER, TAGGED, Step, Stories, assert_goes
from tests.support.caching import RuleCache, date, never_asked, origin_of
from tests.support.plugins import make_request

STORIES: Stories = {
    # ---- what requests want ------------------------------------------------------------------------------------------
    "request no-store": ({}, [Step(0, "uri_miss", FRESH, {CC: "no-store"}, not_stored="request_no_store")]),
    "request no-cache": (
        {},
        [Step(0, "uri_miss", TAGGED), Step(1, "revalidated", {}, {CC: "no-cache"}, status=304, gets=200)],
    ),
    "request max-age": ({}, [Step(0, "uri_miss", FRESH), Step(9, "request_max_age", FRESH, {CC: "max-age=8"})]),
    "request min-fresh": ({}, [Step(0, "uri_miss", FRESH), Step(9, "request_min_fresh", FRESH, {CC: "min-fresh=52"})]),
    "request max-stale": ({}, [Step(0, "uri_miss", FRESH), Step(70, "max_stale", asked={CC: "max-stale=10"})]),
    "only-if-cached": (
        {},
        [
            Step(0, "only_if_cached", asked={CC: "only-if-cached"}, gets=504),
            Step(0, "uri_miss", FRESH),
            Step(1, "fresh", asked={CC: "only-if-cached"}),
        ],
    ),
    "all of it ignored": (
        {"honour_request_directives": False},
        [Step(0, "uri_miss", FRESH, {CC: "no-store"}), Step(9, "fresh", asked={CC: "no-cache, max-age=0"})],
    ),
    # ---- Vary --------------------------------------------------------------------------------------------------------
    "Vary": (
        {},
        [
            Step(0, "uri_miss", {**FRESH, "Vary": "Accept-Encoding"}, {"Accept-Encoding": "gzip, br"}),
            Step(1, "fresh", asked={"Accept-Encoding": "BR;q=1.0,gzip"}),
            Step(2, "vary_miss", {**FRESH, "Vary": "Accept-Encoding"}, {"Accept-Encoding": "gzip"}),
            Step(3, "fresh", asked={"Accept-Encoding": "gzip, br"}),
            Step(4, "vary_miss", {**FRESH, "Vary": "Accept-Encoding"}),
        ],
    ),
    "Vary: *": ({}, [Step(0, "uri_miss", {**FRESH, "Vary": "a, *"}, not_stored="vary_star")]),
    # ---- validation --------------------------------------------------------------------------------------------------
    "both validators are sent and the answer is renewed": (
        {},
        [
            Step(0, "uri_miss", {**TAGGED, "Last-Modified": date(-9), "X-A": "1"}),
            Step(
                60,
                "revalidated",
                {**TAGGED, "Date": date(60), "X-A": "2"},
                status=304,
                gets=200,
                sends={"If-None-Match": '"a"', "If-Modified-Since": date(-9)},
                has={"X-A": "2"},
                received=b"0123456789",
            ),
            Step(119, "fresh", has={"X-A": "2"}),
        ],
    ),
    "then the client's own condition is judged": (
        {},
        [
            Step(0, "uri_miss", TAGGED),
            Step(60, "revalidated", {"Date": date(60)}, {"If-None-Match": '"a"'}, status=304, gets=304),
            Step(
                120,
                "revalidated",
                {},
                {"If-None-Match": '"b"'},
                status=304,
                gets=200,
                sends={"If-None-Match": '"a"'},
            ),
        ],
    ),
    "a condition on a miss stays here and is judged by what comes": (
        {},
        [
            Step(0, "uri_miss", TAGGED, {"If-None-Match": '"a"'}, gets=304, sends={"If-None-Match": None}),
            Step(1, "fresh", received=b"0123456789"),
        ],
    ),
    "If-None-Match beats If-Modified-Since": (
        {},
        [
            Step(0, "uri_miss", {**TAGGED, "Last-Modified": date(-9)}),
            Step(1, "fresh", asked={"If-None-Match": '"b"', "If-Modified-Since": date()}, gets=200),
            Step(1, "fresh", asked={"If-None-Match": '"a"', "If-Modified-Since": date(-99)}, gets=304),
        ],
    ),
    "If-Match and If-Unmodified-Since": (
        {},
        [
            Step(0, "uri_miss", {**FRESH, "ETag": 'W/"a"', "Last-Modified": date(-9)}),
            Step(1, "fresh", asked={"If-Match": 'W/"a"'}, gets=412),
            Step(1, "fresh", asked={"If-Unmodified-Since": date(-10)}, gets=412),
        ],
    ),
    "a tag of our own": (
        {},
        [Step(0, "uri_miss", FRESH, has={"ETag": None}), Step(1, "fresh", asked={"If-None-Match": "*"}, gets=304)],
    ),
    # ---- ranges ------------------------------------------------------------------------------------------------------
    "parts of the whole": (
        {},
        [
            Step(0, "uri_miss", TAGGED),
            Step(1, "fresh", asked={"Range": "bytes=2-3"}, gets=206, received=b"23"),
            Step(1, "fresh", asked={"Range": "bytes=-2"}, gets=206, received=b"89"),
            Step(1, "fresh", asked={"Range": "bytes=10-"}, gets=416),
            Step(1, "fresh", asked={"Range": "bytes=2-3", "If-Range": '"b"'}, gets=200),
            Step(1, "fresh", asked={"Range": "bytes=" + ",".join(["0-1"] * 17)}, gets=200),
        ],
    ),
    "the whole is fetched for a part": (
        {},
        [
            Step(0, "uri_miss", TAGGED, {"Range": "bytes=2-3"}, gets=206, sends={"Range": None}, received=b"23"),
            Step(1, "fresh", received=b"0123456789"),
        ],
    ),
    "or the part alone, and parts become the whole": (
        {"range_fetch_whole_up_to": 0},
        [
            Step(0, "uri_miss", {**TAGGED, "Content-Range": "bytes 0-3/6"}, {"Range": "bytes=0-3"}, 206, body=b"0123"),
            Step(1, "fresh", asked={"Range": "bytes=1-2"}, gets=206, received=b"12"),
            Step(2, "partial", {**TAGGED, "Content-Range": "bytes 3-5/6"}, {"Range": "bytes=3-5"}, 206, body=b"345"),
            Step(3, "fresh", received=b"012345"),
        ],
    ),
    # ---- stale -------------------------------------------------------------------------------------------------------
    "stale while it is refreshed": (
        {},
        [
            Step(0, "uri_miss", {**FRESH, CC: "max-age=60, stale-while-revalidate=10"}),
            Step(70, "stale_while_revalidate", has={"Age": "70"}),
            Step(71, "stale", FRESH),
        ],
    ),
    "stale for an error": (
        {},
        [
            Step(0, "uri_miss", {**TAGGED, CC: "max-age=60, stale-if-error=10"}),
            Step(70, "stale_if_error", {}, status=503, gets=200),
            Step(71, "stale", {}, status=503, not_stored="no_freshness"),
        ],
    ),
    "stale for an origin out of reach": (
        {},
        [Step(0, "uri_miss", TAGGED), Step(70, "disconnected", {}, status=NO_ANSWER, gets=200)],
    ),
    "never where it is forbidden": (
        {},
        [
            Step(0, "uri_miss", {**TAGGED, CC: "max-age=60, must-revalidate, stale-if-error=99"}),
            Step(61, "stale", {}, status=503, not_stored="no_freshness"),
            Step(61, "stale", {}, status=NO_ANSWER, gets=504),
        ],
    ),
}


@pytest.mark.parametrize(("settings", "steps"), STORIES.values(), ids=STORIES)
def test_the_story_goes_as_the_rules_have_it(settings: dict[str, Any], steps: list[Step]) -> None:
    assert_goes(settings, steps)


def test_a_refresh_behind_is_wanted_where_a_stale_answer_was_given() -> None:
    cache = RuleCache(stale_while_revalidate="10s")
    cache.ask(make_request(), origin_of(200, FRESH), 0)
    assert cache.ask(make_request(), never_asked, 61).refresh
    assert not cache.ask(make_request(), never_asked, 59).refresh


def test_parts_that_became_one_are_as_old_as_the_last_of_them() -> None:
    cache = RuleCache(range_fetch_whole_up_to=0)

    def part(start: int, end: int, age: int, at: float) -> None:
        fields = {**TAGGED, "Date": date(at), "Content-Range": f"bytes {start}-{end - 1}/6", "Age": str(age)}
        request = make_request(fields={"Range": f"bytes={start}-{end - 1}"})
        cache.ask(request, origin_of(206, fields, b"012345"[start:end]), at)

    part(0, 3, 0, 0)
    part(3, 6, 50, 1)
    assert cache.ask(make_request(), never_asked, 2)["Age"] == "51"
