from pathlib import Path

import pytest

from loadtests.sweep import Popular, sweep


def test_a_sweep_is_reported_as_the_origin_saw_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, shop = sweep(tmp_path / "sweep", pages=120, changed=5, gone=2)
    found = report["report"]
    assert report["state"] == "done"
    assert found["confirmed"] == shop.confirmed == 113
    assert found["changed"] == shop.whole
    assert found["changed"] >= 5
    assert found["octets_saved"] > 0
    assert "questions that 304 answered" in capsys.readouterr().out


def test_clients_of_popular_answers_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = Popular("on", 0.0, {"refresh_ahead": {}}, rounds=0.2).run(tmp_path / "popular")
    assert seen.answers > 0
    assert "| on | 0 ms |" in capsys.readouterr().out
