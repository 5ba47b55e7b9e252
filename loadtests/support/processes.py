"""Programs started for a measurement, and stopped by the pids that were started.

Children stay in the process group of the measurement, so Ctrl-C in a terminal reaches them too.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from loadtests.support.cores import pinned
from loadtests.support.ports import wait_until_answers
from loadtests.support.proc import ProcessStat, read_family, read_stats

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: where `gateway`, `plugins` and `loadtests` can be imported from."""

_LOG_LINES = 20


@dataclass(frozen=True, slots=True)
class Running:
    """One started program with its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Process id of the program itself, the root of its family."""
        return self.process.pid

    def ended(self) -> str | None:
        """None while it runs, else a sentence with its exit code and the end of its log."""
        code = self.process.poll()
        if code is None:
            return None
        return f"{self.name} ended with {code}\n{self.log_tail()}"

    def log_tail(self) -> str:
        """The last lines it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:])

    def wait_until_answers(self, port: int, target: str) -> None:
        """Return once it answers 200 on `port`. Raises `NotReadyError`, at once when it has ended."""
        wait_until_answers(port, target, still_running=self.ended)

    def stop(self, grace: float = 10.0) -> None:
        """SIGTERM, then SIGKILL after `grace` seconds to it and to what is left of its family."""
        members = read_family(self.pid)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(grace)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        _kill_survivors(members)


def start(
    name: str,
    argv: Sequence[str],
    *,
    directory: Path,
    cores: frozenset[int] = frozenset(),
    environment: Mapping[str, str] | None = None,
) -> Running:
    """Start `argv` on `cores`, writing to `directory/NAME.log`."""
    log = directory / f"{name}.log"
    with pinned(cores), log.open("wb") as output:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        )
    return Running(name, process, log)


def end_cleanly_on_sigterm() -> None:
    """Turn SIGTERM into `SystemExit`, so that `finally` blocks stop what was started."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)


def _kill_survivors(members: Sequence[ProcessStat]) -> None:
    """Kill those of `members` that still run; a pid that now belongs to another process is left alone."""
    now = {stat.pid: stat for stat in read_stats()}
    for member in members:
        current = now.get(member.pid)
        if current is not None and current.started == member.started and current.state != "Z":
            try:
                os.kill(member.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
