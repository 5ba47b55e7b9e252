"""The place in the log over a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.sharing.place_file import NAME, PlaceFile


def test_a_place_is_kept(tmp_path: Path) -> None:
    PlaceFile(tmp_path).write(b"12-3")
    assert PlaceFile(tmp_path).read() == b"12-3"
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_it_never_moves_back(tmp_path: Path) -> None:
    file = PlaceFile(tmp_path)
    file.write(b"12-3")
    file.write(b"12-2")
    assert file.read() == b"12-3"


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff", b"12-x"])
def test_what_cannot_be_read_is_no_place(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert PlaceFile(tmp_path).read() == b""
    PlaceFile(tmp_path).write(b"1-0")
    assert PlaceFile(tmp_path).read() == b"1-0"


def test_a_folder_that_is_not_there_is_no_reason_to_stop(tmp_path: Path) -> None:
    file = PlaceFile(tmp_path / "missing")
    file.write(b"1-0")
    assert file.read() == b""
