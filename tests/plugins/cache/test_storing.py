from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import Response
from gateway.http.cache_control import parse_cache_control
from gateway.http.message import Request
from plugins.cache.reasons import NotStoredReason
from plugins.cache.storing import UNDERSTOOD, StorePlan, may_store, plan_storing
from plugins.cache.vary import PART
from tests.support.caching import date, policy_of, times, wall
from tests.support.plugins import FieldsLike, fields_of, make_request, make_response, pairs

CC = "Cache-Control"
FRESH = {CC: "max-age=60"}


def judged(
    fields: FieldsLike = (), status: int = 200, request: Request | None = None, **settings: Any
) -> StorePlan | NotStoredReason:
    lines = [("Date", date()), *(fields.items() if isinstance(fields, dict) else fields)]
    return may_store(request or make_request(), make_response(status, lines), times(), policy_of(**settings))


def planned(fields: FieldsLike = (), status: int = 200, request: Request | None = None, **settings: Any) -> StorePlan:
    made = judged(fields, status, request, **settings)
    assert isinstance(made, StorePlan), made
    return made


def refused(
    fields: FieldsLike = (), status: int = 200, request: Request | None = None, **settings: Any
) -> NotStoredReason:
    made = judged(fields, status, request, **settings)
    assert isinstance(made, NotStoredReason), made
    return made


@pytest.mark.parametrize("status", [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 503, 599])
def test_any_final_status_with_explicit_freshness_is_stored(status: int) -> None:
    assert planned(FRESH, status).freshness.lifetime == 60


@pytest.mark.parametrize("status", [100, 103])
def test_interim_answers_are_not(status: int) -> None:
    assert refused(FRESH, status) is NotStoredReason.UPGRADED


def test_a_connection_that_changed_its_protocol_is_not() -> None:
    response = make_response(200, FRESH)
    response.upgraded = object()
    assert may_store(make_request(), response, times(), policy_of()) is NotStoredReason.UPGRADED


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("HEAD", NotStoredReason.HEAD),
        ("PUT", NotStoredReason.METHOD),
        ("DELETE", NotStoredReason.METHOD),
        ("OPTIONS", NotStoredReason.METHOD),
        ("POST", NotStoredReason.POST_LOCATION),
    ],
)
def test_answers_to_other_methods_are_not_stored(method: str, reason: NotStoredReason) -> None:
    assert refused(FRESH, request=make_request(method)) is reason


def test_an_answer_to_query_is_stored() -> None:
    assert not planned(FRESH, request=make_request("QUERY", body=b"x")).for_get


@pytest.mark.parametrize("location", ["/search", "http://shop.example/search", "search", "//shop.example:80/search"])
def test_an_answer_to_post_is_stored_for_get_when_it_is_the_targets_own(location: str) -> None:
    request = make_request("POST", "/search")
    assert planned({**FRESH, "Content-Location": location}, request=request).for_get


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({**FRESH, "Content-Location": "/other"}, 200),
        ({**FRESH, "Content-Location": "https://shop.example/search"}, 200),
        ({**FRESH, "Content-Location": "http://evil.test/search"}, 200),
        ({"Content-Location": "/search"}, 200),
        ({"Content-Location": "/search", "Last-Modified": date(-9000)}, 200),
        ({**FRESH, "Content-Location": "/search"}, 201),
        (FRESH, 200),
    ],
)
def test_other_answers_to_post_are_not(fields: dict[str, str], status: int) -> None:
    request = make_request("POST", "/search")
    assert refused(fields, status, request) is NotStoredReason.POST_LOCATION


def test_an_answer_to_post_is_stored_by_its_content_where_post_asks() -> None:
    asking: dict[str, Any] = {"key": {"body": True}}
    request = make_request("POST", "/search", body=b"x")
    assert not planned(FRESH, request=request, **asking).for_get
    assert not planned({**FRESH, "Content-Location": "/search"}, request=request, **asking).for_get


FORBIDDEN: list[tuple[FieldsLike, FieldsLike, NotStoredReason]] = [
    ({}, {CC: "no-store, max-age=60"}, NotStoredReason.NO_STORE),
    ({}, {CC: "no-store=x, max-age=60"}, NotStoredReason.NO_STORE),
    ({}, [(CC, "max-age=60"), (CC, "no-store")], NotStoredReason.NO_STORE),
    ({}, {CC: "private, max-age=60"}, NotStoredReason.PRIVATE),
    ({}, {CC: "private=x-thing, max-age=60"}, NotStoredReason.PRIVATE),
    ({CC: "no-store"}, FRESH, NotStoredReason.REQUEST_NO_STORE),
    ({"Authorization": "Basic x"}, FRESH, NotStoredReason.AUTHORIZATION),
    ({"Authorization": "Basic x"}, {CC: "proxy-revalidate, max-age=60"}, NotStoredReason.AUTHORIZATION),
    ({"Authorization": "Basic x"}, {CC: "max-age=60", "Expires": date(90)}, NotStoredReason.AUTHORIZATION),
    ({}, {**FRESH, "Set-Cookie": "a=1"}, NotStoredReason.SET_COOKIE),
    ({}, {**FRESH, "Vary": "*"}, NotStoredReason.VARY_STAR),
    ({}, {**FRESH, "Vary": "Accept, *"}, NotStoredReason.VARY_STAR),
    ({}, [*FRESH.items(), ("Vary", "Accept"), ("Vary", "*")], NotStoredReason.VARY_STAR),
    ({}, {**FRESH, "Vary": ", ".join(f"X-{n}" for n in range(17))}, NotStoredReason.VARY_TOO_WIDE),
    ({}, {}, NotStoredReason.NO_FRESHNESS),
    ({}, {"ETag": '"a"'}, NotStoredReason.NO_FRESHNESS),
    ({}, {CC: "no-cache"}, NotStoredReason.NO_FRESHNESS),
    ({}, {CC: "no-cache, max-age=60"}, NotStoredReason.NO_USE),
    ({}, {CC: "max-age=0"}, NotStoredReason.NO_USE),
    ({}, {"Expires": "0"}, NotStoredReason.NO_USE),
    ({}, {CC: "max-age=60", "Age": "60"}, NotStoredReason.NO_USE),
    ({}, {CC: "must-understand"}, NotStoredReason.NO_FRESHNESS),
]


@pytest.mark.parametrize(("asked", "fields", "reason"), FORBIDDEN)
def test_what_may_not_be_stored_says_why(asked: FieldsLike, fields: FieldsLike, reason: NotStoredReason) -> None:
    assert refused(fields, request=make_request(fields=asked)) is reason


@pytest.mark.parametrize("directive", ["public", "must-revalidate", "s-maxage=60"])
def test_answers_to_credentials_are_shared_where_the_origin_says_so(directive: str) -> None:
    request = make_request(fields={"Authorization": "Basic x"})
    assert planned({CC: f"max-age=60, {directive}"}, request=request).freshness.lifetime == 60


def test_a_targeted_field_decides_about_storing_too() -> None:
    private = {CC: "private, no-store", "CDN-Cache-Control": "max-age=60"}
    assert planned(private).freshness.lifetime == 60
    assert refused({CC: "max-age=60", "CDN-Cache-Control": "no-store"}) is NotStoredReason.NO_STORE
    assert planned({CC: "max-age=60", "CDN-Cache-Control": "no-store,"}).freshness.lifetime == 60
    credentials = make_request(fields={"Authorization": "Basic x"})
    both = {CC: "public, max-age=60", "CDN-Cache-Control": "max-age=60"}
    assert refused(both, request=credentials) is NotStoredReason.AUTHORIZATION


def test_requests_have_no_say_where_the_route_says_so() -> None:
    request = make_request(fields={CC: "no-store"})
    assert planned(FRESH, request=request, honour_request_directives=False).freshness.lifetime == 60


def test_must_understand_beats_no_store_for_statuses_known_here() -> None:
    fields = {CC: "must-understand, no-store, max-age=60"}
    assert planned(fields).freshness.lifetime == 60
    for status in (299, 499, 599):
        assert status not in UNDERSTOOD
        assert refused(fields, status) is NotStoredReason.MUST_UNDERSTAND


def test_what_needs_confirmation_each_time_is_stored_when_it_can_be_confirmed() -> None:
    assert planned({CC: "no-cache", "ETag": '"a"'}).control.no_cache
    assert planned({CC: "no-cache", "Last-Modified": date(-9)}).control.no_cache
    assert planned({CC: "max-age=0", "ETag": 'W/"a"'}).freshness.lifetime == 0
    assert planned({CC: "public", "ETag": '"a"'}).freshness.lifetime == 0
    assert refused({CC: "no-cache", "ETag": '"a"'}, 404) is NotStoredReason.NO_FRESHNESS
    assert refused({CC: "max-age=0", "ETag": '"a"'}, 404) is NotStoredReason.NO_USE
    assert refused({CC: "no-cache", "ETag": "a"}) is NotStoredReason.NO_FRESHNESS


def test_what_is_stale_but_may_be_used_so_is_stored() -> None:
    plans = [
        planned({CC: "max-age=0, stale-while-revalidate=60"}),
        planned({CC: "max-age=0, stale-if-error=60"}),
        planned({CC: "max-age=0"}, stale_if_error="1m"),
    ]
    assert [plan.freshness.lifetime for plan in plans] == [0, 0, 0]
    assert refused({CC: "max-age=0, stale-while-revalidate=60, must-revalidate"}) is NotStoredReason.NO_USE
    assert refused({CC: "max-age=0, stale-while-revalidate=60", "Age": "60"}) is NotStoredReason.NO_USE


@pytest.mark.parametrize("status", [400, 500, 501, 502, 503])
def test_an_error_is_not_stored_unless_it_says_how_long(status: int) -> None:
    validators = {"Last-Modified": date(-9000), "ETag": '"a"'}
    assert refused(validators, status) is NotStoredReason.NO_FRESHNESS
    assert refused({**validators, CC: "public"}, status) is NotStoredReason.NO_FRESHNESS
    assert refused({}, status, default_freshness="1h", override_freshness="1h") is NotStoredReason.NO_FRESHNESS


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (304, {}),
        (412, {"If-Match": '"a"'}),
        (412, {"If-Unmodified-Since": date()}),
        (416, {"Range": "bytes=9-"}),
        (417, {"Expect": "100-continue"}),
    ],
)
def test_an_answer_to_one_clients_condition_is_not_everybodys(status: int, asked: dict[str, str]) -> None:
    assert refused(FRESH, status, make_request(fields=asked)) is NotStoredReason.CONDITION


def test_fields_for_one_user_are_left_out() -> None:
    made = planned(
        [
            (CC, 'max-age=60, private="X-User", no-cache="Set-Cookie, X-Id"'),
            ("X-User", "me"),
            ("Set-Cookie", "a=1"),
            ("X-Id", "7"),
            ("X-Other", "all"),
        ]
    )
    assert [name for name, _ in pairs(made.fields)] == ["Date", CC, "X-Other"]
    assert made.withheld == ((b"X-User", b"me"), (b"Set-Cookie", b"a=1"), (b"X-Id", b"7"))


COOKIE = ("Set-Cookie", "a=1")


def test_a_cookie_is_stored_only_where_route_and_origin_agree() -> None:
    explicit: dict[str, Any] = {"set_cookie": "explicit"}
    assert b"set-cookie" in planned([*FRESH.items(), COOKIE], **explicit).fields
    guessed = [("Last-Modified", date(-9000)), COOKIE]
    assert refused(guessed, **explicit) is NotStoredReason.SET_COOKIE
    assert refused([COOKIE], default_freshness="1m", **explicit) is NotStoredReason.SET_COOKIE
    zero = [(CC, "max-age=0"), ("ETag", '"a"'), COOKIE]
    assert refused(zero, **explicit) is NotStoredReason.SET_COOKIE


def test_a_cookie_can_be_left_to_the_first_client() -> None:
    made = planned([*FRESH.items(), COOKIE, ("Set-Cookie", "b=2")], set_cookie="strip")
    assert b"set-cookie" not in made.fields
    assert made.withheld == ((b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2"))


PART_FIELDS = {**FRESH, "Content-Range": "bytes 0-3/10", "ETag": '"a"'}
ranged = make_request(fields={"Range": "bytes=0-3"})


def test_a_part_is_stored_apart_from_the_whole() -> None:
    made = planned(PART_FIELDS, 206, ranged)
    assert made.part == (0, 4, 10)
    assert made.variant.startswith(PART)


@pytest.mark.parametrize(
    "changes",
    [
        {"Content-Range": "bytes 0-3/*"},
        {"Content-Range": "items 0-3/10"},
        {"Content-Range": ""},
        {"ETag": 'W/"a"'},
        {"ETag": ""},
        {"Content-Range": "", "Content-Type": "multipart/byteranges; boundary=x"},
    ],
)
def test_a_part_nobody_could_use_is_not_stored(changes: dict[str, str]) -> None:
    assert refused({**PART_FIELDS, **changes}, 206, ranged) is NotStoredReason.PARTIAL


def test_a_part_that_nobody_asked_for_is_not_stored() -> None:
    assert refused(PART_FIELDS, 206) is NotStoredReason.PARTIAL


def test_a_response_without_a_date_gets_one() -> None:
    made = may_store(make_request(), make_response(200, FRESH), times(30), policy_of())
    assert isinstance(made, StorePlan)
    assert made.fields.get(b"date") == date(30).encode()


def test_ages_of_earlier_caches_count_and_are_not_stored() -> None:
    made = planned({**FRESH, "Age": "10"})
    assert made.initial_age == 10
    assert b"age" not in made.fields


def test_validators_are_read_once() -> None:
    made = planned({**FRESH, "ETag": 'W/"a"', "Last-Modified": date(-50)})
    assert made.etag is not None
    assert (made.etag.opaque, made.etag.weak, made.last_modified) == (b"a", True, wall(-50))


def test_a_plan_becomes_a_stored_response() -> None:
    request = make_request(fields={"Accept-Language": "de"})
    made = planned({**FRESH, "Vary": "Accept-Language", "Cache-Tag": "a"}, request=request)
    stored = made.stored(b"key", "shop", b"content", 0.25)
    assert (stored.key, stored.route, stored.body, stored.origin_seconds) == (b"key", "shop", b"content", 0.25)
    assert (stored.lifetime, stored.why, stored.tags) == (60, made.freshness.why, frozenset({b"a"}))
    assert stored.request_fields == ((b"accept-language", b"de"),)
    assert made.freshening().lifetime == 60


def test_updated_fields_are_judged_by_the_age_of_what_arrived() -> None:
    made = plan_storing(
        make_request(), 200, None, fields_of({**FRESH, "Date": date(0)}), times(100), policy_of(), age=5.0
    )
    assert isinstance(made, StorePlan)
    assert made.initial_age == 5


DIRECTIVES = [
    "no-store",
    "private",
    'private="x"',
    "public",
    "no-cache",
    "max-age=0",
    "max-age=60",
    "max-age=x",
    "s-maxage=5",
    "must-revalidate",
    "must-understand",
    "stale-if-error=9",
]
directives = st.lists(st.sampled_from(DIRECTIVES), max_size=4).map(", ".join)


@given(directives, st.sampled_from([200, 204, 302, 404, 500, 599]), st.booleans(), st.booleans(), st.booleans())
def test_nothing_personal_or_forbidden_is_ever_stored(
    control: str, status: int, credentials: bool, cookie: bool, etag: bool
) -> None:
    request = make_request(fields={"Authorization": "Basic x"} if credentials else {})
    lines = [(CC, control), *([COOKIE] if cookie else []), *([("ETag", '"a"')] if etag else [])]
    made = may_store(request, Response(status, fields_of(lines)), times(), policy_of())
    said = parse_cache_control(control.encode())
    if isinstance(made, StorePlan):
        assert not said.private
        assert not said.no_store or (said.must_understand and status in UNDERSTOOD)
        assert not cookie
        assert not credentials or said.public or said.must_revalidate or said.s_maxage is not None
