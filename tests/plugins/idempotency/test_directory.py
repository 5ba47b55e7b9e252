import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.api import Monotonic, WallTime
from plugins.idempotency.directory import DirectoryStore, remove_unused
from plugins.idempotency.record import Answer, Record
from plugins.idempotency.store import Begun, Done, Running, StoreError
from tests.support.source import ROOT

NOW, WALL = Monotonic(0), WallTime(1_000_000.0)
NAME = bytes(range(32))


def a_store(directory: Path, most: int = 1 << 20, keep: float = 100.0) -> DirectoryStore:
    store = DirectoryStore(directory)
    store.open()
    store.bounds.join(store, most, keep)
    return store


def a_record(body: bytes = b"x") -> Record:
    return Record(b"f", Answer(200, None, ((b"ETag", b'"1"'),), body))


def begin(store: DirectoryStore, name: bytes = NAME, wall: float = WALL) -> Any:
    return store.begin(name, NOW, WallTime(wall))


def finished(store: DirectoryStore, name: bytes = NAME, wall: float = WALL, body: bytes = b"x") -> None:
    found = begin(store, name, wall)
    assert isinstance(found, Begun)
    store.finish(name, found.claim, a_record(body), NOW, WallTime(wall))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "answers"


def test_workers_share_what_they_know(directory: Path) -> None:
    here, there = a_store(directory), a_store(directory)
    first = begin(here)
    assert isinstance(first, Begun)
    assert isinstance(begin(there), Running)
    assert isinstance(begin(here), Running)
    assert isinstance(there.look(NAME, NOW, WALL), Running)
    here.finish(NAME, first.claim, a_record(), NOW, WALL)
    assert begin(there) == begin(here) == there.look(NAME, NOW, WALL) == Done(a_record())


def test_a_name_that_was_released_is_free_again(directory: Path) -> None:
    here, there = a_store(directory), a_store(directory)
    here.release(NAME, begin(here).claim)
    assert there.look(NAME, NOW, WALL) is None
    assert isinstance(begin(there), Begun)


def test_a_claim_ends_with_its_process(directory: Path) -> None:
    store = a_store(directory)
    program = f"""
import os
from pathlib import Path
from plugins.idempotency.directory import DirectoryStore
store = DirectoryStore(Path({str(directory)!r}))
store.open()
assert store.begin({NAME!r}, 0.0, {WALL!r}).claim
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
    assert list(directory.glob("*.lock"))
    assert isinstance(begin(store), Begun)


def test_a_record_is_kept_for_its_time_and_a_clock_set_back_keeps_nothing_for_ever(directory: Path) -> None:
    store = a_store(directory, keep=10)
    finished(store)
    assert isinstance(begin(store, wall=WALL + 9), Done)
    assert isinstance(store.look(NAME, NOW, WallTime(WALL - 11)), type(None))
    found = begin(store, wall=WALL + 10)
    assert isinstance(found, Begun)
    store.release(NAME, found.claim)


def test_records_outlast_the_workers(directory: Path) -> None:
    before = a_store(directory)
    finished(before)
    before.close()
    assert isinstance(begin(a_store(directory)), Done)


def test_what_is_no_record_counts_as_none(directory: Path) -> None:
    store = a_store(directory)
    (directory / f"{NAME.hex()}.done").write_bytes(b"half a rec")
    os.utime(directory / f"{NAME.hex()}.done", (WALL, WALL))
    assert isinstance(begin(store), Begun)


def test_tidying_removes_the_old_the_abandoned_and_the_oldest_of_what_is_too_much(directory: Path) -> None:
    store = a_store(directory, most=2500, keep=100)
    finished(store, b"\x01" * 32, WALL - 200)
    for number in range(3):
        finished(store, bytes([number + 2]) * 32, WALL - number, body=b"x" * 1000)
    held = begin(store, b"\x09" * 32)
    abandoned = directory / f"{'08' * 32}.lock"
    abandoned.write_bytes(b"")
    for lock in directory.glob("*.lock"):
        os.utime(lock, (WALL - 9999, WALL - 9999))
    store.tidy(WALL)
    assert sorted(path.name[:2] for path in directory.glob("*.done")) == ["02", "03"]
    assert [path.name[:2] for path in directory.glob("*.lock")] == ["09"]
    assert (store.size()[0], store.evicted) == (2, 1)
    store.release(b"\x09" * 32, held.claim)


def test_it_is_tidied_now_and_then_and_when_much_was_written(directory: Path) -> None:
    store = a_store(directory, most=4000)
    assert store.needs_tidying(Monotonic(0))
    assert not store.needs_tidying(Monotonic(59))
    finished(store, body=b"x" * 1000)
    assert store.needs_tidying(Monotonic(59))
    store.tidy(WALL)
    assert not store.needs_tidying(Monotonic(60))
    assert store.needs_tidying(Monotonic(120))


def test_a_directory_that_others_can_read_is_not_used(directory: Path) -> None:
    directory.mkdir(mode=0o755)
    directory.chmod(0o755)
    with pytest.raises(StoreError, match="this user's alone"):
        a_store(directory)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StoreError):
        a_store(tmp_path / "link")


def test_a_directory_that_is_gone_is_an_error_and_never_a_crash(directory: Path) -> None:
    store = a_store(directory)
    found = begin(store)
    for file in directory.iterdir():
        file.unlink()
    directory.rmdir()
    with pytest.raises(StoreError):
        store.finish(NAME, found.claim, a_record(), NOW, WALL)
    with pytest.raises(StoreError):
        begin(store)
    assert store.look(NAME, NOW, WALL) is None


def test_what_nobody_uses_is_removed_and_what_somebody_uses_is_not(tmp_path: Path) -> None:
    used, unused = a_store(tmp_path / "a-1"), a_store(tmp_path / "a-2")
    other = a_store(tmp_path / "b-1")
    finished(unused)
    unused.close()
    other.close()
    remove_unused(tmp_path, "a-*")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-1", "b-1"]
    used.close()
    used.close()


def test_it_can_be_opened_again(directory: Path) -> None:
    store = a_store(directory)
    store.close()
    remove_unused(directory.parent, directory.name)
    store.open()
    store.open()
    finished(store)
