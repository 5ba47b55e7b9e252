import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.conditional import range_applies
from gateway.http.dates import format_date
from gateway.http.fields import Fields
from gateway.http.message import WallTime
from gateway.http.validators import EntityTag

MODIFIED = WallTime(1_600_000_000.0)
LONG_AFTER = WallTime(1_700_000_000.0)
STRONG, WEAK = EntityTag(b"a"), EntityTag(b"a", weak=True)


def applies(
    value: bytes,
    etag: EntityTag | None = STRONG,
    last_modified: WallTime | None = MODIFIED,
    date: WallTime | None = LONG_AFTER,
) -> bool:
    return range_applies(Fields([(b"If-Range", value)]), etag, last_modified, date)


def test_a_range_without_if_range_applies() -> None:
    assert range_applies(Fields([(b"Range", b"bytes=0-1")]), None, None, None)


@pytest.mark.parametrize(
    ("value", "etag", "expected"),
    [
        (b'"a"', STRONG, True),
        (b'"b"', STRONG, False),
        (b'W/"a"', STRONG, False),
        (b'"a"', WEAK, False),
        (b'W/"a"', WEAK, False),
        (b'"a"', None, False),
    ],
)
def test_an_entity_tag_must_be_strongly_equal(value: bytes, etag: EntityTag | None, expected: bool) -> None:
    assert applies(value, etag) is expected


@pytest.mark.parametrize("value", [b"*", b"a", b'"a", "a"', b'"a', b"", b"0"])
def test_what_is_neither_one_tag_nor_a_date_lets_no_range_through(value: bytes) -> None:
    assert not applies(value)


@pytest.mark.parametrize(("distance", "expected"), [(-1, False), (0, True), (1, False)])
def test_a_date_must_be_the_very_one(distance: int, expected: bool) -> None:
    assert applies(format_date(MODIFIED + distance)) is expected
    assert applies(format_date(MODIFIED + distance), etag=None) is expected


def test_the_very_date_may_come_in_an_old_format() -> None:
    assert applies(b"Sunday, 13-Sep-20 12:26:40 GMT")
    assert applies(b"Sun Sep 13 12:26:40 2020")


@pytest.mark.parametrize("date", [None, WallTime(MODIFIED - 5), MODIFIED, WallTime(MODIFIED + 0.5)])
def test_a_weak_date_lets_no_range_through(date: WallTime | None) -> None:
    assert not applies(format_date(MODIFIED), date=date)
    assert applies(format_date(MODIFIED), date=WallTime(MODIFIED + 1))


def test_without_last_modified_no_date_fits() -> None:
    assert not applies(format_date(MODIFIED), last_modified=None)


@given(st.text(max_size=20))
def test_any_value_is_judged(text: str) -> None:
    value = text.encode().translate(None, bytes([*range(9), *range(10, 32), 127])).strip(b" \t")
    assert applies(value) is (value == b'"a"')
