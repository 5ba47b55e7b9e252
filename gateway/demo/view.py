"""The live view in the terminal: how panels look. The only file of the demonstration that knows rich."""

from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel as Frame
from rich.table import Table
from rich.text import Text

from gateway.demo.layout import arrange
from gateway.demo.panels import PANELS, Panel
from gateway.demo.snapshot import Snapshot
from gateway.demo.words import clock

_TITLE_LINES = 1
_SPARE_LINES = 1
"""The line of the cursor."""


def frame(panel: Panel, *, fold: bool = False) -> RenderableType:
    """One panel in its frame, one line for each row unless `fold`. Text stands as it is: nothing in it is markup."""
    table = Table(box=None, padding=(0, 1), show_header=bool(panel.headings), header_style="dim", expand=True)
    width = max((len(row) for row in (*panel.rows, panel.headings)), default=0)
    for index in range(width):
        heading = panel.headings[index] if index < len(panel.headings) else ""
        numbers = index > 0 and bool(panel.headings)
        table.add_column(
            Text(heading),
            justify="right" if numbers else "left",
            no_wrap=not fold,
            overflow="fold" if fold else "ellipsis",
            ratio=None if index < width - 1 or numbers else 1,
        )
    for row in panel.rows:
        table.add_row(*(Text(cell, style="bold" if index else "") for index, cell in enumerate(row)))
    note = [Text(f" {panel.note}", style="dim italic", no_wrap=not fold, overflow="ellipsis")] if panel.note else []
    return Frame(
        Group(table, *note), title=Text(panel.title, style="bold cyan"), title_align="left", border_style="dim"
    )


def picture(snapshot: Snapshot, width: int, lines: int) -> RenderableType:
    """The panels that a terminal of that size has room for."""
    panels = [panel for make in PANELS if (panel := make(snapshot)) is not None]
    columns = arrange(panels, width, lines - _TITLE_LINES - _SPARE_LINES)
    grid = Table.grid(expand=True)
    for _ in columns:
        grid.add_column(ratio=1)
    grid.add_row(*(Group(*map(frame, column)) for column in columns))
    title = Text.assemble(
        (" slipstream demo", "bold"), f"   {clock(snapshot.elapsed)}   ", ("Ctrl-C ends it", "dim italic")
    )
    return Group(title, grid)


class LiveView:
    """The picture that follows events. A context manager: the terminal is as before when it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.__exit__(None, None, None)

    def show(self, snapshot: Snapshot) -> None:
        """The next picture."""
        self._live.update(picture(snapshot, self._console.width, self._console.height), refresh=True)
