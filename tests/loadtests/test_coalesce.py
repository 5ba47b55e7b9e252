"""Promises about crowds."""

from loadtests.coalesce import Result, table


def test_the_table_says_which_promise_is_broken() -> None:
    lines = table([Result("one", "1", "1", is_kept=True), Result("two", "3", "2", is_kept=False)]).splitlines()
    assert "kept" in lines[2]
    assert "BROKEN" in lines[3]
