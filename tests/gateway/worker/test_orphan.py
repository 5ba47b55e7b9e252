import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BLOCKED_CHILD = """
import os, sys
from gateway.worker.orphan import end_with
armed = end_with(int(sys.argv[1]), 0.1)
print(os.getpid(), armed, flush=True)
while True: pass
"""

PARENT = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid())])
time.sleep(60)
"""


def is_gone(pid: int) -> bool:
    for _ in range(1000):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells of a parent's death on Linux alone")
def test_a_blocked_worker_ends_soon_after_its_supervisor() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, BLOCKED_CHILD], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout:
        pid, armed = parent.stdout.readline().split()
        assert armed == b"True"
        parent.kill()
        parent.wait()
        try:
            assert is_gone(int(pid))
        finally:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass


@pytest.mark.skipif(sys.platform != "linux", reason="as above")
def test_a_worker_whose_supervisor_is_gone_already_ends_as_well() -> None:
    child = subprocess.Popen([sys.executable, "-c", BLOCKED_CHILD, "1"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child.stdout:
        assert child.wait(20) == -signal.SIGALRM
