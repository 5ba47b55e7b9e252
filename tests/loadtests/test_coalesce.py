"""Promises about crowds."""

from loadtests.coalesce import Result, p99, table


def test_one_in_a_hundred_may_take_longer() -> None:
    assert p99([float(value) for value in range(100)]) == 99.0
    assert p99([*[1.0] * 199, 9.0]) == 1.0


def test_the_table_says_which_promise_is_broken() -> None:
    lines = table([Result("one", "1", "1", is_kept=True), Result("two", "3", "2", is_kept=False)]).splitlines()
    assert "kept" in lines[2]
    assert "BROKEN" in lines[3]
