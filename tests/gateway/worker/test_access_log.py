import os
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog

from gateway.figures import Figures
from gateway.worker import access_log
from gateway.worker.access_log import AccessLog, pieces


def records(path: Path) -> list[Any]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


async def test_records_become_lines_of_json_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = AccessLog(str(path), Figures.in_memory())
    assert log.enabled
    for n in range(3):
        log.write({"n": n, "path": 'a"\n'})
    log.close()
    assert records(path) == [{"n": n, "path": 'a"\n'} for n in range(3)]


async def test_without_a_target_it_is_off_and_writing_does_nothing(tmp_path: Path) -> None:
    log = AccessLog(None, Figures.in_memory())
    assert not log.enabled
    log.write({"n": 1})
    log.close()


async def test_the_same_path_is_opened_anew_after_rotation(tmp_path: Path) -> None:
    path, rotated = tmp_path / "access.log", tmp_path / "access.log.1"
    log = AccessLog(str(path), Figures.in_memory())
    log.write({"n": 1})
    log.flush()
    log._writer.close(5)  # everything of the old file is written
    path.rename(rotated)
    log.reopen(str(path))
    log.write({"n": 2})
    log.close()
    assert (records(rotated), records(path)) == ([{"n": 1}], [{"n": 2}])


async def test_it_can_be_switched_on_and_off_while_running(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = AccessLog(None, Figures.in_memory())
    log.reopen(str(path))
    states = [log.enabled]
    log.write({"n": 1})
    log.reopen(None)
    states.append(log.enabled)
    log.close()
    assert states == [True, False]
    assert records(path) == [{"n": 1}]


async def test_a_file_that_cannot_be_opened_drops_lines_counts_them_and_is_told(tmp_path: Path) -> None:
    figures = Figures.in_memory()
    with structlog.testing.capture_logs() as told:
        AccessLog(str(tmp_path), Figures.in_memory()).close()
    assert [(line["log_level"], line["path"], line["reason"]) for line in told] == [
        ("error", str(tmp_path), "Is a directory")
    ]
    log = AccessLog(str(tmp_path / "missing" / "access.log"), figures)
    for _ in range(4):
        log.write({"n": 1})
    log.close()
    assert figures.value("access_log_lines_dropped_total", reason="failed") == 4


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
async def test_a_full_disk_drops_lines_and_counts_them() -> None:
    figures = Figures.in_memory()
    log = AccessLog("/dev/full", figures)
    log.write({"n": 1})
    log.close()
    assert figures.value("access_log_lines_dropped_total", reason="failed") == 1


async def test_a_reader_that_stands_still_costs_lines_and_never_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "MAX_WAITING_OCTETS", 300_000)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    figures = Figures.in_memory()
    log = AccessLog(str(path), figures)
    try:
        for _ in range(10_000):
            log.write({"path": "/" + "x" * 100})
        log.flush()
        dropped = figures.value("access_log_lines_dropped_total", reason="backlog")
        assert dropped + figures.value("access_log_lines_total") == 10_000
        assert dropped > 5_000
    finally:
        os.close(reader)  # the thread gets EPIPE and ends
        log.close()


async def test_lines_written_to_a_pipe_arrive_whole(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    log = AccessLog(str(path), Figures.in_memory())
    for n in range(200):
        log.write({"n": n, "path": "x" * 100})
    log.close()
    octets = os.read(reader, 1_000_000)
    os.close(reader)
    assert [orjson.loads(line)["n"] for line in octets.splitlines()] == list(range(200))


async def test_what_json_cannot_hold_is_shown_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = AccessLog(str(path), Figures.in_memory())
    log.write({"octets": b"\xff"})
    log.write({"text": "\udcff"})
    log.close()
    assert records(path) == [{"octets": "b'\\xff'"}, {"unreadable": "{'text': '\\udcff'}"}]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([3], [(0, 1)]),
        ([3, 3, 3], [(0, 2), (2, 3)]),
        ([20, 3], [(0, 1), (1, 2)]),
        ([3, 20, 3], [(0, 1), (1, 2), (2, 3)]),
        ([6], [(0, 1)]),
    ],
)
def test_lines_are_grouped_into_runs_that_a_pipe_keeps_together(
    sizes: list[int], expected: list[tuple[int, int]]
) -> None:
    assert pieces([b"x" * size for size in sizes], 6) == expected
