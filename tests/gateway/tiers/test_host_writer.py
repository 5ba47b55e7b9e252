import errno
import threading
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.figures.registry import Figures
from gateway.tiers import host_writer
from gateway.tiers.figures import TierFigures
from gateway.tiers.frame import digest
from gateway.tiers.host_file import HostFile
from gateway.tiers.host_writer import HostWriter
from gateway.tiers.tier import PurgeOrder
from gateway.tiers.waiting import Waiting
from tests.support.tiering import record

SIZE = 2**24


class Told:
    """A reader that keeps what it is told."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.why: list[str | None] = []
        self.noted_purges: list[tuple[int, BaseException | None]] = []

    def opened(self, file: HostFile, why: str | None) -> None:
        self.why.append(why)
        self.ready.set()

    def failed(self, why: str) -> None:
        self.why.append(why)
        self.ready.set()

    def let_go(self) -> None:
        """Nothing is in use."""

    def noted(self, number: int, purges: list[Any], error: BaseException | None) -> None:
        self.noted_purges.append((number, error))


def work(folder: Path, waiting: Waiting) -> Told:
    """Let a writer do what waits, and end."""
    told = Told()
    writer = HostWriter(folder, SIZE, waiting, TierFigures(Figures.in_memory(), "host"), None, told)
    waiting.close()
    writer.start()
    writer.join(30)
    assert not writer.is_alive()
    writer.close()
    return told


def places(folder: Path) -> set[bytes]:
    file = HostFile(folder, SIZE)
    with file.env.begin() as txn:
        found = {bytes(place) for place, _ in txn.cursor(file.records)}
    file.close()
    return found


def test_everything_that_waits_is_written_before_it_ends(tmp_path: Path) -> None:
    waiting, wanted = Waiting(2**22), {digest(b"%d" % number, 24) for number in range(200)}
    for place in wanted:
        waiting.put(place, record(place))
    told = work(tmp_path, waiting)
    assert told.why == [None]
    assert waiting.is_empty
    assert places(tmp_path) == wanted


def test_what_is_dropped_goes(tmp_path: Path) -> None:
    waiting = Waiting(2**22)
    waiting.put(b"1" * 24, record())
    waiting.put(b"2" * 24, record())
    work(tmp_path, waiting)
    waiting = Waiting(2**22)
    waiting.drop(b"1" * 24)
    waiting.drop(b"never there" + bytes(13))
    work(tmp_path, waiting)
    assert places(tmp_path) == {b"2" * 24}


def test_too_much_to_remove_empties_it(tmp_path: Path) -> None:
    waiting = Waiting(2**22)
    waiting.put(b"1" * 24, record())
    work(tmp_path, waiting)
    waiting = Waiting(2**22)
    waiting.overflows += 1
    waiting.drop(b"2" * 24)
    work(tmp_path, waiting)
    assert not waiting.is_overflowed
    assert places(tmp_path) == set()


def test_purges_are_noted_with_their_number(tmp_path: Path) -> None:
    waiting = Waiting(2**22)
    for _ in range(2):
        waiting.purge(PurgeOrder(labels=(b"a",)), None)
    told = work(tmp_path, waiting)
    ((number, error),) = told.noted_purges
    assert number > 0
    assert error is None


def test_what_cannot_be_opened_is_told_and_the_end_comes_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    waiting = Waiting(2**22)
    waiting.put(b"1" * 24, record())
    told = work(tmp_path / "file", waiting)
    assert told.why[0] is not None
    assert not waiting.is_empty


def test_a_full_disk_is_said_and_what_comes_later_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, is_full = HostWriter._write, True

    def write(self: HostWriter, *what: Any) -> int:
        if is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(self, *what)

    monkeypatch.setattr(HostWriter, "_write", write)
    monkeypatch.setattr(host_writer, "REST_SECONDS", 0.01)
    waiting = Waiting(2**22)
    waiting.put(b"1" * 24, record())
    with structlog.testing.capture_logs() as said:
        work(tmp_path, waiting)
    assert [(line["event"], line["log_level"]) for line in said] == [("the host tier cannot be written", "error")]
    assert "No space left" in said[0]["reason"]
    is_full, waiting = False, Waiting(2**22)
    waiting.put(b"2" * 24, record())
    work(tmp_path, waiting)
    assert places(tmp_path) == {b"2" * 24}
