from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.conditional import Outcome, evaluate
from gateway.http.dates import format_date
from gateway.http.fields import Fields
from gateway.http.message import WallTime
from gateway.http.validators import EntityTag

NOW = WallTime(1_700_000_000.0)
MODIFIED = WallTime(1_600_000_000.0)
EARLIER, SAME, LATER = (format_date(MODIFIED + distance) for distance in (-1, 0, 1))
STRONG, WEAK = EntityTag(b"a"), EntityTag(b"a", weak=True)

PROCEED, NOT_MODIFIED, FAILED = Outcome.PROCEED, Outcome.NOT_MODIFIED, Outcome.PRECONDITION_FAILED


def judged(
    *fields: tuple[bytes, bytes],
    method: str = "GET",
    status: int = 200,
    etag: EntityTag | None = STRONG,
    last_modified: WallTime | None = MODIFIED,
    date: WallTime | None = None,
) -> Outcome:
    return evaluate(method, Fields(fields), status=status, etag=etag, last_modified=last_modified, now=NOW, date=date)


def test_without_conditions_there_is_nothing_to_judge() -> None:
    assert judged() is judged((b"Range", b"bytes=0-1"), (b"If-Range", b'"b"')) is PROCEED


@pytest.mark.parametrize("etag", [STRONG, WEAK])
@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (b'"a"', NOT_MODIFIED),
        (b'W/"a"', NOT_MODIFIED),
        (b'"b", W/"a"', NOT_MODIFIED),
        (b"*", NOT_MODIFIED),
        (b'"b"', PROCEED),
        (b'"A"', PROCEED),
        (b'"b,a"', PROCEED),
        (b"a", PROCEED),
        (b'w/"a"', PROCEED),
        (b'"a" "b"', PROCEED),
        (b"", PROCEED),
    ],
)
def test_if_none_match_compares_weakly(etag: EntityTag, value: bytes, outcome: Outcome) -> None:
    assert judged((b"If-None-Match", value), etag=etag) is outcome


@pytest.mark.parametrize("method", ["GET", "HEAD", "QUERY"])
def test_who_only_reads_hears_that_nothing_changed(method: str) -> None:
    assert judged((b"If-None-Match", b'"a"'), method=method) is NOT_MODIFIED


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "MKCOL"])
def test_who_wants_to_change_something_fails_for_what_exists(method: str) -> None:
    assert judged((b"If-None-Match", b"*"), method=method) is FAILED
    assert judged((b"If-None-Match", b'"b"'), method=method) is PROCEED


def test_without_an_entity_tag_only_an_asterisk_matches() -> None:
    assert judged((b"If-None-Match", b"*"), etag=None) is NOT_MODIFIED
    assert judged((b"If-None-Match", b'"a"'), etag=None) is PROCEED
    assert judged((b"If-Match", b"*"), etag=None) is PROCEED
    assert judged((b"If-Match", b'"a"'), etag=None) is FAILED


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(b'"a"', PROCEED), (b'"b","a"', PROCEED), (b"*", PROCEED), (b'W/"a"', FAILED), (b'"b"', FAILED), (b"a", FAILED)],
)
def test_if_match_compares_strongly(value: bytes, outcome: Outcome) -> None:
    assert judged((b"If-Match", value)) is outcome


@pytest.mark.parametrize("value", [b'"a"', b'W/"a"'])
def test_a_weak_entity_tag_never_satisfies_if_match(value: bytes) -> None:
    assert judged((b"If-Match", value), etag=WEAK) is FAILED


@pytest.mark.parametrize(("value", "outcome"), [(EARLIER, PROCEED), (SAME, NOT_MODIFIED), (LATER, NOT_MODIFIED)])
def test_if_modified_since_holds_for_what_is_not_younger(value: bytes, outcome: Outcome) -> None:
    assert judged((b"If-Modified-Since", value)) is outcome
    assert judged((b"If-Modified-Since", value), method="HEAD") is outcome
    assert judged((b"If-Modified-Since", value), method="POST") is PROCEED


@pytest.mark.parametrize(("value", "outcome"), [(EARLIER, FAILED), (SAME, PROCEED), (LATER, PROCEED)])
def test_if_unmodified_since_fails_for_what_is_younger(value: bytes, outcome: Outcome) -> None:
    assert judged((b"If-Unmodified-Since", value)) is outcome
    assert judged((b"If-Unmodified-Since", value), method="PUT") is outcome


@pytest.mark.parametrize("name", [b"If-Modified-Since", b"If-Unmodified-Since"])
@pytest.mark.parametrize("value", [b"", b"0", b"yesterday", EARLIER + b"x"])
def test_an_unreadable_date_is_no_condition(name: bytes, value: bytes) -> None:
    assert judged((name, value)) is PROCEED
    assert judged((name, LATER), (name, LATER)) is PROCEED


def test_without_last_modified_the_date_of_the_answer_stands_in_for_reading_alone() -> None:
    since = (b"If-Modified-Since", SAME)
    assert judged(since, last_modified=None) is PROCEED
    assert judged(since, last_modified=None, date=MODIFIED) is NOT_MODIFIED
    assert judged(since, last_modified=None, date=WallTime(MODIFIED + 1)) is PROCEED
    assert judged(since, date=WallTime(MODIFIED + 1)) is NOT_MODIFIED
    assert judged((b"If-Unmodified-Since", EARLIER), last_modified=None, date=MODIFIED) is PROCEED


def test_an_entity_tag_beats_a_date() -> None:
    assert judged((b"If-None-Match", b'"b"'), (b"If-Modified-Since", LATER)) is PROCEED
    assert judged((b"If-None-Match", b"?"), (b"If-Modified-Since", LATER)) is PROCEED
    assert judged((b"If-None-Match", b'"a"'), (b"If-Modified-Since", EARLIER)) is NOT_MODIFIED
    assert judged((b"If-Match", b'"a"'), (b"If-Unmodified-Since", EARLIER)) is PROCEED
    assert judged((b"If-Match", b'"b"'), (b"If-Unmodified-Since", LATER)) is FAILED


def test_a_lost_update_is_found_before_anything_else() -> None:
    assert judged((b"If-None-Match", b'"a"'), (b"If-Match", b'"b"')) is FAILED
    assert judged((b"If-None-Match", b'"a"'), (b"If-Unmodified-Since", EARLIER)) is FAILED
    assert judged((b"If-None-Match", b'"a"'), (b"If-Match", b'"a"')) is NOT_MODIFIED


@pytest.mark.parametrize("status", [100, 199, 300, 301, 304, 404, 410, 412, 500])
def test_only_a_success_has_conditions(status: int) -> None:
    assert judged((b"If-None-Match", b"*"), (b"If-Match", b'"b"'), status=status) is PROCEED


@pytest.mark.parametrize("status", [200, 203, 206, 299])
def test_every_success_has_conditions(status: int) -> None:
    assert judged((b"If-None-Match", b"*"), status=status) is NOT_MODIFIED


@pytest.mark.parametrize("method", ["CONNECT", "OPTIONS", "TRACE"])
def test_methods_without_a_representation_have_no_conditions(method: str) -> None:
    assert judged((b"If-None-Match", b"*"), (b"If-Match", b'"b"'), method=method) is PROCEED


def test_a_date_with_two_digits_is_read_by_the_time_it_is() -> None:
    assert judged((b"If-Modified-Since", b"Sunday, 13-Sep-20 12:26:40 GMT")) is NOT_MODIFIED
    assert judged((b"If-Modified-Since", b"Sunday, 13-Sep-20 12:26:39 GMT")) is PROCEED


TAG = st.builds(EntityTag, st.sampled_from([b"a", b"b", b"c"]), st.booleans())
SECOND = st.integers(0, 3).map(lambda second: WallTime(float(second)))


@dataclass(frozen=True)
class Conditions:
    """A request's, as values: the naive reading of RFC 9110 §13.2.2 needs no syntax."""

    if_match: list[EntityTag] | None
    if_unmodified_since: WallTime | None
    if_none_match: list[EntityTag] | None
    if_modified_since: WallTime | None

    def fields(self) -> Fields:
        fields = Fields()
        for name, tags in ((b"If-Match", self.if_match), (b"If-None-Match", self.if_none_match)):
            if tags is not None:
                fields.add(name, b", ".join(tag.encode() for tag in tags))
        dates = (b"If-Unmodified-Since", self.if_unmodified_since), (b"If-Modified-Since", self.if_modified_since)
        for name, date in dates:
            if date is not None:
                fields.add(name, format_date(date))
        return fields

    def judge(self, method: str, etag: EntityTag | None, modified: WallTime | None) -> Outcome:
        reads = method in ("GET", "HEAD")
        if self.if_match is not None:
            if all(etag is None or etag.weak or tag != etag for tag in self.if_match):
                return FAILED
        elif self.if_unmodified_since is not None and modified is not None and modified > self.if_unmodified_since:
            return FAILED
        if self.if_none_match is not None:
            if any(etag is not None and tag.opaque == etag.opaque for tag in self.if_none_match):
                return NOT_MODIFIED if reads else FAILED
        elif reads and self.if_modified_since is not None and modified is not None:
            return NOT_MODIFIED if modified <= self.if_modified_since else PROCEED
        return PROCEED


@given(
    st.builds(
        Conditions,
        st.none() | st.lists(TAG, min_size=1, max_size=3),
        st.none() | SECOND,
        st.none() | st.lists(TAG, min_size=1, max_size=3),
        st.none() | SECOND,
    ),
    st.sampled_from(["GET", "HEAD", "PUT"]),
    st.none() | TAG,
    st.none() | SECOND,
)
def test_any_conditions_are_judged_in_their_order(
    conditions: Conditions, method: str, etag: EntityTag | None, modified: WallTime | None
) -> None:
    outcome = evaluate(method, conditions.fields(), status=200, etag=etag, last_modified=modified, now=NOW)
    assert outcome is conditions.judge(method, etag, modified)


@given(
    st.sampled_from([b"If-Match", b"If-None-Match", b"If-Modified-Since", b"If-Unmodified-Since"]), st.text(max_size=20)
)
def test_any_value_leads_to_an_outcome(name: bytes, text: str) -> None:
    value = text.encode().translate(None, bytes([*range(9), *range(10, 32), 127]))
    assert isinstance(judged((name, value)), Outcome)
