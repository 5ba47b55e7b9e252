"""Processes that the demonstration starts and, whatever happens, stops again."""

import asyncio
import ctypes
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

LOG_LINES = 25
"""Last lines of a log that are shown when a process fails."""
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class DemoError(Exception):
    """The demonstration cannot go on. The text is for people."""


class Child:
    """A process in a session of its own: Ctrl-C at the terminal does not reach it, so its parent decides the order."""

    def __init__(self, name: str, process: Process, log: Path) -> None:
        self.name = name
        self.process = process
        self._log = log

    @classmethod
    async def start(
        cls, name: str, command: Sequence[str], directory: Path, *, descriptors: Sequence[int] = (), piped: bool = False
    ) -> Self:
        """Start Python with `command`. What it says goes to a log in `directory`; with `piped`, its output to us."""
        log = directory / f"{name}.log"
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                stdin=DEVNULL,
                stdout=PIPE if piped else file,
                stderr=file,
                pass_fds=descriptors,
                start_new_session=True,
                preexec_fn=_end_with_parent,
                limit=1 << 20,
            )
        return cls(name, process, log)

    async def failed(self) -> DemoError:
        """Wait until the process ends by itself, and say so."""
        code = await self.process.wait()
        return self.error(f"ended by itself ({describe_exit(code)})")

    def error(self, what: str) -> DemoError:
        """An error about this process with the end of its log."""
        return DemoError(f"The {self.name} {what}. Its log ends:\n\n{self.log_tail() or '(nothing)'}")

    def log_tail(self) -> str:
        """The last lines it wrote."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES:])

    async def stop(self, patience: float) -> None:
        """End it: SIGTERM, and after `patience` seconds SIGKILL for it and everything it started."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), patience)
        with suppress(ProcessLookupError, PermissionError):  # nobody of its session is left
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()


def _end_with_parent() -> None:
    """In the new process: ask for SIGTERM when the parent dies, even by SIGKILL."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def describe_exit(code: int) -> str:
    """An exit code in words."""
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
