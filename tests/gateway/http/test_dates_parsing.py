from calendar import timegm
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.dates import format_date, parse_date
from gateway.http.message import WallTime

THEN = WallTime(784_111_777.0)  # 6 November 1994, 08:49:37
NOW = WallTime(1_700_000_000.0)  # 14 November 2023, 22:13:20
LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda moment: moment.replace(microsecond=0))


def wall(moment: datetime) -> float:
    return (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()


def rfc850(moment: datetime) -> bytes:
    return f"{LONG_DAYS[moment.weekday()]}, {moment:%d-%b-%y %H:%M:%S} GMT".encode()


@pytest.mark.parametrize(
    "value",
    [
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
        b"Sun Nov 06 08:49:37 1994",
    ],
)
def test_the_three_formats_name_the_same_second(value: bytes) -> None:
    assert parse_date(value, NOW) == THEN
    assert parse_date(value, NOW) == THEN
    assert parse_date(value.upper(), NOW) == THEN
    assert parse_date(value.lower(), NOW) == THEN


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"0", b"-1", b"now", b"784111777"),
        b"Sun, 06 Nov 1994 08:49:37 UTC",
        b"Sun, 06 Nov 1994 08:49:37 +0000",
        b"Sun, 06 Nov 1994 08:49:37 EST",
        b"Sun, 06 Nov 1994 08:49:37 Z",
        b"Sun, 06 Nov 1994 08:49:37",
        b"Sun, 06 Nov 1994 08:49:37 GMT ",
        b" Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 08:49:37 GMT\n",
        b"Sun 06 Nov 1994 08:49:37 GMT",
        b"Sun,06 Nov 1994 08:49:37 GMT",
        b"Sun, 06  Nov 1994 08:49:37 GMT",
        b"Sun, 6 Nov 1994 08:49:37 GMT",
        b"Sun,  6 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 8:49:37 GMT",
        b"Sun, 06 Nov 1994 08.49.37 GMT",
        b"Sun, 06 Nov 1994 08:49 GMT",
        b"Sun, 06 Nov 94 08:49:37 GMT",
        b"Sun, 06 Nov 01994 08:49:37 GMT",
        b"Sun, 06-Nov-1994 08:49:37 GMT",
        b"Sun, 06-Nov-94 08:49:37 GMT",
        b"Sunday, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-1994 08:49:37 GMT",
        b"Sunday, 6-Nov-94 08:49:37 GMT",
        b"Sun, 06 November 1994 08:49:37 GMT",
        b"Son, 06 Nov 1994 08:49:37 GMT",
        b"06 Nov 1994 08:49:37 GMT",
        b"Sun Nov 6 08:49:37 1994",
        b"Sun Nov  6 08:49:37 1994 GMT",
        b"Sun Nov  6 08:49:37 94",
        b"Sunday Nov  6 08:49:37 1994",
        b"1994-11-06T08:49:37Z",
        b"Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT".encode(),
    ],
)
def test_anything_else_is_no_date(value: bytes) -> None:
    assert parse_date(value, NOW) is None


@pytest.mark.parametrize(
    "value",
    [
        b"Sun, 00 Nov 1994 08:49:37 GMT",
        b"Sun, 31 Nov 1994 08:49:37 GMT",
        b"Wed, 29 Feb 2023 00:00:00 GMT",
        b"Thu, 29 Feb 1900 00:00:00 GMT",
        b"Sun, 06 Nov 0000 08:49:37 GMT",
        b"Sun, 06 Nov 1994 24:00:00 GMT",
        b"Sun, 06 Nov 1994 08:60:37 GMT",
        b"Sun, 06 Nov 1994 08:49:61 GMT",
        b"Thursday, 29-Feb-23 00:00:00 GMT",
        b"Sun Nov 31 08:49:37 1994",
    ],
)
def test_a_day_or_time_that_does_not_exist_is_no_date(value: bytes) -> None:
    assert parse_date(value, NOW) is None


def test_a_leap_second_is_the_second_after() -> None:
    after = parse_date(b"Sun, 01 Jan 2017 00:00:00 GMT", NOW)
    assert parse_date(b"Sat, 31 Dec 2016 23:59:60 GMT", NOW) == after == 1_483_228_800.0


def test_which_day_of_the_week_it_is_does_not_matter() -> None:
    assert parse_date(b"Mon, 06 Nov 1994 08:49:37 GMT", NOW) == THEN


def test_a_date_before_1970_is_negative() -> None:
    assert parse_date(b"Wed, 31 Dec 1969 23:59:59 GMT", NOW) == -1.0


@pytest.mark.parametrize(
    ("value", "year"),
    [
        (b"Tuesday, 14-Nov-23 22:13:20 GMT", 2023),
        (b"Tuesday, 14-Nov-73 22:13:00 GMT", 2073),
        (b"Tuesday, 14-Nov-73 22:13:20 GMT", 2073),  # fifty years to the second are not more than fifty
        (b"Wednesday, 14-Nov-73 22:13:21 GMT", 1973),
        (b"Saturday, 15-Dec-73 00:00:00 GMT", 1973),
        (b"Saturday, 01-Jan-74 00:00:00 GMT", 1974),
        (b"Friday, 31-Dec-99 23:59:59 GMT", 1999),
        (b"Saturday, 01-Jan-00 00:00:00 GMT", 2000),
    ],
)
def test_two_digits_are_a_year_at_most_fifty_years_ahead(value: bytes, year: int) -> None:
    found = parse_date(value, NOW)
    assert found is not None
    assert datetime.fromtimestamp(found, UTC).year == year


def test_two_digits_name_another_century_as_time_goes_by() -> None:
    value = b"Friday, 10-Jan-10 00:00:00 GMT"
    years = {}
    for now in (1959, 1961, 2059, 2061, 2096):
        found = parse_date(value, WallTime(float(timegm((now, 6, 1, 0, 0, 0)))))
        assert found is not None
        years[now] = datetime.fromtimestamp(found, UTC).year
    assert years == {1959: 1910, 1961: 2010, 2059: 2010, 2061: 2110, 2096: 2110}


@given(st.integers(0, 253_402_300_799))
def test_what_is_written_is_read(second: int) -> None:
    assert parse_date(format_date(second), NOW) == float(second)


@given(MOMENTS)
def test_every_second_is_read_in_both_formats_with_a_full_year(moment: datetime) -> None:
    assert parse_date(f"{moment:%a, %d %b} {moment.year:04} {moment:%H:%M:%S} GMT".encode(), NOW) == wall(moment)
    day = f"{moment.day:2}"
    assert parse_date(f"{moment:%a %b} {day} {moment:%H:%M:%S} {moment.year:04}".encode(), NOW) == wall(moment)


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2900, 1, 1)),
    st.timedeltas(timedelta(days=-49 * 365), timedelta(days=49 * 365)),
)
def test_a_date_within_fifty_years_of_now_survives_two_digits(now: datetime, distance: timedelta) -> None:
    moment = (now + distance).replace(microsecond=0)
    assert parse_date(rfc850(moment), WallTime(wall(now))) == wall(moment)


@given(st.binary(max_size=40) | st.text("SunMonday, 06Nv19948:GMT-", max_size=33).map(str.encode))
def test_any_value_is_a_date_or_none(value: bytes) -> None:
    found = parse_date(value, NOW)
    assert found is None or isinstance(found, float)
