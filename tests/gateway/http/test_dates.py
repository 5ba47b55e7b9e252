from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway.http.dates import DateCache, format_date
from gateway.http.message import WallTime

FROM_1970_TO_9999 = st.floats(0, 253_402_300_799, allow_nan=False)


def test_a_date_is_an_imf_fixdate() -> None:
    assert format_date(784_111_777) == b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert format_date(0) == b"Thu, 01 Jan 1970 00:00:00 GMT"
    assert format_date(WallTime(951_782_400.999)) == b"Tue, 29 Feb 2000 00:00:00 GMT"


@given(FROM_1970_TO_9999)
def test_a_date_reads_back_as_its_second(wall: float) -> None:
    octets = format_date(int(wall))
    assert len(octets) == 29
    assert parsedate_to_datetime(octets.decode()) == datetime.fromtimestamp(int(wall), UTC)


def test_a_date_is_made_once_a_second() -> None:
    dates = DateCache()
    first = dates.at(784_111_777.0)
    assert first == b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert dates.at(784_111_777.999) is first
    assert dates.at(784_111_778.0) == b"Sun, 06 Nov 1994 08:49:38 GMT"


def test_a_clock_that_jumps_back_is_followed() -> None:
    dates = DateCache()
    dates.at(784_111_777)
    assert dates.at(0.5) == b"Thu, 01 Jan 1970 00:00:00 GMT"


@given(st.lists(FROM_1970_TO_9999, max_size=5))
def test_what_is_kept_never_differs_from_what_is_made_anew(times: list[float]) -> None:
    dates = DateCache()
    for wall in times:
        assert dates.at(wall) == format_date(int(wall))
