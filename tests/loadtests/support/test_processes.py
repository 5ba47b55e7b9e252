"""Programs are started and stopped by pid."""

import os
import sys
from pathlib import Path

import pytest

from loadtests.support.ports import NotReadyError, free_port
from loadtests.support.proc import read_family
from loadtests.support.processes import Running, start

STUBBORN_PARENT = """
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
signal.pause()
"""


def wait_for(running: Running, text: str) -> None:
    while text not in running.log.read_text():
        assert running.ended() is None
        os.sched_yield()


def test_a_program_that_ended_says_how_and_what_it_wrote_last(tmp_path: Path) -> None:
    running = start(
        "short", [sys.executable, "-c", "import sys; print('out of luck'); sys.exit(3)"], directory=tmp_path
    )
    running.process.wait()
    assert running.ended() == "short ended with 3\nout of luck"
    with pytest.raises(NotReadyError, match="out of luck"):
        running.wait_until_answers(free_port(), "/")


def test_stopping_leaves_nobody_of_the_family_behind(tmp_path: Path) -> None:
    running = start("parent", [sys.executable, "-c", STUBBORN_PARENT], directory=tmp_path)
    wait_for(running, "ready")
    members = read_family(running.pid)
    assert len(members) == 2
    running.stop(grace=0.1)
    living = [stat for member in members for stat in read_family(member.pid) if stat.started == member.started]
    assert [stat for stat in living if stat.state != "Z"] == []


def test_a_program_inherits_the_cores_it_is_given(tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    ask = [sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"]
    running = start("cores", ask, directory=tmp_path, cores=frozenset({core}))
    running.process.wait()
    assert running.log_tail() == str({core})
