"""The bound on memory against what the kernel counts, in a process of its own."""

import json
import subprocess
import sys

import pytest

from tests.support.source import ROOT

MEBIBYTES = 48


@pytest.mark.parametrize("kind", ["small", "mixed"])
def test_memory_stays_near_the_setting_under_a_trace_far_larger(kind: str) -> None:
    command = [sys.executable, "-m", "loadtests.store.fill", "--mebibytes", str(MEBIBYTES), "--kind", kind]
    done = subprocess.run([*command, "--times", "4"], cwd=ROOT, check=True, capture_output=True, text=True, timeout=100)
    found = json.loads(done.stdout)
    assert found["brought"] > 3 * found["kept"] > 1000
    assert 0.9 * MEBIBYTES < found["used_mib"] <= MEBIBYTES
    assert 0.5 < found["growth"] < 1.35
