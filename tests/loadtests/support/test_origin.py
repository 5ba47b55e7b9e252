"""The origin as a process."""

from pathlib import Path

from loadtests.support.origin import start_origin
from loadtests.support.ports import free_port


def test_it_answers_when_start_returns_and_ends_cleanly(tmp_path: Path) -> None:
    port = free_port()
    running = start_origin(port, directory=tmp_path)
    try:
        assert running.ended() is None
        running.wait_until_answers(port, "/json/1k")
    finally:
        running.stop()
    assert running.process.returncode == 0
    assert running.log_tail() == ""
