"""Where panels go on a terminal of a given size. No I/O, no terminal."""

from collections.abc import Iterable

from gateway.demo.panels import Panel

COLUMN_WIDTH = 62
"""Characters that a panel needs to show its rows in full."""


def height(panel: Panel) -> int:
    """Lines of a panel in its frame, no line being folded."""
    return len(panel.rows) + bool(panel.headings) + bool(panel.note) + 2


def columns_for(width: int) -> int:
    """How many panels fit side by side."""
    return max(1, width // COLUMN_WIDTH)


def arrange(panels: Iterable[Panel], width: int, lines: int) -> list[list[Panel]]:
    """Columns of panels: each goes below the shortest column so far, and is left out where it would not fit."""
    columns: list[list[Panel]] = [[] for _ in range(columns_for(width))]
    filled = [0] * len(columns)
    for panel in panels:
        shortest = filled.index(min(filled))
        if filled[shortest] + height(panel) <= lines:
            columns[shortest].append(panel)
            filled[shortest] += height(panel)
    return columns
