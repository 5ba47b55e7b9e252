"""Hit ratios as a picture: one panel for each trace, one line for each policy."""

import math
from collections.abc import Iterable, Sequence

from loadtests.store.hits import SHARES, HitRatio

_WIDTH, _HEIGHT = 250, 220
_LEFT, _TOP, _GAP, _BELOW = 48, 36, 26, 62
_COLOURS = ("#0b6e4f", "#c1440e", "#3b5b92", "#7a5195")


def svg(ratios: Sequence[HitRatio]) -> str:
    """An SVG document, readable on a light and on a dark page."""
    traces = list(dict.fromkeys(row.trace for row in ratios))
    policies = list(dict.fromkeys(row.policy for row in ratios))
    colours = dict(zip(policies, _COLOURS, strict=False))
    width = _LEFT + len(traces) * (_WIDTH + _GAP)
    height = _TOP + _HEIGHT + _BELOW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' font-family="sans-serif" font-size="11" role="img">',
        "<title>Hit ratio by size of the cache</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for at, trace in enumerate(traces):
        left = _LEFT + at * (_WIDTH + _GAP)
        parts += _frame(left, trace)
        for policy in policies:
            points = [(row.share, row.ratio) for row in ratios if (row.trace, row.policy) == (trace, policy)]
            parts += _line(left, points, colours[policy])
    parts += _legend(colours.items(), height - 12)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _frame(left: int, trace: str) -> list[str]:
    bottom = _TOP + _HEIGHT
    parts = [_text(left + _WIDTH / 2, _TOP - 14, trace, size=13)]
    for percent in range(0, 101, 20):
        y = _y(percent / 100)
        parts.append(f'<path d="M{left} {y:.1f}h{_WIDTH}" stroke="#dddddd"/>')
        parts.append(_text(left - 4, y + 4, f"{percent}", anchor="end"))
    for share in SHARES:
        x = _x(left, share)
        parts.append(f'<path d="M{x:.1f} {bottom}v4" stroke="#444444"/>')
        parts.append(_text(x, bottom + 16, f"{share:.0%}"))
    parts.append(f'<path d="M{left} {_TOP}V{bottom}h{_WIDTH}" stroke="#444444" fill="none"/>')
    parts.append(_text(left + _WIDTH / 2, bottom + 32, "cache, as a part of all there is"))
    return parts


def _line(left: int, points: Iterable[tuple[float, float]], colour: str) -> list[str]:
    places = [f"{_x(left, share):.1f},{_y(ratio):.1f}" for share, ratio in points]
    line = f'<polyline points="{" ".join(places)}" fill="none" stroke="{colour}" stroke-width="2"/>'
    dots = (place.split(",") for place in places)
    return [line, *(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in dots)]


def _legend(colours: Iterable[tuple[str, str]], y: int) -> list[str]:
    parts = []
    for at, (policy, colour) in enumerate(colours):
        x = _LEFT + at * 110
        parts.append(f'<path d="M{x} {y - 4}h24" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(x + 30, y, f"{policy}, hits in %", anchor="start"))
    return parts


def _text(x: float, y: float, text: str, *, anchor: str = "middle", size: int = 11) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="#222222">{text}</text>'


def _x(left: int, share: float) -> float:
    """Sizes stand on a logarithmic scale."""
    lowest, highest = math.log(SHARES[0]), math.log(SHARES[-1])
    return left + _WIDTH * (0.04 + 0.92 * (math.log(share) - lowest) / (highest - lowest))


def _y(ratio: float) -> float:
    return _TOP + _HEIGHT * (1 - ratio)
