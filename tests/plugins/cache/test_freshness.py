import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.cache_control import MAX_DELTA_SECONDS, CacheControl
from plugins.cache.freshness import (
    Governing,
    SteadyTime,
    Times,
    age_seconds,
    current_age,
    date_of,
    freshness_of,
    governing,
    initial_age,
    remaining_seconds,
)
from plugins.cache.reasons import LifetimeReason
from tests.support.caching import START, date, policy_of, stored_from, times, wall
from tests.support.plugins import fields_of

TARGETED = (b"cdn-cache-control",)


def lifetime(fields: dict[str, str], status: int = 200, at: float = 0.0, **settings: Any) -> tuple[float, str]:
    made = fields_of(fields)
    found = freshness_of(status, made, governing(made, TARGETED), wall(at), policy_of(**settings))
    return found.lifetime, found.why.value


CC = "Cache-Control"

EXPLICIT: list[tuple[dict[str, str], float, str]] = [
    ({CC: "max-age=60"}, 60, "max_age"),
    ({CC: "max-age=60, s-maxage=30"}, 30, "s_maxage"),
    ({CC: "s-maxage=0, max-age=60"}, 0, "s_maxage"),
    ({CC: "max-age=60", "Expires": date(10), "Date": date()}, 60, "max_age"),
    ({"Expires": date(90), "Date": date()}, 90, "expires"),
    ({"Expires": date(90), "Date": date(30)}, 60, "expires"),
    ({"Expires": date(-10), "Date": date()}, 0, "expires"),
    ({"Expires": date(90)}, 90, "expires"),
    ({"Expires": date(90), "Date": "yesterday"}, 90, "expires"),
    ({"Expires": "0", "Date": date()}, 0, "expires_invalid"),
    ({"Expires": "Tue, 14 Nov 2023 23:13:20 UTC", "Date": date()}, 0, "expires_invalid"),
    ({"Expires": "Tue, 14 Nov 2023 23:13:20", "Date": date()}, 0, "expires_invalid"),
    ({"Expires": "Tuesday, 14-Nov-23 22:14:20 GMT", "Date": date()}, 60, "expires"),
    ({"Expires": "Tue Nov 14 22:14:20 2023", "Date": date()}, 60, "expires"),
    ({CC: 'max-age="60"'}, 60, "max_age"),
    ({CC: "MAX-AGE=060"}, 60, "max_age"),
    ({CC: "max-age=60, max-age=90"}, 60, "max_age"),
    ({CC: "max-age=60.5"}, 0, "max_age"),
    ({CC: "max-age=-1"}, 0, "max_age"),
    ({CC: "max-age"}, 0, "max_age"),
    ({CC: "max-age=99999999999999999999"}, MAX_DELTA_SECONDS, "max_age"),
]


@pytest.mark.parametrize(("fields", "seconds", "why"), EXPLICIT)
def test_the_origin_says_how_long(fields: dict[str, str], seconds: float, why: str) -> None:
    assert lifetime(fields) == (seconds, why)
    assert lifetime(fields, status=599) == (seconds, why)  # any final status


def test_expires_never_counts_from_a_clock_of_ours() -> None:
    fields = {"Expires": date(90), "Date": date()}
    assert lifetime(fields, at=-7200) == lifetime(fields, at=7200) == (90, "expires")


def test_of_several_expires_lines_the_first_counts() -> None:
    made = fields_of([("Expires", date(10)), ("Expires", date(90)), ("Date", date())])
    assert freshness_of(200, made, governing(made, ()), wall(0), policy_of()).lifetime == 10


def test_a_targeted_field_replaces_both_others() -> None:
    both = {CC: "max-age=60", "CDN-Cache-Control": "max-age=5", "Expires": date(90)}
    assert lifetime(both) == (5, "max_age")
    assert lifetime({"CDN-Cache-Control": "public", "Expires": date(90), "Date": date()}) == (0, "none")


@pytest.mark.parametrize("value", ["", "max-age=5,", "max-age=(1", "Max-Age=5"])
def test_a_targeted_field_that_is_none_is_ignored(value: str) -> None:
    assert lifetime({CC: "max-age=60", "CDN-Cache-Control": value}) == (60, "max_age")


def test_the_first_valid_targeted_field_counts() -> None:
    fields = fields_of({"A-Cache-Control": "!", "B-Cache-Control": "max-age=1", "C-Cache-Control": "max-age=2"})
    found = governing(fields, (b"a-cache-control", b"b-cache-control", b"c-cache-control"))
    assert (found.control.max_age, found.field) == (1, b"b-cache-control")
    assert governing(fields, ()) == Governing(CacheControl(), None)


@pytest.mark.parametrize("status", [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414])
def test_a_tenth_of_the_time_since_last_modified_is_assumed_where_it_may_be(status: int) -> None:
    assert lifetime({"Last-Modified": date(-1000), "Date": date()}, status) == (100, "heuristic")


@pytest.mark.parametrize("status", [201, 302, 303, 307, 400, 403, 500, 501, 503, 599])
def test_nothing_is_assumed_of_other_statuses(status: int) -> None:
    assert lifetime({"Last-Modified": date(-1000), "Date": date()}, status) == (0, "none")


def test_public_allows_a_guess() -> None:
    fields = {"Last-Modified": date(-1000), "Date": date(), CC: "public"}
    assert lifetime(fields, 302) == (100, "heuristic")
    assert lifetime(fields, 500) == (0, "none")


@pytest.mark.parametrize(
    ("fields", "settings"),
    [
        ({"Date": date()}, {}),
        ({"ETag": '"a"', "Date": date()}, {}),
        ({"Last-Modified": "last week", "Date": date()}, {}),
        ({"Last-Modified": date(1000), "Date": date()}, {}),
        ({"Last-Modified": date(-1000), "Date": date()}, {"heuristic_limit": "off"}),
        ({"Last-Modified": date(-1000), "Date": date()}, {"heuristic_limit": 0}),
    ],
)
def test_nothing_is_assumed_without_a_reason(fields: dict[str, str], settings: dict[str, Any]) -> None:
    assert lifetime(fields, **settings) == (0, "none")


def test_an_explicit_lifetime_of_nothing_is_no_reason_to_guess() -> None:
    assert lifetime({CC: "max-age=0", "Last-Modified": date(-1000)}) == (0, "max_age")
    assert lifetime({"Expires": "0", "Last-Modified": date(-1000)}) == (0, "expires_invalid")


def test_a_guess_is_bounded_and_trusts_no_date_in_the_future() -> None:
    assert lifetime({"Last-Modified": date(-86400 * 365), "Date": date()}) == (86400, "heuristic")
    assert lifetime({"Last-Modified": date(-1000), "Date": date(10000)}) == (100, "heuristic")
    assert lifetime({"Last-Modified": date(-1000), "Date": date()}, heuristic_limit="10s") == (10, "heuristic")


SETTINGS: dict[str, Any] = {"default_freshness": "30s", "negative": {404: "5s", "5xx": "1s"}}


@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        (200, {}, (30, "default")),
        (200, {"Last-Modified": date(-1000)}, (30, "default")),
        (200, {CC: "max-age=0"}, (0, "max_age")),
        (302, {}, (0, "none")),
        (302, {CC: "public"}, (30, "default")),
        (404, {}, (5, "negative")),
        (404, {CC: "max-age=60"}, (60, "max_age")),
        (503, {}, (1, "negative")),
        (410, {}, (0, "none")),
    ],
)
def test_a_route_has_its_say_where_the_origin_has_none(
    status: int, fields: dict[str, str], expected: tuple[float, str]
) -> None:
    assert lifetime(fields, status, **SETTINGS) == expected


def test_a_route_may_override_what_good_answers_say() -> None:
    assert lifetime({CC: "max-age=0"}, override_freshness="1m") == (60, "override")
    assert lifetime({}, 404, override_freshness="1m") == (0, "none")
    assert lifetime({CC: "max-age=5"}, 500, override_freshness="1m") == (5, "max_age")
    assert lifetime({CC: "max-age=5"}, 302, override_freshness="1m") == (5, "max_age")


AGES: list[tuple[dict[str, str], float, float, float]] = [
    # fields, the answer came at, the exchange took, age
    ({"Date": date()}, 0, 0, 0),
    ({"Date": date()}, 30, 0, 30),
    ({"Date": date()}, 0, 2.5, 2.5),
    ({"Date": date(3600)}, 0, 0, 0),
    ({"Date": date(3600)}, 0, 4, 4),
    ({"Date": date(), "Age": "10"}, 0, 2, 12),
    ({"Date": date(), "Age": "10"}, 30, 2, 30),
    ({"Age": "10"}, 30, 2, 12),
    ({"Date": "never", "Age": "10"}, 30, 2, 12),
    ({"Age": "010"}, 0, 0, 10),
    ({"Age": "10, 20"}, 0, 0, 10),
    ({"Age": "ten"}, 0, 0, 0),
    ({"Age": "-5"}, 0, 0, 0),
    ({"Age": "1.5"}, 0, 0, 0),
    ({"Age": '"10"'}, 0, 0, 0),
    ({"Age": "10;x=1"}, 0, 0, 0),
    ({"Age": "99999999999999999999"}, 0, 0, MAX_DELTA_SECONDS),
]


@pytest.mark.parametrize(("fields", "at", "took", "age"), AGES)
def test_an_age_is_the_larger_of_two_ways_to_count_it(
    fields: dict[str, str], at: float, took: float, age: float
) -> None:
    assert initial_age(fields_of(fields), times(at, took)) == age


def test_ages_are_counted_on_the_steady_clock_and_dates_on_the_wall() -> None:
    wall_went_back = Times(wall(100), wall(102), wall(-3500))
    assert initial_age(fields_of({"Date": date(-3501)}), wall_went_back) == 2
    clock_stepped_within_the_exchange = Times(wall(100), wall(99), wall(99))
    assert initial_age(fields_of({"Date": date(99)}), clock_stepped_within_the_exchange) == 0


def test_the_steady_clock_does_not_follow_a_wall_that_jumps() -> None:
    steady = SteadyTime(wall=START, monotonic=500.0)
    assert steady.at(500.0) == START
    assert steady.at(560.5) == START + 60.5


def test_a_stored_response_ages_and_never_gets_younger() -> None:
    stored = stored_from({"Cache-Control": "max-age=60"}, at=0, took=1.5)
    assert [current_age(stored, wall(at)) for at in (0, 10, -3600)] == [1.5, 11.5, 1.5]


@pytest.mark.parametrize(("age", "seconds"), [(0.0, 0), (0.001, 1), (1.0, 1), (1.2, 2), (59.99, 60)])
def test_an_age_is_told_rounded_up(age: float, seconds: int) -> None:
    assert age_seconds(age) == seconds


@pytest.mark.parametrize(("age", "left"), [(0.0, 60), (0.5, 59), (60.0, 0), (60.5, -1), (100.0, -40)])
def test_what_is_left_is_told_rounded_down(age: float, left: int) -> None:
    assert remaining_seconds(stored_from({"Cache-Control": "max-age=60"}), age) == left


def test_a_missing_date_is_when_the_answer_came() -> None:
    assert date_of(fields_of({}), wall(5)) == wall(5)
    assert date_of(fields_of({"Date": date(1)}), wall(5)) == wall(1)
    assert date_of(fields_of([("Date", date(1)), ("Date", date(2))]), wall(5)) == wall(1)


texts = st.text(alphabet='maxage-stl=0123456789,". DTuesNovGM:', max_size=40)


@given(texts, texts, texts, texts, st.floats(-1e6, 1e6), st.floats(0, 1e4))
def test_whatever_is_said_a_lifetime_and_an_age_are_finite_and_not_negative(
    control: str, expires: str, said_date: str, age: str, at: float, took: float
) -> None:
    made = fields_of({CC: control, "Expires": expires, "Date": said_date, "Age": age, "Last-Modified": expires})
    found = freshness_of(200, made, governing(made, TARGETED), wall(at), policy_of())
    assert 0 <= found.lifetime <= MAX_DELTA_SECONDS
    assert isinstance(found.why, LifetimeReason)
    old = initial_age(made, times(at, took))
    assert old >= took - 1e-3
    assert math.isfinite(old)
