"""What is stored, for whom and for how long: each rule at least once, as a story."""

from typing import Any

import pytest

from tests.support.cache_stories import CC, FRESH, TAGGED, Step, Stories, assert_goes
from tests.support.caching import RuleCache, date, never_asked, origin_of
from tests.support.plugins import make_request

CDN = "CDN-Cache-Control"

STORIES: Stories = {
    # ---- lifetime and age --------------------------------------------------------------------------------------------
    "max-age": ({}, [Step(0, "uri_miss", FRESH), Step(59, "fresh", has={"Age": "59"}), Step(60, "stale", FRESH)]),
    "s-maxage before max-age": (
        {},
        [Step(0, "uri_miss", {CC: "max-age=600, s-maxage=10", "Date": date()}), Step(10, "stale", FRESH)],
    ),
    "Expires counts from Date and not from our clock": (
        {},
        [
            Step(3600, "uri_miss", {"Expires": date(3700), "Date": date(3650)}),
            Step(3649, "fresh"),
            Step(3650, "stale", FRESH),
        ],
    ),
    "a tenth of the time since Last-Modified": (
        {},
        [
            Step(0, "uri_miss", {"Last-Modified": date(-1000), "Date": date()}),
            Step(99, "fresh"),
            Step(100, "revalidated", {"Date": date(100)}, status=304, gets=200),
        ],
    ),
    "no lifetime out of nothing": (
        {},
        [Step(0, "uri_miss", {"ETag": '"a"'}, not_stored="no_freshness"), Step(1, "uri_miss", FRESH)],
    ),
    "a received Age counts, and rounds up": (
        {},
        [Step(0, "uri_miss", {**FRESH, "Age": "30"}), Step(0.5, "fresh", has={"Age": "31"}), Step(30, "stale", FRESH)],
    ),
    "an old Date counts as age": (
        {},
        [Step(40, "uri_miss", FRESH), Step(41, "fresh", has={"Age": "41", "Date": date()}), Step(60, "stale", FRESH)],
    ),
    "a Date in the future is no age": (
        {},
        [Step(0, "uri_miss", {**FRESH, "Date": date(3600)}), Step(59, "fresh", has={"Age": "59"})],
    ),
    "a lifetime in quotes": ({}, [Step(0, "uri_miss", {CC: 'max-age="60"', "Date": date()}), Step(59, "fresh")]),
    "a lifetime of decimals is stale": (
        {},
        [Step(0, "uri_miss", {CC: "max-age=60.0"}, not_stored="no_use"), Step(1, "uri_miss", FRESH)],
    ),
    "huge numbers": ({}, [Step(0, "uri_miss", {CC: f"max-age={10**40}", "Date": date()}), Step(2e9, "fresh")]),
    "a date in another zone is stale": (
        {},
        [Step(0, "uri_miss", {"Expires": "Tue, 14 Nov 2023 23:13:20 EST"}, not_stored="no_use")],
    ),
    # ---- storing -----------------------------------------------------------------------------------------------------
    "any final status with explicit freshness": (
        {},
        [Step(0, "uri_miss", FRESH, status=599), Step(1, "fresh", gets=599)],
    ),
    "an error without it": ({}, [Step(0, "uri_miss", {}, status=500, not_stored="no_freshness")]),
    "must-understand beside no-store": (
        {},
        [
            Step(0, "uri_miss", {CC: "must-understand, no-store, max-age=9", "Date": date()}),
            Step(1, "fresh"),
        ],
    ),
    "must-understand for what nobody understands": (
        {},
        [Step(0, "uri_miss", {CC: "must-understand, max-age=9"}, status=299, not_stored="must_understand")],
    ),
    "no-store": ({}, [Step(0, "uri_miss", {CC: "no-store, max-age=9"}, not_stored="no_store")]),
    "POST without a word on where it belongs": (
        {},
        [
            Step(0, "method", FRESH, method="POST", content=b"x", not_stored="post_location"),
            Step(1, "uri_miss", FRESH),
        ],
    ),
    "POST for GET": (
        {},
        [
            Step(0, "method", {**FRESH, "Content-Location": "/"}, method="POST", content=b"x"),
            Step(1, "fresh"),
            Step(2, "method", {**FRESH, "Content-Location": "/"}, method="POST", content=b"x"),
        ],
    ),
    "HEAD from GET": ({}, [Step(0, "uri_miss", TAGGED), Step(1, "fresh", method="HEAD", has={"ETag": '"a"'})]),
    "HEAD refreshes GET": (
        {},
        [
            Step(0, "uri_miss", {CC: "max-age=60", "ETag": "", "Last-Modified": date(-9)}),
            Step(
                50,
                "request_no_cache",
                {CC: "max-age=60", "Last-Modified": date(-9), "X-A": "2"},
                {CC: "no-cache"},
                method="HEAD",
            ),
            Step(109, "fresh", has={"X-A": "2"}),
        ],
    ),
    "HEAD that differs ends GET": (
        {},
        [
            Step(0, "uri_miss", {**FRESH, "Last-Modified": date(-9)}),
            Step(59, "request_no_cache", {**FRESH, "Last-Modified": date(-8)}, method="HEAD", asked={CC: "no-cache"}),
            Step(59, "uri_miss", FRESH),
        ],
    ),
    "no-cache is stored and confirmed": (
        {},
        [
            Step(0, "uri_miss", {CC: "no-cache", "ETag": '"a"', "Date": date()}),
            Step(1, "revalidated", {}, status=304, gets=200, sends={"If-None-Match": '"a"'}),
        ],
    ),
    'private="field" is stored without it': (
        {},
        [
            Step(0, "uri_miss", {**FRESH, CC: 'max-age=60, private="X-User"', "X-User": "me"}, has={"X-User": "me"}),
            Step(1, "fresh", has={"X-User": None}),
        ],
    ),
    "private": ({}, [Step(0, "uri_miss", {CC: "private, max-age=60"}, not_stored="private")]),
    "Authorization": (
        {},
        [
            Step(0, "uri_miss", FRESH, {"Authorization": "x"}, not_stored="authorization"),
            Step(1, "uri_miss", {**FRESH, CC: "public, max-age=60"}, {"Authorization": "x"}),
            Step(2, "fresh"),
        ],
    ),
    "Set-Cookie never": ({}, [Step(0, "uri_miss", {**FRESH, "Set-Cookie": "a=1"}, not_stored="set_cookie")]),
    "Set-Cookie explicit": (
        {"set_cookie": "explicit"},
        [Step(0, "uri_miss", {**FRESH, "Set-Cookie": "a=1"}), Step(1, "fresh", has={"Set-Cookie": "a=1"})],
    ),
    "Set-Cookie stripped": (
        {"set_cookie": "strip"},
        [
            Step(0, "uri_miss", {**FRESH, "Set-Cookie": "a=1"}, has={"Set-Cookie": "a=1"}),
            Step(1, "fresh", has={"Set-Cookie": None}),
        ],
    ),
    "a Cookie changes nothing": ({}, [Step(0, "uri_miss", FRESH, {"Cookie": "a=1"}), Step(1, "fresh")]),
    "unless the route says so": (
        {"bypass_cookies": ["session"]},
        [Step(0, "uri_miss", FRESH), Step(1, "cookie", {}, {"Cookie": "session=1"}), Step(2, "fresh")],
    ),
    "larger than may be stored": ({"max_entry": 5}, [Step(0, "uri_miss", FRESH, not_stored="too_large")]),
    "an Age beyond the lifetime": ({}, [Step(0, "uri_miss", {**FRESH, "Age": "60"}, not_stored="no_use")]),
    # ---- targeted fields ---------------------------------------------------------------------------------------------
    "a targeted field replaces the others": (
        {},
        [Step(0, "uri_miss", {**FRESH, CC: "no-store", CDN: "max-age=5"}), Step(4, "fresh"), Step(5, "stale", FRESH)],
    ),
    "an invalid one is ignored": (
        {},
        [Step(0, "uri_miss", {**FRESH, CDN: "max-age=5;"}), Step(59, "fresh"), Step(60, "stale", FRESH)],
    ),
}


@pytest.mark.parametrize(("settings", "steps"), STORIES.values(), ids=STORIES)
def test_the_story_goes_as_the_rules_have_it(settings: dict[str, Any], steps: list[Step]) -> None:
    assert_goes(settings, steps)


def test_a_slow_exchange_makes_an_answer_older() -> None:
    cache = RuleCache()
    cache.ask(make_request(), origin_of(200, {CC: "max-age=60"}), 0, took=50)
    assert cache.ask(make_request(), never_asked, 59).word == "fresh"
    assert cache.ask(make_request(), origin_of(200, FRESH), 60).word == "stale"
