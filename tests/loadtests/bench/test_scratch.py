"""Where the files of a run are kept."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from loadtests.bench.scratch import scratch_root


def test_a_directory_that_programs_may_run_from_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=0))
    assert scratch_root(tmp_path) == tmp_path


def test_one_without_programs_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_NOEXEC))
    assert scratch_root(tmp_path) is None


def test_one_that_does_not_exist_is_not(tmp_path: Path) -> None:
    assert scratch_root(tmp_path / "missing") is None
