"""Whether watched files changed. What a file looks like is compared, never when an event arrived.

A Kubernetes ConfigMap changes by swapping a symbolic link in the directory, editors replace files, others
write into them in several steps: a look once a second at the resolved path, time, inode and size sees all
of it, also where inotify does not work (network file systems)."""

import os
from collections.abc import Iterable
from pathlib import Path

INTERVAL_SECONDS = 1.0

Look = tuple[str, int, int, int] | None
"""Resolved path, modification time in nanoseconds, inode and size; `None` when there is no such file."""

Picture = tuple[Look, ...]


def look_at(path: Path) -> Look:
    """What the file looks like now."""
    try:
        resolved = os.path.realpath(path)
        found = os.stat(resolved)
    except OSError:
        return None
    return resolved, found.st_mtime_ns, found.st_ino, found.st_size


def look_at_all(paths: Iterable[Path]) -> Picture:
    """What all the files look like now. Reads the file system."""
    return tuple(look_at(path) for path in paths)


class ChangeDetector:
    """Says once for each change that it is over: two looks in a row saw the same, and not what was known."""

    def __init__(self, known: Picture) -> None:
        self._known = known
        self._last = known

    def has_changed(self, seen: Picture) -> bool:
        """Take one more look."""
        is_settled = seen == self._last
        self._last = seen
        if not is_settled or seen == self._known:
            return False
        self._known = seen
        return True

    def accept(self, known: Picture) -> None:
        """What was read for another reason is known now, so it is no change."""
        self._known = self._last = known
