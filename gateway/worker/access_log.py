"""The access log: one JSON object a line, collected on the road, written by a thread of its own.

The road pays for one `orjson.dumps` and one list append. Batches go to a thread because no descriptor is
sure never to block: a pipe may be full, a disk slow, and the flags of standard output are shared with other
processes. What the thread cannot take or write is dropped and counted; the road never hears of it."""

import asyncio
import os
import select
import stat
from collections.abc import Mapping
from queue import SimpleQueue
from threading import Thread
from typing import Any

import orjson
import structlog

from gateway.figures import Figures
from gateway.http.redaction import redact, redact_target

__all__ = ["AccessLog", "redact", "redact_target"]

STDOUT = "stdout"

BATCH_OCTETS = 64 * 1024
BATCH_SECONDS = 0.2
MAX_WAITING_OCTETS = 4 * 1024 * 1024
"""Lines that wait for the thread: some 15,000 of usual length, then lines are dropped."""

_STDOUT_DESCRIPTOR = 1
_STUCK_MILLISECONDS = 5000
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY

Batch = list[bytes]


class AccessLog:
    """Writes records while it is enabled. Its target is a path, `stdout`, or `None` for no log at all."""

    def __init__(self, target: str | None, figures: Figures) -> None:
        self.enabled = target is not None
        """Whether records are wanted; the road looks here before it makes one."""
        help_text = "Lines of the access log that could not be written"
        self._dropped = figures.counter("access_log_lines_dropped_total", help_text, reason="backlog")
        self._written = figures.counter("access_log_lines_total", "Lines of the access log")
        self._writer = _Writer(target, figures.counter("access_log_lines_dropped_total", help_text, reason="failed"))
        self._lines: Batch = []
        self._octets = 0
        self._timer: asyncio.TimerHandle | None = None

    def write(self, record: Mapping[str, Any]) -> None:
        """Take one record. Never waits, never raises; what JSON cannot hold is shown as Python shows it."""
        try:
            line = orjson.dumps(record, default=repr, option=orjson.OPT_APPEND_NEWLINE)
        except (orjson.JSONEncodeError, RecursionError):
            line = orjson.dumps({"unreadable": ascii(record)}, option=orjson.OPT_APPEND_NEWLINE)
        self._lines.append(line)
        self._octets += len(line)
        if self._octets >= BATCH_OCTETS:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH_SECONDS, self.flush)

    def flush(self) -> None:
        """Hand what was collected to the thread."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, octets = self._lines, self._octets
        if not lines:
            return
        self._lines, self._octets = [], 0
        if self._writer.submit(lines, octets):
            self._written.inc(len(lines))
        else:
            self._dropped.inc(len(lines))

    def reopen(self, target: str | None) -> None:
        """Write to `target` from here on; the same path is opened anew, as rotation of logs wants it."""
        self.flush()
        self.enabled = target is not None
        self._writer.reopen(target)

    def close(self, timeout: float = 1.0) -> None:
        """Write what is left, for at most `timeout` seconds. Blocks: for the end of a worker's life only."""
        self.flush()
        self.enabled = False
        self._writer.close(timeout)


class _Writer:
    """The thread's side. Only `submit`, `reopen` and `close` are called from the loop."""

    def __init__(self, target: str | None, failed: Any) -> None:
        self._orders: SimpleQueue[tuple[str, Any, int]] = SimpleQueue()
        self._failed = failed  # a cell that only the thread writes to
        self._submitted = 0
        self._done = 0
        self._descriptor: int | None = None
        self._piecewise = False
        self._torn = False  # the last line that reached the descriptor has no end
        self._thread: Thread | None = None
        self.reopen(target)

    def submit(self, lines: Batch, octets: int) -> bool:
        """Whether the thread takes these lines."""
        if self._thread is None or self._submitted - self._done + octets > MAX_WAITING_OCTETS:
            return False
        self._submitted += octets
        self._orders.put(("write", lines, octets))
        return True

    def reopen(self, target: str | None) -> None:
        if self._thread is None:
            if target is None:
                return
            self._thread = Thread(target=self._run, name="access-log", daemon=True)
            self._thread.start()
        self._orders.put(("open", target, 0))

    def close(self, timeout: float) -> None:
        if self._thread is not None:
            self._orders.put(("end", None, 0))
            self._thread.join(timeout)
            self._thread = None

    def _run(self) -> None:
        while True:
            order, what, octets = self._orders.get()
            if order == "write":
                self._write(what)
                self._done += octets
            else:
                self._open(what if order == "open" else None)
                if order == "end":
                    return

    def _open(self, target: str | None) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        if target is None:
            return
        try:
            self._descriptor = os.dup(_STDOUT_DESCRIPTOR) if target == STDOUT else os.open(target, _FLAGS, 0o640)
            self._piecewise = not stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        except OSError as error:
            self._descriptor = None  # every line until the next reopening counts as failed
            structlog.get_logger("slipstream.access_log").error(
                "the access log cannot be written; its lines are dropped", path=target, reason=error.strerror
            )

    def _write(self, lines: Batch) -> None:
        for begin, end in pieces(lines, select.PIPE_BUF) if self._piecewise else [(0, len(lines))]:
            if not self._write_all(b"".join(lines[begin:end])):
                self._failed.inc(end - begin)

    def _write_all(self, data: bytes) -> bool:
        if self._descriptor is None:
            return False
        rest = b"\n" + data if self._torn else data
        try:
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest) :]
                except BlockingIOError:  # somebody who shares the descriptor made it non-blocking
                    if not self._becomes_writable():
                        break
        except OSError:  # disk full, or nobody reads the pipe any more
            pass
        self._torn = 0 < len(rest) < len(data)
        return not rest

    def _becomes_writable(self) -> bool:
        poll = select.poll()
        poll.register(self._descriptor or 0, select.POLLOUT)
        return bool(poll.poll(_STUCK_MILLISECONDS))


def pieces(lines: Batch, limit: int) -> list[tuple[int, int]]:
    """Runs of whole lines of at most `limit` octets each; a longer line is a run of its own.

    A pipe keeps what one write of that size brings together, so lines of several workers do not mix."""
    runs: list[tuple[int, int]] = []
    begin, octets = 0, 0
    for index, line in enumerate(lines):
        if octets and octets + len(line) > limit:
            runs.append((begin, index))
            begin, octets = index, 0
        octets += len(line)
    if begin < len(lines):
        runs.append((begin, len(lines)))
    return runs
