"""HTTP dates (RFC 9110 §5.6.7)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from email.utils import formatdate

from gateway.http.memo import Memo
from gateway.http.message import WallTime


def format_date(wall: WallTime | float) -> bytes:
    """IMF-fixdate, as a Date field has it."""
    return formatdate(wall, usegmt=True).encode("ascii")


class DateCache:
    """The Date of now, made once a second."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = -1
        self._text = b""

    def at(self, wall: WallTime | float) -> bytes:
        """IMF-fixdate of `wall`."""
        second = int(wall)
        if second != self._second:
            self._second = second
            self._text = format_date(second)
        return self._text


def parse_date(value: bytes, now: WallTime) -> WallTime | None:
    """Seconds since 1970 of an HTTP-date, negative before; `None` for anything but the three formats in GMT.

    `now` is the reference for the two-digit years of RFC 850. Names are read in any case (RFC 9111 §4.2); the day of
    the week must be one, but which one does not matter: the date says it better."""
    if len(value) > _LONGEST:
        return None
    fixed = _full_years[value]
    return fixed if fixed is not None else _two_digit_year(value, now)


_LONGEST = len(b"Wednesday, 06-Nov-94 08:49:37 GMT")
_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1
    )
}
_DAY_NAME = rb"(?:mon|tue|wed|thu|fri|sat|sun)"
_DAY_NAME_LONG = rb"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_MONTH = rb"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_TIME = rb"([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)"  # 60 is a leap second

_imf_fixdate = re.compile(_DAY_NAME + rb", (\d\d) " + _MONTH + rb" (\d{4}) " + _TIME + rb" gmt", re.I).fullmatch
_asctime = re.compile(_DAY_NAME + b" " + _MONTH + rb" (\d\d| \d) " + _TIME + rb" (\d{4})", re.I).fullmatch
_rfc850 = re.compile(_DAY_NAME_LONG + rb", (\d\d)-" + _MONTH + rb"-(\d\d) " + _TIME + rb" gmt", re.I).fullmatch

_EPOCH = date(1970, 1, 1).toordinal()
_YEARS_AHEAD = 50


def _full_year(value: bytes) -> WallTime | None:
    if found := _imf_fixdate(value):
        day, month, year, hour, minute, second = found.groups()
    elif found := _asctime(value):
        month, day, hour, minute, second, year = found.groups()
    else:
        return None
    return _wall_time(int(year), _MONTHS[month.lower()], int(day), int(hour), int(minute), int(second))


def _two_digit_year(value: bytes, now: WallTime) -> WallTime | None:
    """A date more than 50 years ahead of `now` is the latest one in the past with those digits (RFC 9110 §5.6.7)."""
    found = _rfc850(value)
    if found is None:
        return None
    rest = (_MONTHS[found[2].lower()], int(found[1]), int(found[4]), int(found[5]), int(found[6]))
    present = datetime.fromtimestamp(now, UTC)
    year = present.year + _YEARS_AHEAD
    year -= (year - int(found[3])) % 100
    furthest = (present.month, present.day, present.hour, present.minute, present.second)
    if year == present.year + _YEARS_AHEAD and rest > furthest:
        year -= 100
    return _wall_time(year, *rest)


def _wall_time(year: int, month: int, day: int, hour: int, minute: int, second: int) -> WallTime | None:
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:  # 31 June, 29 February of a common year, the year 0
        return None
    return WallTime(float(days * 86_400 + hour * 3_600 + minute * 60 + second))


_full_years: Memo[bytes, WallTime | None] = Memo(_full_year)
