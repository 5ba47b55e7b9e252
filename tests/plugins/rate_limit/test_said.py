from gateway.api import Fields
from gateway.http.structured import parse_list
from plugins.rate_limit.gcra import Gcra, Standing
from plugins.rate_limit.said import add_legacy, limit_member, policy_member, tightest
from tests.support.plugins import pairs

FREE = Standing(True, 12, 4.2, 0.0)
SPENT = Standing(False, 0, 60.0, 2.1)


def test_a_policy_names_quota_and_window() -> None:
    assert policy_member("per-client", Gcra(100, 60.0, 20)) == b'"per-client";q=100;w=60'


def test_what_is_left_and_when_there_is_more_in_whole_seconds_never_too_early() -> None:
    assert limit_member(b"a", FREE) == b'"a";r=12;t=5'
    assert limit_member(b"a", SPENT) == b'"a";r=0;t=3'


def test_members_are_structured_fields() -> None:
    ((name, parameters),) = parse_list(limit_member(b"a.b-c_1", FREE))
    assert (name, dict(parameters)) == ("a.b-c_1", {"r": 12, "t": 5})


def test_a_limit_that_refuses_is_the_tightest() -> None:
    assert tightest([FREE, Standing(True, 1, 9, 0), Standing(True, 5, 9, 0)]) == 1
    assert tightest([Standing(True, 0, 1, 0), SPENT, FREE]) == 1


def test_the_fields_from_before_the_draft() -> None:
    fields = Fields([(b"X-RateLimit-Limit", b"the upstream's")])
    add_legacy(fields, Gcra(100, 60.0, 20), SPENT)
    assert pairs(fields) == [
        ("X-RateLimit-Limit", "20"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", "3"),
    ]
