import pytest

from loadtests.store import speed
from loadtests.store.__main__ import table
from loadtests.store.speed import Speed


def test_a_figure_may_reach_its_bound_but_not_pass_it() -> None:
    assert Speed("gets", 10.0, 10.0, "a second").is_within
    assert not Speed("gets", 9.9, 10.0, "a second").is_within
    assert Speed("purge", 1.0, 1.0, "s", more_is_better=False).is_within
    assert not Speed("purge", 1.1, 1.0, "s", more_is_better=False).is_within


def test_every_measurement_gives_a_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(1000))
    monkeypatch.setattr("time.process_time", lambda: float(next(ticks)))
    assert speed.gets(10, 1000).figure == 1000
    assert speed.sets(400).figure == 400
    removal, step = speed.purge(1000)
    assert "1,000 responses" in removal.what
    assert step.figure == 1000  # milliseconds of one tick


def test_the_table_says_which_is_over() -> None:
    lines = table([Speed("gets", 12e6, 1e6, "a second"), Speed("sets", 1.0, 2.0, "a second")]).splitlines()
    assert "12,000,000" in lines[2]
    assert "within" in lines[2]
    assert "OVER" in lines[3]
