from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import Fields
from gateway.http.fields import is_field_value
from plugins.cors.policy import MOST_REFLECTED, Answer, CorsReason, Pass, Plan, Policy, Refuse, add_vary, put
from plugins.cors.settings import CorsSettings
from tests.support.plugins import fields_of, make_request, pairs

PAGE = "https://app.example.com"
STRANGER = "https://evil.test"


def policy(**settings: Any) -> Policy:
    return Policy(CorsSettings.model_validate({"allow_origins": [PAGE], **settings}))


def preflight(policy: Policy, origin: str = PAGE, method: str = "PUT", names: str | None = None, **more: str) -> Plan:
    fields = {"Origin": origin, "Access-Control-Request-Method": method, **more}
    if names is not None:
        fields["Access-Control-Request-Headers"] = names
    return policy.plan(make_request("OPTIONS", fields=fields))


def actual(policy: Policy, origin: str | None = PAGE, method: str = "GET") -> Plan:
    return policy.plan(make_request(method, fields={} if origin is None else {"Origin": origin}))


def said(plan: Plan) -> dict[str, str]:
    assert not isinstance(plan, Refuse)
    return {name.decode().removeprefix("Access-Control-"): value.decode() for name, value in plan.fields}


def test_a_page_of_an_allowed_origin_may_read_the_answer() -> None:
    plan = actual(policy(expose_headers=["X-Total", "ETag"]))
    assert said(plan) == {"Allow-Origin": PAGE, "Expose-Headers": "X-Total, ETag"}
    assert (plan.vary, plan.reason) == (b"Origin", CorsReason.ALLOWED)


def test_credentials_are_said_with_the_origins_name() -> None:
    assert said(actual(policy(allow_credentials=True))) == {"Allow-Origin": PAGE, "Allow-Credentials": "true"}
    everywhere = policy(allow_origins=["https://*.example.com"], allow_credentials=True)
    assert said(actual(everywhere, "https://a.b.example.com")) == {
        "Allow-Origin": "https://a.b.example.com",
        "Allow-Credentials": "true",
    }


def test_an_answer_that_depends_on_the_origin_says_so_to_those_without_one_too() -> None:
    plan = actual(policy(), None)
    assert (said(plan), plan.vary, plan.reason) == ({}, b"Origin", None)


def test_an_answer_for_everybody_is_the_same_for_everybody() -> None:
    open_policy = policy(allow_origins="*", expose_headers=["X-Total"])
    for origin in (PAGE, STRANGER, "null", None):
        plan = actual(open_policy, origin)
        assert (said(plan), plan.vary) == ({"Allow-Origin": "*", "Expose-Headers": "X-Total"}, None)


@pytest.mark.parametrize("origin", [STRANGER, "null", "https://app.example.com.evil.test", ""])
def test_a_stranger_goes_on_and_is_told_nothing(origin: str) -> None:
    plan = actual(policy(allow_credentials=True), origin)
    assert isinstance(plan, Pass)
    assert (said(plan), plan.vary, plan.reason) == ({}, b"Origin", CorsReason.ORIGIN_NOT_ALLOWED)


def test_a_stranger_can_be_refused() -> None:
    plan = actual(policy(other_origins="refuse"), STRANGER, "POST")
    assert plan == Refuse(
        "pages of https://evil.test may not call http://shop.example",
        b"Origin",
        CorsReason.ORIGIN_NOT_ALLOWED,
        is_preflight=False,
    )
    assert isinstance(preflight(policy(other_origins="refuse"), STRANGER), Refuse)


def test_the_sites_own_pages_are_no_strangers() -> None:
    plan = actual(policy(other_origins="refuse"), "http://shop.example", "POST")
    assert isinstance(plan, Pass)
    assert (said(plan), plan.reason) == ({}, CorsReason.SAME_ORIGIN)
    assert isinstance(actual(policy(other_origins="refuse"), "https://shop.example", "POST"), Refuse)


def test_two_origins_in_one_request_are_nobodys() -> None:
    request = make_request(fields=[("Origin", PAGE), ("Origin", PAGE)])
    plan = policy().plan(request)
    assert (said(plan), plan.reason) == ({}, CorsReason.ORIGIN_NOT_ALLOWED)


def test_a_preflight_is_answered_with_all_that_is_allowed() -> None:
    plan = preflight(
        policy(allow_methods=["GET", "PUT"], allow_headers=["X-Token", "Content-Type"], max_age="90s"),
        names="content-type,x-token",
    )
    assert isinstance(plan, Answer)
    assert said(plan) == {
        "Allow-Origin": PAGE,
        "Allow-Methods": "GET, PUT",
        "Allow-Headers": "X-Token, Content-Type",
        "Max-Age": "90",
    }
    assert plan.vary == b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    assert plan.reason is CorsReason.ALLOWED


def test_a_preflight_of_a_stranger_is_answered_with_nothing() -> None:
    plan = preflight(policy(), STRANGER)
    assert isinstance(plan, Answer)
    assert (said(plan), plan.reason) == ({}, CorsReason.ORIGIN_NOT_ALLOWED)


@pytest.mark.parametrize(
    ("method", "names", "reason"),
    [
        ("PUT", None, CorsReason.METHOD_NOT_ALLOWED),
        ("get", None, CorsReason.METHOD_NOT_ALLOWED),
        ("POST", "x-token", CorsReason.FIELD_NOT_ALLOWED),
        ("POST", "x-known", CorsReason.ALLOWED),
        ("HEAD", "", CorsReason.ALLOWED),
    ],
)
def test_why_a_browser_will_not_go_on_is_known(method: str, names: str | None, reason: CorsReason) -> None:
    plan = preflight(policy(allow_methods=["PATCH"], allow_headers=["X-Known"]), method=method, names=names)
    assert isinstance(plan, Answer)
    assert plan.reason is reason
    assert said(plan)["Allow-Methods"] == "PATCH"


def test_a_star_allows_what_was_asked_for_and_names_it() -> None:
    plan = preflight(
        policy(allow_methods="*", allow_headers="*", allow_credentials=True),
        method="PURGE",
        names="Authorization, x-a, (bad)",
    )
    assert said(plan)["Allow-Methods"] == "PURGE"
    assert said(plan)["Allow-Headers"] == "authorization, x-a"


def test_a_star_does_not_send_back_names_without_end() -> None:
    plan = preflight(policy(allow_headers="*"), method="POST", names=",".join(["x" * 64] * 100))
    assert "Allow-Headers" not in said(plan)
    assert plan.reason is CorsReason.FIELD_NOT_ALLOWED
    fits = preflight(policy(allow_headers="*"), method="POST", names="x" * MOST_REFLECTED)
    assert len(said(fits)["Allow-Headers"]) == MOST_REFLECTED


def test_options_without_a_requested_method_is_no_preflight() -> None:
    assert isinstance(actual(policy(), method="OPTIONS"), Pass)


def test_a_requested_method_without_options_is_no_preflight() -> None:
    request = make_request("GET", fields={"Origin": PAGE, "Access-Control-Request-Method": "PUT"})
    assert isinstance(policy().plan(request), Pass)


def test_a_forwarded_preflight_still_gets_our_fields() -> None:
    plan = preflight(policy(preflight="forward"), method="GET")
    assert isinstance(plan, Pass)
    assert (said(plan)["Allow-Origin"], plan.is_preflight) == (PAGE, True)
    stranger = preflight(policy(preflight="forward"), STRANGER)
    assert isinstance(stranger, Pass)
    assert (said(stranger), stranger.is_preflight) == ({}, True)
    assert plan.vary == stranger.vary == b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


def test_a_private_network_is_opened_only_when_it_is_set_and_asked_for() -> None:
    asks = {"Access-Control-Request-Private-Network": "true"}
    opened = preflight(policy(allow_private_network=True), **asks)
    assert said(opened)["Allow-Private-Network"] == "true"
    assert (opened.vary or b"").endswith(b", Access-Control-Request-Private-Network")
    assert "Allow-Private-Network" not in said(preflight(policy(allow_private_network=True)))
    assert "Allow-Private-Network" not in said(preflight(policy(), **asks))


def test_the_upstreams_own_fields_are_replaced_and_never_doubled() -> None:
    fields = fields_of(
        [
            ("ETag", '"1"'),
            ("access-control-allow-origin", "*"),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", "X-Secret"),
        ]
    )
    put(fields, ((b"Access-Control-Allow-Origin", b"https://a.example"),), b"Origin")
    assert pairs(fields) == [("ETag", '"1"'), ("Vary", "Origin"), ("Access-Control-Allow-Origin", "https://a.example")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], ["Origin, X-A"]),
        (["Accept-Encoding"], ["Accept-Encoding, Origin, X-A"]),
        (["Accept", "Cookie"], ["Accept, Cookie, Origin, X-A"]),
        (["origin"], ["origin, X-A"]),
        (["X-A,Origin"], ["X-A,Origin"]),
        (["*"], ["*"]),
        (["Accept", "*"], ["Accept", "*"]),
        ([""], ["Origin, X-A"]),
    ],
)
def test_vary_names_what_it_did_not_name_yet(before: list[str], after: list[str]) -> None:
    fields = fields_of([("Vary", value) for value in before])
    add_vary(fields, b"Origin, X-A")
    assert [value.decode() for value in fields.values(b"vary")] == after


field_values = st.binary(max_size=30).filter(is_field_value)


@given(
    st.sampled_from([PAGE.encode(), b"null", b"https://x.example.com"]) | field_values,
    field_values,
    field_values,
    st.booleans(),
    st.sampled_from(["GET", "OPTIONS"]),
)
def test_whatever_is_asked_the_answer_can_be_sent_and_lets_no_stranger_in(
    origin: bytes, method: bytes, names: bytes, star: bool, verb: str
) -> None:
    request = make_request(verb)
    request.fields = Fields(
        [
            (b"Origin", origin),
            (b"Access-Control-Request-Method", method),
            (b"Access-Control-Request-Headers", names),
        ]
    )
    plan = policy(allow_methods="*", allow_headers="*", allow_credentials=star).plan(request)
    assert not isinstance(plan, Refuse)
    answer = Fields()
    put(answer, plan.fields, plan.vary)
    assert (b"access-control-allow-origin" in answer) == (origin == PAGE.encode())
    assert b"origin" in (answer.get(b"vary") or b"").lower()
