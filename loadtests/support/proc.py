"""CPU time of a process and everything it started, from `/proc/PID/stat` (proc(5)).

The functions that take text or values are pure; the ones that read `/proc` say so.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """What one line of `/proc/PID/stat` says; times in clock ticks."""

    pid: int
    parent: int
    state: str
    cpu_ticks: int
    """User and system time of all its threads, running or finished."""
    reaped_ticks: int
    """User and system time of the children it has waited for."""
    started: int
    """Ticks after boot: with the pid it names a process for ever, although pids come round again."""


def parse_stat(text: str) -> ProcessStat:
    """Read one line of `/proc/PID/stat`. The name in parentheses may itself hold spaces and parentheses."""
    pid, _, rest = text.partition(" ")
    fields = rest[rest.rindex(")") + 2 :].split()
    utime, stime, cutime, cstime = (int(field) for field in fields[11:15])
    return ProcessStat(
        pid=int(pid),
        parent=int(fields[1]),
        state=fields[0],
        cpu_ticks=utime + stime,
        reaped_ticks=cutime + cstime,
        started=int(fields[19]),
    )


def family(stats: Iterable[ProcessStat], root: int) -> list[ProcessStat]:
    """The process `root` and all its living descendants, parents before children."""
    by_pid = {stat.pid: stat for stat in stats}
    children: dict[int, list[ProcessStat]] = {}
    for stat in by_pid.values():
        children.setdefault(stat.parent, []).append(stat)
    found = [by_pid[root]] if root in by_pid else []
    for member in found:  # grows while we walk
        found.extend(children.get(member.pid, ()))
    return found


def cpu_seconds(members: Iterable[ProcessStat]) -> float:
    """CPU seconds of a family: what the living used, and what its dead left to the parents that reaped them."""
    return sum(member.cpu_ticks + member.reaped_ticks for member in members) / _TICKS_PER_SECOND


def read_stats() -> list[ProcessStat]:
    """Every process there is now (reads `/proc`); one that ends meanwhile is left out."""
    stats = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                stats.append(parse_stat((entry / "stat").read_text()))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return stats


def read_family(root: int) -> list[ProcessStat]:
    """`root` and its living descendants now (reads `/proc`)."""
    return family(read_stats(), root)


def read_cpu_seconds(root: int) -> float:
    """CPU seconds used so far by `root` and everything it started (reads `/proc`)."""
    return cpu_seconds(read_family(root))


def read_workers(supervisor: int) -> list[int]:
    """Pids of the living children of a supervisor (reads `/proc`); zombies are not living."""
    return [stat.pid for stat in read_family(supervisor) if stat.parent == supervisor and stat.state != "Z"]
