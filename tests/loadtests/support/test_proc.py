"""CPU time of a process tree from `/proc/PID/stat`."""

import subprocess
import sys

import pytest

from loadtests.support.proc import ProcessStat, cpu_seconds, family, parse_stat, read_cpu_seconds

LINE = (
    "4242 ({name}) S 17 4242 2518 0 -1 4194304 103 0 0 0 11 22 33 44 20 0 1 0 57796 3133440 416 18446744073709551615 "
    "1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 1 1 1 1 1 1 1 0"
)


def process(pid: int, parent: int, cpu: int = 0, reaped: int = 0) -> ProcessStat:
    return ProcessStat(pid, parent, "S", cpu, reaped, started=pid)


@pytest.mark.parametrize("name", ["nginx", "a b", "x) R 1 2", "((", ")"])
def test_a_line_is_read_whatever_the_process_calls_itself(name: str) -> None:
    stat = parse_stat(LINE.format(name=name))
    assert stat == ProcessStat(pid=4242, parent=17, state="S", cpu_ticks=33, reaped_ticks=77, started=57796)


def test_a_family_is_the_root_and_all_its_descendants() -> None:
    stats = [process(5, 3), process(3, 2), process(2, 1), process(9, 1), process(4, 2)]
    assert [member.pid for member in family(stats, 2)] == [2, 3, 4, 5]


def test_a_root_that_is_gone_has_no_family() -> None:
    assert family([process(2, 1)], 7) == []


def test_the_time_of_dead_children_counts_once_and_that_of_the_living_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtests.support.proc._TICKS_PER_SECOND", 100)
    assert cpu_seconds([process(2, 1, cpu=100, reaped=50), process(3, 2, cpu=25)]) == 1.75


def test_what_a_child_and_its_own_child_burn_is_seen_from_outside() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass\n"
    nested = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\nprint('done', flush=True)\ninput()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        seen = read_cpu_seconds(child.pid)
        child.communicate("\n")
    assert seen >= 0.25  # the kernel counts in hundredths, and rounds
