"""What belongs together and what must go: each rule at least once, as a story."""

from typing import Any

import pytest

from tests.support.cache_stories import CC, FRESH, Step, Stories, assert_goes
from tests.support.caching import RuleCache, date, origin_of
from tests.support.plugins import make_request

STORIES: Stories = {
    # ---- invalidation ------------------------------------------------------------------------------------------------
    "a change makes its URL and its groups unusable": (
        {},
        [
            Step(0, "uri_miss", FRESH),
            Step(0, "uri_miss", {**FRESH, "Cache-Groups": '"g"'}, target="/g"),
            Step(0, "uri_miss", FRESH, target="/l"),
            Step(1, "method", {"Location": "/l", "Cache-Group-Invalidation": '"g"'}, method="FROB", status=201),
            Step(2, "uri_miss", FRESH),
            Step(2, "uri_miss", FRESH, target="/g"),
            Step(2, "uri_miss", FRESH, target="/l"),
        ],
    ),
    "a change that failed does not": (
        {},
        [Step(0, "uri_miss", FRESH), Step(1, "method", {}, method="PUT", status=500), Step(2, "fresh")],
    ),
    # ---- keys and rules of a route -----------------------------------------------------------------------------------
    "query parameters": (
        {"key": {"query": "sort", "drop": ["utm_*"]}},
        [Step(0, "uri_miss", FRESH, target="/?b=1&a=2&utm_x=3"), Step(1, "fresh", target="/?a=2&b=1")],
    ),
    "only some of them": (
        {"key": {"only": ["id"]}},
        [
            Step(0, "uri_miss", FRESH, target="/?id=1&x=2"),
            Step(1, "fresh", target="/?id=1"),
            Step(1, "uri_miss", FRESH),
        ],
    ),
    "fields and cookies": (
        {"key": {"fields": ["X-Tenant"], "cookies": ["currency"]}},
        [
            Step(0, "uri_miss", FRESH, {"X-Tenant": "a", "Cookie": "currency=EUR; s=1"}),
            Step(1, "fresh", asked={"X-Tenant": "a", "Cookie": "s=2; currency=EUR"}),
            Step(2, "uri_miss", FRESH, {"X-Tenant": "b", "Cookie": "currency=EUR"}),
        ],
    ),
    "the content of a POST that asks": (
        {"key": {"body": True}},
        [
            Step(0, "uri_miss", FRESH, method="POST", content=b"a"),
            Step(1, "fresh", method="POST", content=b"a"),
            Step(2, "uri_miss", FRESH, method="POST", content=b"b"),
        ],
    ),
    "the content of a QUERY": (
        {},
        [
            Step(0, "uri_miss", FRESH, method="QUERY", content=b"a"),
            Step(1, "fresh", method="QUERY", content=b"a"),
            Step(2, "uri_miss", FRESH, method="QUERY", content=b"b"),
        ],
    ),
    "a route's default": (
        {"default_freshness": "30s"},
        [Step(0, "uri_miss", {"Date": date()}), Step(29, "fresh"), Step(30, "stale", FRESH)],
    ),
    "a route's override": (
        {"override_freshness": "30s"},
        [
            Step(0, "uri_miss", {CC: "max-age=0", "Date": date()}),
            Step(29, "fresh"),
            Step(30, "stale", {"Date": date(30)}),
        ],
    ),
    "a route's word on errors": (
        {"negative": {404: "5s"}},
        [Step(0, "uri_miss", {"Date": date()}, status=404), Step(4, "fresh", gets=404), Step(5, "stale", FRESH)],
    ),
    # ---- attacks -----------------------------------------------------------------------------------------------------
    "what is in no key does not reach the origin": (
        {"key": {"drop": ["utm_*"]}},
        [Step(0, "uri_miss", FRESH, {"X-Host": "evil.test"}, target="/?utm_x=<script>", sends={"X-Host": None})],
    ),
    "a GET with content passes by": ({}, [Step(0, "content", FRESH, content=b"x"), Step(1, "uri_miss", FRESH)]),
    "a path is what it is": (
        {},
        [Step(0, "uri_miss", FRESH, target="/me/%2e%2e/x.css"), Step(1, "uri_miss", FRESH, target="/me/../x.css")],
    ),
    "one client's failed condition is nobody else's": (
        {"range_fetch_whole_up_to": 0},
        [
            Step(0, "uri_miss", FRESH, {"Range": "bytes=99-"}, 416, not_stored="condition"),
            Step(1, "uri_miss", FRESH),
        ],
    ),
    "a clock set back keeps nothing younger than it was": (
        {},
        [Step(0, "uri_miss", {**FRESH, "Age": "50"}), Step(-3600, "fresh", has={"Age": "50"})],
    ),
}


@pytest.mark.parametrize(("settings", "steps"), STORIES.values(), ids=STORIES)
def test_the_story_goes_as_the_rules_have_it(settings: dict[str, Any], steps: list[Step]) -> None:
    assert_goes(settings, steps)


def test_dropped_parameters_do_not_go_upstream() -> None:
    cache = RuleCache(key={"drop": ["utm_*"]})
    outcome = cache.ask(make_request(target="/?utm_x=1&a=2"), origin_of(200, FRESH), 0)
    assert outcome.sent[0].target == b"/?a=2"
