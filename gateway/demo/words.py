"""Numbers as people read them. No I/O, no clock."""

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"


def milliseconds(seconds: float | None) -> str:
    """A duration in milliseconds with three digits that count; a dash for none."""
    if seconds is None:
        return "–"
    value = seconds * 1000
    digits = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} ms"


def rate(value: float) -> str:
    """How many a second; one decimal place where there are few."""
    return f"{value:.1f}" if 0 < value < 10 else f"{value:,.0f}"


def share(part: float, whole: float) -> str:
    """A part of a whole in per cent; a dash where there is no whole."""
    return f"{100 * part / whole:.0f} %" if whole > 0 else "–"


def amount(octets: float) -> str:
    """Octets in decimal units."""
    for unit in ("B", "kB", "MB"):
        if octets < 999.5:
            return f"{octets:.0f} {unit}" if unit == "B" else f"{octets:.3g} {unit}"
        octets /= 1000
    return f"{octets:.3g} GB"


def clock(seconds: float) -> str:
    """Minutes and seconds since the start."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def curve(values: Sequence[float]) -> str:
    """A line of bars, the highest value as the highest bar; empty without values."""
    highest = max(values, default=0)
    if highest <= 0:
        return _BARS[0] * len(values)
    return "".join(_BARS[round(value / highest * (len(_BARS) - 1))] for value in values)
