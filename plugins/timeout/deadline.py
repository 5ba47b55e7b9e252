"""How fields say how much time there is."""

from __future__ import annotations

import re

from gateway.api import WallTime
from plugins.timeout.settings import Format

_DECIMAL = re.compile(rb"([0-9]{1,12})(?:\.([0-9]{1,9}))?")
_GRPC = re.compile(rb"([0-9]{1,8})([HMSmun])")
_GRPC_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}


def read(value: bytes, form: Format, now: WallTime) -> float | None:
    """Seconds that are left, below zero when the moment has passed; `None` for what is not of that form."""
    if form is Format.GRPC:
        match = _GRPC.fullmatch(value)
        return int(match[1]) * _GRPC_UNITS[match[2]] if match is not None else None
    if _DECIMAL.fullmatch(value) is None:
        return None
    number = float(value)
    if form is Format.MILLISECONDS:
        return number / 1000
    return number - now if form is Format.UNIX else number


def write(left: float, form: Format, now: WallTime) -> bytes:
    """`left` seconds as a field value, rounded down: better told a little less than too much."""
    milliseconds = max(0, int(left * 1000))
    match form:
        case Format.MILLISECONDS:
            return b"%d" % milliseconds
        case Format.SECONDS:
            return b"%d.%03d" % divmod(milliseconds, 1000)
        case Format.UNIX:
            return b"%d.%03d" % divmod(int((now + left) * 1000), 1000)
        case Format.GRPC:
            return b"%dm" % milliseconds if milliseconds < 10**8 else b"%dS" % (milliseconds // 1000)
