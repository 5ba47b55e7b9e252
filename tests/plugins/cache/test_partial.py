import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.validators import EntityTag
from plugins.cache.partial import combine, covers, has_strong_validator, own_date, stored_part, usable_part
from plugins.cache.stored import StoredResponse
from tests.support.caching import date, stored_from, wall
from tests.support.plugins import fields_of, make_request

WHOLE = bytes(range(48, 58))
TAG = EntityTag(b"a")


def part_fields(start: int, end: int, **more: str) -> dict[str, str]:
    return {
        "Cache-Control": "max-age=60",
        "ETag": '"a"',
        "Date": date(),
        "Content-Range": f"bytes {start}-{end - 1}/10",
        **more,
    }


def stored(start: int, end: int, **more: str) -> StoredResponse:
    request = make_request(fields={"Range": f"bytes={start}-{end - 1}"})
    return stored_from(part_fields(start, end, **more), WHOLE[start:end], status=206, request=request)


@pytest.mark.parametrize(
    ("asked", "covered"),
    [
        ("bytes=2-5", True),
        ("bytes=3-4", True),
        ("bytes=2-2,4-5", True),
        ("bytes=1-5", False),
        ("bytes=2-6", False),
        ("bytes=-5", False),
        ("bytes=2-", False),
        ("bytes=2-3,7-8", False),
        ("bytes=20-30", False),
        ("lines=2-3", False),
        ("bytes=5-2", False),
    ],
)
def test_a_part_answers_what_lies_inside_of_it(asked: str, covered: bool) -> None:
    assert covers(stored(2, 6), fields_of({"Range": asked})) is covered


def test_a_suffix_is_covered_by_the_end() -> None:
    assert covers(stored(5, 10), fields_of({"Range": "bytes=-5"}))
    assert covers(stored(5, 10), fields_of({"Range": "bytes=7-"}))


def test_a_client_with_another_version_gets_no_part() -> None:
    assert covers(stored(2, 6), fields_of({"Range": "bytes=2-5", "If-Range": '"a"'}))
    assert not covers(stored(2, 6), fields_of({"Range": "bytes=2-5", "If-Range": '"b"'}))


def test_a_whole_response_is_no_part() -> None:
    assert stored_part(stored_from({"Cache-Control": "max-age=60"})) is None
    assert not covers(stored_from({"Cache-Control": "max-age=60"}), fields_of({"Range": "bytes=0-1"}))


def combined(old: StoredResponse, start: int, end: int, tag: EntityTag | None = TAG) -> tuple[int, bytes] | None:
    made = combine(old, fields_of(part_fields(start, end, **{"X-New": "1"})), WHOLE[start:end], tag, None)
    if made is None:
        return None
    assert made.fields.get(b"x-new") == b"1"
    return made.status, made.body


def test_parts_that_touch_become_one() -> None:
    assert combined(stored(2, 4), 4, 6) == (206, b"2345")
    assert combined(stored(4, 6), 2, 4) == (206, b"2345")
    assert combined(stored(2, 6), 4, 8) == (206, b"234567")
    assert combined(stored(2, 8), 4, 6) == (206, b"234567")
    assert combined(stored(4, 6), 2, 8) == (206, b"234567")


def test_parts_of_everything_become_the_whole() -> None:
    assert combined(stored(0, 5), 5, 10) == (200, WHOLE)
    assert combined(stored(5, 10), 0, 5) == (200, WHOLE)


def test_where_a_combined_part_lies_is_said() -> None:
    made = combine(stored(2, 4), fields_of(part_fields(4, 6)), WHOLE[4:6], TAG, None)
    assert made is not None
    assert made.fields.values(b"content-range") == [b"bytes 2-5/10"]
    whole = combine(stored(0, 5), fields_of(part_fields(5, 10)), WHOLE[5:10], TAG, None)
    assert whole is not None
    assert b"content-range" not in whole.fields


def test_a_gap_is_not_filled() -> None:
    assert combined(stored(0, 3), 4, 6) is None
    assert combined(stored(4, 6), 0, 3) is None


@pytest.mark.parametrize("tag", [EntityTag(b"b"), EntityTag(b"a", weak=True), None])
def test_parts_of_different_versions_stay_apart(tag: EntityTag | None) -> None:
    assert combined(stored(0, 5), 5, 10, tag) is None


def test_parts_of_different_length_stay_apart() -> None:
    fields = fields_of({**part_fields(5, 10), "Content-Range": "bytes 5-9/11"})
    assert combine(stored(0, 5), fields, WHOLE[5:10], TAG, None) is None


def test_a_part_that_came_short_is_not_combined() -> None:
    assert combine(stored(0, 5), fields_of(part_fields(5, 10)), b"567", TAG, None) is None


def test_a_strong_modification_date_joins_parts_too() -> None:
    modified = {"ETag": "", "Last-Modified": date(-60)}
    old = stored(0, 5, **modified)
    new = fields_of(part_fields(5, 10, **modified))
    made = combine(old, new, WHOLE[5:10], None, wall(-60))
    assert made is not None
    assert made.body == WHOLE
    assert combine(old, new, WHOLE[5:10], None, wall(-61)) is None
    assert combine(old, new, WHOLE[5:10], TAG, wall(-60)) is None


def test_a_validator_is_strong_or_not() -> None:
    assert has_strong_validator(TAG, None, None)
    assert not has_strong_validator(EntityTag(b"a", weak=True), wall(-60), wall(0))
    assert has_strong_validator(None, wall(-60), wall(0))
    assert not has_strong_validator(None, wall(-60), None)
    assert not has_strong_validator(None, wall(0), wall(0))
    assert not has_strong_validator(None, None, wall(0))


def test_what_cannot_be_placed_is_no_usable_part() -> None:
    fine = fields_of(part_fields(0, 5))
    assert usable_part(fine, TAG, None, wall(0)) == (0, 5, 10)
    assert usable_part(fine, None, None, wall(0)) is None
    assert usable_part(fields_of({"Content-Range": "bytes 0-4/*"}), TAG, None, wall(0)) is None


def test_a_date_counts_only_if_it_is_one() -> None:
    assert own_date(fields_of({"Date": date(7)}), wall(0)) == wall(7)
    assert own_date(fields_of({"Date": "today"}), wall(0)) is None
    assert own_date(fields_of({}), wall(0)) is None


bounds = st.tuples(st.integers(0, 10), st.integers(0, 10)).filter(lambda pair: pair[0] < pair[1])


@given(bounds, bounds)
def test_a_combination_is_what_both_parts_say(one: tuple[int, int], two: tuple[int, int]) -> None:
    made = combine(stored(*one), fields_of(part_fields(*two)), WHOLE[slice(*two)], TAG, None)
    start, end = min(one[0], two[0]), max(one[1], two[1])
    if max(one[0], two[0]) > min(one[1], two[1]):
        assert made is None
    else:
        assert made is not None
        assert made.body == WHOLE[start:end]
        assert (made.status == 200) is (made.body == WHOLE)
