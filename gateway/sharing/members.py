"""Who takes part: every worker of every replica, under a name of its own."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

FORGOTTEN_SECONDS = 15.0
"""A member that gives no sign of life for so long is not missed any more: it is gone, or starts anew some time."""


@dataclass(frozen=True, slots=True)
class Member:
    """One worker."""

    replica: str
    worker: str
    prefix: bytes = b""
    """Of all names in Redis."""

    @property
    def name(self) -> str:
        """What it is known by."""
        return f"{self.replica}/{self.worker}"

    @property
    def is_here(self) -> bool:
        """Whether it is this process."""
        return self.worker == str(os.getpid())

    @property
    def channel(self) -> bytes:
        """Where it hears what is for it alone."""
        return self.prefix + b"to:" + self.name.encode()


def replica_of(member: str) -> str:
    """The replica that a member belongs to."""
    return member.rpartition("/")[0]


def this_worker(prefix: bytes) -> Member:
    """This process. Its parent, the supervisor, is the replica: by host, process and the time it was started."""
    parent = os.getppid()
    return Member(f"{socket.gethostname()}:{parent}{_started(parent)}", str(os.getpid()), prefix)


def _started(pid: int) -> str:
    """When a process was started, as a short word: in containers all have the same number. Empty where nobody says."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    return f".{int(line.rpartition(')')[2].split()[19]) % 0x10000:x}"
