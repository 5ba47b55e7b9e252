from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.layout import arrange, columns_for, height
from gateway.demo.panels import Panel


def of_height(lines: int) -> Panel:
    return Panel(f"{lines} lines", (("a", "b"),) * (lines - 2))


def test_the_height_counts_frame_rows_headings_and_note() -> None:
    assert height(Panel("x", (("a",), ("b",)))) == 4
    assert height(Panel("x", (("a",), ("b",)), headings=("h",), note="n")) == 6


def test_a_narrow_terminal_has_one_column_and_a_wide_one_more() -> None:
    assert [columns_for(width) for width in (20, 80, 124, 200)] == [1, 1, 2, 3]


def test_panels_fill_the_shorter_column() -> None:
    panels = [of_height(10), of_height(5), of_height(7), of_height(6)]
    left, right = arrange(panels, width=130, lines=40)
    assert left == [panels[0], panels[3]]
    assert right == [panels[1], panels[2]]


def test_a_panel_that_does_not_fit_is_left_out_and_a_smaller_one_takes_its_place() -> None:
    panels = [of_height(10), of_height(15), of_height(8)]
    assert arrange(panels, width=80, lines=20) == [[panels[0], panels[2]]]


@given(st.lists(st.integers(2, 30).map(of_height)), st.integers(0, 300), st.integers(-2, 80))
def test_no_column_is_higher_than_the_terminal(panels: list[Panel], width: int, lines: int) -> None:
    for column in arrange(panels, width, lines):
        assert not column or sum(map(height, column)) <= lines
