"""A rate as it is written: `100/m`, `5/s`, `1000/h`, `20/30s`."""

import re

_RATE = re.compile(r"([1-9][0-9]{0,8})/([0-9]{0,6})(s|m|h|d)", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_WINDOW = 366 * 86400


def parse_rate(text: str) -> tuple[int, int]:
    """How many, and in how many seconds. Raises ValueError with words for what is no rate."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError("must be a rate such as 10/s, 100/m, 1000/h or 20/30s")
    window = int(match[2] or 1) * _UNITS[match[3]]
    if not 0 < window <= _LONGEST_WINDOW:
        raise ValueError("has a window that is not between a second and a year")
    return int(match[1]), window
