import io

import pytest
from rich.console import Console, RenderableType

from gateway.demo.layout import height
from gateway.demo.panels import PANELS, Panel
from gateway.demo.reports import Sample
from gateway.demo.snapshot import Addresses, Event, Snapshot
from gateway.demo.view import LiveView, frame, picture

MOMENT = Snapshot(
    elapsed=75.0,
    addresses=Addresses("127.0.0.1:8080", "127.0.0.1:9900", "127.0.0.1:4000"),
    window=10.0,
    samples=(Sample("product", 200, 0.002, 10),) * 50,
    events=(Event(5.0, "a very long event " * 20),),
)


def shown(what: RenderableType, width: int = 120) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(what)
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue().splitlines()


def test_text_of_a_panel_stands_as_it_is_even_when_it_looks_like_markup() -> None:
    text = "\n".join(shown(frame(Panel("Title", (("[red]name", "[/x] value"),)))))
    assert "Title" in text
    assert "[red]name" in text
    assert "[/x] value" in text


@pytest.mark.parametrize("make", PANELS)
def test_a_panel_is_as_high_as_the_layout_reckons(make: object) -> None:
    assert callable(make)
    panel = make(MOMENT)
    if panel is not None:
        assert len(shown(frame(panel), width=62)) == height(panel)


def test_a_folded_panel_keeps_all_of_a_long_text() -> None:
    words = [f"word{number}" for number in range(40)]
    text = "".join(shown(frame(Panel("x", (("a", " ".join(words)),)), fold=True), width=50))
    assert all(word in text for word in words)


@pytest.mark.parametrize(("width", "lines"), [(80, 24), (132, 40), (210, 60), (40, 10)])
def test_the_picture_fits_the_terminal(width: int, lines: int) -> None:
    picture_lines = shown(picture(MOMENT, width, lines), width)
    assert len(picture_lines) < lines
    assert max(map(len, picture_lines)) <= width
    assert "1:15" in picture_lines[0]


def test_an_ordinary_terminal_shows_traffic_and_latency() -> None:
    text = "\n".join(shown(picture(MOMENT, 80, 24), 80))
    assert "requests" in text
    assert "through the gateway" in text


def test_the_live_view_leaves_the_terminal_as_it_was() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=130, height=40, _environ={"TERM": "xterm"})
    with LiveView(console) as view:
        view.show(MOMENT)
        assert "\x1b[?25l" in file.getvalue()  # no cursor while it lives
    assert file.getvalue().count("\x1b[?25h") == 1
    assert "Traffic" in file.getvalue()
