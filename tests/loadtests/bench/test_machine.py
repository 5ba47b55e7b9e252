"""What a measurement says about where it was made."""

import pytest

from loadtests.bench.machine import cpu_model, describe, first_line


def test_the_model_is_found_in_cpuinfo() -> None:
    assert cpu_model("processor\t: 0\nmodel name\t: Model X\nmodel name\t: Model Y\n") == "Model X"
    assert cpu_model("processor: 0\n") == "unknown"


def test_the_first_line_is_the_first_that_says_anything() -> None:
    assert first_line("\n  nginx version: 1\nmore") == "nginx version: 1"
    assert first_line("") == ""


def test_a_program_that_is_missing_is_left_out(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    facts = describe()
    assert "nginx" not in facts
    assert {"cpu", "kernel", "python", "uvloop"} <= facts.keys()
