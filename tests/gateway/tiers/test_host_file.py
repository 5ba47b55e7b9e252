from pathlib import Path

import pytest

from gateway.tiers.host_file import NAME, HostFile, is_broken

SIZE = 2**22


def put(file: HostFile, place: bytes, octets: bytes) -> None:
    with file.env.begin(write=True) as txn:
        txn.put(place, octets, db=file.records)


def get(file: HostFile, place: bytes) -> bytes | None:
    with file.env.begin() as txn:
        found: bytes | None = txn.get(place, db=file.records)
        return found


def test_it_keeps_what_it_held(tmp_path: Path) -> None:
    file = HostFile(tmp_path / "new" / "folder", SIZE)
    put(file, b"1", b"one")
    file.close()
    again = HostFile(tmp_path / "new" / "folder", SIZE)
    assert (get(again, b"1"), again.was_broken) == (b"one", None)
    again.close()


@pytest.mark.parametrize("octets", [b"", b"x", b"not a store" * 10_000])
def test_what_is_no_store_is_begun_anew(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / NAME).write_bytes(octets)
    file = HostFile(tmp_path, SIZE)
    put(file, b"1", b"one")
    assert get(file, b"1") == b"one"
    assert (file.was_broken is not None) == bool(octets)
    file.close()


def test_a_file_that_was_cut_short_is_begun_anew(tmp_path: Path) -> None:
    file = HostFile(tmp_path, SIZE)
    put(file, b"1", b"x" * 200_000)
    file.close()
    with (tmp_path / NAME).open("r+b") as cut:
        cut.truncate(40_960)
    again = HostFile(tmp_path, SIZE)
    assert again.was_broken is not None
    assert get(again, b"1") is None
    again.close()


def test_one_process_opens_it_once(tmp_path: Path) -> None:
    file = HostFile(tmp_path, SIZE)
    with pytest.raises(OSError, match="in use"):
        HostFile(tmp_path, SIZE)
    file.close()
    HostFile(tmp_path, SIZE).close()


def test_a_file_that_was_removed_is_not_current_any_more(tmp_path: Path) -> None:
    file = HostFile(tmp_path, SIZE)
    seen = [file.is_current]
    file.remove()
    seen.append(file.is_current)
    file.remove()
    assert seen == [True, False]
    file.close()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        HostFile(tmp_path / "file", SIZE)
    assert not is_broken(OSError())


def test_used_octets_grow_with_what_is_put(tmp_path: Path) -> None:
    file = HostFile(tmp_path, SIZE)
    with file.env.begin(write=True) as txn:
        before = file.used(txn)
        txn.put(b"1", b"x" * 100_000, db=file.records)
        assert 100_000 < file.used(txn) - before < 120_000
    file.close()


def test_others_may_not_read_it(tmp_path: Path) -> None:
    file = HostFile(tmp_path / "own", SIZE)
    assert (tmp_path / "own").stat().st_mode & 0o077 == 0
    assert (tmp_path / "own" / NAME).stat().st_mode & 0o077 == 0
    file.close()
