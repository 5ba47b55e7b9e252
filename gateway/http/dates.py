"""HTTP dates (RFC 9110 §5.6.7)."""

from __future__ import annotations

from email.utils import formatdate

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
