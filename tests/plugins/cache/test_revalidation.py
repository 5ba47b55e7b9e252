from typing import Any

import pytest

from gateway.api import Response
from plugins.cache.reasons import NotStoredReason, StaleReason
from plugins.cache.revalidation import (
    AskAgain,
    Confirmed,
    Replaced,
    StandIn,
    Update,
    Verdict,
    detached,
    judge,
    judge_head,
    may_stand_in,
)
from plugins.cache.stale import Failure
from plugins.cache.stored import StoredResponse
from plugins.cache.storing import StorePlan
from tests.support.caching import date, policy_of, stored_from, times, wall
from tests.support.plugins import FieldsLike, fields_of, make_request, make_response, pairs

CC = "Cache-Control"
FIELDS = {CC: "max-age=60", "ETag": '"a"', "Content-Type": "text/plain", "X-Old": "1"}


def held(at: float = 0.0, control: str = "max-age=60", **changes: Any) -> StoredResponse:
    return stored_from(
        {name: value for name, value in {**FIELDS, CC: control, **changes}.items() if value}, b"content", at=at
    )


def verdict(
    status: int = 304,
    fields: FieldsLike = (),
    of: StoredResponse | None = None,
    variants: tuple[StoredResponse, ...] | None = None,
    asked: FieldsLike = (),
    was_asked: bool = True,
    at: float = 100.0,
    **settings: Any,
) -> Verdict:
    stored = of or held()
    request, response = make_request(fields=asked), make_response(status, fields)
    given = (stored,) if variants is None else variants
    return judge(request, response, stored, given, times(at, 0.5), policy_of(**settings), was_asked=was_asked)


def confirmed(*args: Any, **more: Any) -> Confirmed:
    found = verdict(*args, **more)
    assert isinstance(found, Confirmed), found
    return found


def new_plan(found: Confirmed) -> StorePlan:
    plan = found.updates[0].plan
    assert isinstance(plan, StorePlan), plan
    return plan


def test_a_304_renews_every_field_and_the_lifetime() -> None:
    found = confirmed(304, {"Date": date(100), "ETag": '"a"', CC: "max-age=90", "x-old": "2", "X-New": "3"})
    plan = new_plan(found)
    assert pairs(found.fields) == [
        ("Date", date(100)),
        (CC, "max-age=90"),
        ("ETag", '"a"'),
        ("Content-Type", "text/plain"),
        ("x-old", "2"),
        ("X-New", "3"),
    ]
    assert (plan.freshness.lifetime, plan.initial_age) == (90, 0.5)


def test_what_a_304_does_not_say_stays() -> None:
    found = confirmed(304, {"Date": date(100)})
    assert new_plan(found).freshness.lifetime == 60
    assert found.fields.get(b"x-old") == b"1"


def test_a_304_without_a_date_is_from_now() -> None:
    found = confirmed(304)
    assert found.fields.get(b"date") == date(100).encode()
    assert new_plan(found).initial_age == 0.5


def test_the_age_of_a_304_counts_and_the_old_one_does_not() -> None:
    aged = held(Age="50")
    assert new_plan(confirmed(304, {"Date": date(100)}, aged)).initial_age == 0.5
    assert new_plan(confirmed(304, {"Date": date(100), "Age": "7"}, aged)).initial_age == 7.5


def test_a_304_says_nothing_about_where_parts_lie() -> None:
    found = confirmed(304, {"Content-Range": "bytes 0-1/2", "Age": "1", "Keep-Alive": "x"})
    assert not {"content-range", "age", "keep-alive"} & {name.lower() for name, _ in pairs(found.fields)}


@pytest.mark.parametrize(
    ("fields", "stored", "is_about_it"),
    [
        ({}, {}, True),
        ({"ETag": '"a"'}, {}, True),
        ({"ETag": '"b"'}, {}, False),
        ({"ETag": 'W/"a"'}, {}, True),
        ({"ETag": 'W/"b"'}, {}, False),
        ({"ETag": '"a"'}, {"ETag": 'W/"a"'}, True),
        ({"ETag": '"a"'}, {"ETag": "", "Last-Modified": date(-60)}, False),
        ({"Last-Modified": date(-60)}, {"ETag": "", "Last-Modified": date(-60)}, True),
        ({"Last-Modified": date(-50)}, {"ETag": "", "Last-Modified": date(-60)}, False),
        ({"Last-Modified": "monday"}, {"ETag": "", "Last-Modified": date(-60)}, False),
        ({"ETag": '"a"', "Last-Modified": date(-50)}, {"Last-Modified": date(-60)}, True),
    ],
)
def test_a_304_is_believed_only_about_what_is_stored(
    fields: dict[str, str], stored: dict[str, Any], is_about_it: bool
) -> None:
    assert isinstance(verdict(304, fields, held(**stored)), Confirmed if is_about_it else AskAgain)


def test_all_that_share_the_strong_tag_are_renewed() -> None:
    one = held(Vary="Accept")
    two = held(at=5, Vary="Accept-Language")
    other = held(at=6, Vary="X-A", ETag='"z"')
    unfit = stored_from({**FIELDS, "Vary": "X-B"}, request=make_request(fields={"X-B": "1"}))
    found = confirmed(304, {"ETag": '"a"'}, one, (two, one, other, unfit))
    assert [update.stored for update in found.updates] == [one, two]


def test_a_weak_tag_renews_one() -> None:
    one, two = held(ETag='W/"a"', Vary="Accept"), held(at=5, ETag='W/"a"', Vary="X-A")
    assert [update.stored for update in confirmed(304, {"ETag": 'W/"a"'}, one, (one, two)).updates] == [one]
    asked_about = held(ETag='"q"', Vary="X-C")
    found = confirmed(304, {"ETag": 'W/"a"'}, asked_about, (asked_about, one, two))
    assert [update.stored for update in found.updates] == [two]


def test_a_strong_tag_is_not_weakened() -> None:
    assert confirmed(304, {"ETag": 'W/"a"'}).fields.get(b"etag") == b'"a"'
    assert confirmed(304, {"ETag": '"a"'}, held(ETag='W/"a"')).fields.get(b"etag") == b'"a"'


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({CC: "no-store"}, NotStoredReason.NO_STORE),
        ({CC: "private"}, NotStoredReason.PRIVATE),
        ({"Vary": "*"}, NotStoredReason.VARY_STAR),
    ],
)
def test_a_304_can_end_the_storing(fields: dict[str, str], reason: NotStoredReason) -> None:
    stored = held()
    found = confirmed(304, fields, stored)
    assert found.updates == (Update(stored, reason, may_stay=False),)
    assert found.fields.get(b"x-old") == b"1"


def test_a_client_that_wants_nothing_stored_renews_nothing_and_ends_nothing() -> None:
    stored = held()
    found = confirmed(304, {CC: "max-age=90"}, stored, asked={CC: "no-store"})
    assert found.updates == (Update(stored, NotStoredReason.REQUEST_NO_STORE, may_stay=True),)


def test_credentials_renew_only_what_may_be_shared() -> None:
    stored = held()
    found = confirmed(304, {}, stored, asked={"Authorization": "Basic x"})
    assert found.updates == (Update(stored, NotStoredReason.AUTHORIZATION, may_stay=True),)
    shared = held(control="public, max-age=60")
    assert new_plan(confirmed(304, {}, shared, asked={"Authorization": "Basic x"})).freshness.lifetime == 60


def test_a_cookie_on_a_304_is_for_the_client_that_asked() -> None:
    found = confirmed(304, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    assert found.personal == ((b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2"))
    assert b"set-cookie" not in new_plan(found).fields


def test_a_cookie_is_renewed_where_cookies_are_stored() -> None:
    explicit = policy_of(set_cookie="explicit")
    stored = stored_from({**FIELDS, "Set-Cookie": "a=1"}, policy=explicit)
    found = confirmed(304, {"Set-Cookie": "a=2"}, stored, set_cookie="explicit")
    assert new_plan(found).fields.values(b"set-cookie") == [b"a=2"]
    assert found.personal == ()


def test_a_field_for_one_user_on_a_304_is_for_the_client_that_asked() -> None:
    found = confirmed(304, {CC: 'max-age=60, private="X-User"', "X-User": "me"})
    assert found.personal == ((b"X-User", b"me"),)
    assert b"x-user" not in new_plan(found).fields


def test_another_vary_makes_another_secondary_key() -> None:
    stored = held()
    plan = new_plan(confirmed(304, {"Vary": "Accept"}, stored, asked={"Accept": "a/b"}))
    assert plan.variant != stored.variant


@pytest.mark.parametrize("status", [200, 404, 301, 403, 412, 501])
def test_another_answer_replaces(status: int) -> None:
    assert verdict(status) == Replaced()


def test_a_304_nobody_asked_for_confirms_nothing() -> None:
    assert verdict(304, was_asked=False) == Replaced()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("was_asked", [True, False])
def test_for_errors_the_stored_one_stands_in_where_it_may(status: int, was_asked: bool) -> None:
    lenient = held(control="max-age=60, stale-if-error=60")
    assert verdict(status, of=lenient, was_asked=was_asked, at=120) == StandIn(StaleReason.IF_ERROR)
    assert verdict(status, of=lenient, was_asked=was_asked, at=121) == Replaced()
    strict = held(control="max-age=60, stale-if-error=60, must-revalidate")
    assert verdict(status, of=strict, was_asked=was_asked) == Replaced()
    assert verdict(status, was_asked=was_asked) == Replaced()


def test_an_origin_out_of_reach_is_stood_in_for() -> None:
    request = make_request()
    lenient = policy_of(serve_stale_on_disconnect="1m")
    assert may_stand_in(request, held(), wall(120), Failure.DISCONNECTED, lenient) is StaleReason.DISCONNECTED
    assert may_stand_in(request, held(), wall(121), Failure.DISCONNECTED, lenient) is None
    assert may_stand_in(request, held(), wall(61), Failure.STATUS, lenient) is None
    insisting = make_request(fields={CC: "no-cache"})
    assert may_stand_in(insisting, held(), wall(61), Failure.DISCONNECTED, lenient) is None


def test_what_may_not_be_stored_can_still_answer_once() -> None:
    stored = held()
    once = detached(stored, fields_of({"Date": date(100), "X-New": "1", "ETag": '"b"'}), times(100, 0.5), 7.0)
    assert (once.body, once.status, once.lifetime, once.corrected_initial_age) == (stored.body, 200, 0, 7.0)
    assert once.etag is not None
    assert once.etag.opaque == b"b"
    assert not once.is_stored


def head(
    fields: FieldsLike,
    *variants: StoredResponse,
    length: int | None = None,
    status: int = 200,
    asked: FieldsLike = (),
) -> tuple[Update, ...]:
    response = Response(status, fields_of(fields))
    response.described_length = length
    return judge_head(make_request("HEAD", fields=asked), response, variants, times(100), policy_of())


def test_head_renews_the_stored_get_when_validators_agree() -> None:
    (update,) = head({"ETag": '"a"', CC: "max-age=90", "X-New": "1"}, held(), length=7)
    assert isinstance(update.plan, StorePlan)
    assert update.plan.freshness.lifetime == 90
    assert update.plan.fields.get(b"x-new") == b"1"


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        ({"ETag": '"b"'}, 7),
        ({"ETag": 'W/"a"'}, 7),
        ({"ETag": '"a"', "Last-Modified": date(-1)}, 7),
        ({"ETag": '"a"'}, 8),
    ],
)
def test_head_ends_the_stored_get_when_they_do_not(fields: dict[str, str], length: int) -> None:
    stored = held()
    assert head(fields, stored, length=length) == (Update(stored, NotStoredReason.INVALIDATED, may_stay=False),)


def test_head_that_says_nothing_to_compare_changes_nothing() -> None:
    assert head({CC: "max-age=90"}, held()) == ()
    assert head({CC: "max-age=90"}, held(), length=7) == ()
    assert head({"ETag": '"b"'}, held(), status=404) == ()


def test_head_speaks_of_what_it_would_have_selected() -> None:
    german = stored_from({**FIELDS, "Vary": "Accept-Language"}, request=make_request(fields={"Accept-Language": "de"}))
    missing = stored_from(FIELDS, status=404)
    assert head({"ETag": '"b"'}, german, missing) == ()
    assert len(head({"ETag": '"b"'}, german, asked={"Accept-Language": "DE"})) == 1


def test_a_cookie_on_head_is_nobodys_elses() -> None:
    (update,) = head({"ETag": '"a"', "Set-Cookie": "a=1"}, held())
    assert isinstance(update.plan, StorePlan)
    assert b"set-cookie" not in update.plan.fields
