"""Tables."""

from loadtests.support.table import render


def test_names_are_aligned_left_and_figures_right() -> None:
    assert render(("peer", "µs"), [("nginx", "13.7"), ("ours", "9")]) == (
        "| peer  |   µs |\n| ----- | ---: |\n| nginx | 13.7 |\n| ours  |    9 |"
    )


def test_a_table_without_rows_is_its_header() -> None:
    assert render(("a", "b"), []) == "| a | b |\n| - | : |"
