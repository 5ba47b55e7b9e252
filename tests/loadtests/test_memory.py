"""Bounds on memory."""

from loadtests.memory import Result, table


def test_a_figure_may_reach_its_bound_but_not_pass_it() -> None:
    assert Result("x", 12.0, 12.0, "KiB").is_within
    assert not Result("x", 12.1, 12.0, "KiB").is_within


def test_the_table_says_which_is_over() -> None:
    lines = table([Result("small", 1.0, 12.0, "KiB"), Result("large", 20.0, 16.0, "MiB")]).splitlines()
    assert "within" in lines[2]
    assert "OVER" in lines[3]
