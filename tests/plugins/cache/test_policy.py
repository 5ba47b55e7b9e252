from plugins.cache.settings import SetCookie
from tests.support.caching import date, planned, policy_of


def test_a_status_counts_before_its_class() -> None:
    policy = policy_of(negative={"5xx": "1s", 503: "5s", 404: "10s"})
    assert (policy.negative[500], policy.negative[503], policy.negative[599], policy.negative[404]) == (1, 5, 1, 10)
    assert 400 not in policy.negative
    assert (
        policy_of(negative={503: "5s", "5xx": "1s"}).negative == policy_of(negative={"5xx": "1s", 503: "5s"}).negative
    )


def test_what_is_off_permits_nothing() -> None:
    policy = policy_of(heuristic_limit="off", serve_stale_on_disconnect="off", stale_if_error="off")
    assert (policy.heuristic_limit, policy.disconnect, policy.stale_if_error) == (0, 0, 0)
    assert policy.default_freshness is None


def test_durations_are_plain_numbers_whoever_set_them() -> None:
    for policy in (policy_of(), policy_of(heuristic_limit="2d", serve_stale_on_disconnect="2h")):
        assert type(policy.heuristic_limit) is float
        assert type(policy.disconnect) is float
    guessed = planned({"Last-Modified": date(-30 * 86400.0)})
    assert guessed.freshness.lifetime == 86400
    assert type(guessed.freshness.lifetime) is float


def test_names_are_compared_in_lower_case() -> None:
    policy = policy_of(targeted=["CDN-Cache-Control", "Edge-Control"], unkeyed=["X-Host"])
    assert policy.targeted == (b"cdn-cache-control", b"edge-control")
    assert policy.unkeyed == {b"x-host"}


def test_cookies_are_looked_for_only_where_they_count() -> None:
    assert policy_of().bypass_cookies is None
    assert policy_of(bypass_cookies="session").bypass_cookies is not None
    assert policy_of(set_cookie="strip").set_cookie is SetCookie.STRIP


def test_a_route_on_which_post_asks_says_so() -> None:
    assert (policy_of().answers_post, policy_of(key={"body": True}).answers_post) == (False, True)
