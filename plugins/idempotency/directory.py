"""Records in the files of a directory, which all workers share.

A claim is a lock on a file of its own, so it ends with the process that holds it, and of several processes that want
one exactly one gets it. A record is written beside its place and moved there, so it is there as a whole or not at all.
On a file system in memory a claim with its record costs some 100 µs."""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import stat
import weakref
from collections.abc import Iterator
from pathlib import Path

from gateway.api import Monotonic, WallTime
from plugins.idempotency.record import Record, decode, encode
from plugins.idempotency.store import Begun, Bounds, Done, Found, Running, StoreError

_USE = "in-use"
_ATTEMPTS = 8
_TIDY_SECONDS = 60.0
_LEFT_BEHIND_SECONDS = 3600.0
"""Age at which the file of a claim, or a record in the making, is looked at: its process may have ended."""


class DirectoryStore:
    """Files named after the records: `NAME.done` holds one, `NAME.lock` is a claim."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.bounds = Bounds()
        self.evicted = 0
        """Records that this worker removed before their time."""
        self._known = (0, 0)
        self._tidied = -math.inf
        self._written = 0
        self._use: weakref.finalize[[int], DirectoryStore] | None = None

    def open(self) -> None:
        """Begin to use it, or go on. Raises StoreError when it cannot be used, or belongs to somebody else."""
        if self._use is not None:
            return
        try:
            for _ in range(_ATTEMPTS):  # somebody who removes what nobody uses may come between two steps
                self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                status = self.directory.lstat()
                if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
                    raise StoreError(f"{self.directory} must be a directory that is this user's alone (mode 0700)")
                with contextlib.suppress(FileNotFoundError, BlockingIOError):
                    self._lock_use()
                    return
        except OSError as error:
            raise StoreError(f"{self.directory} cannot be used: {error.strerror or error}") from error
        raise StoreError(f"{self.directory} cannot be used: it does not stay")

    def _lock_use(self) -> None:
        path = self.directory / _USE
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_ino != path.stat().st_ino:
                raise FileNotFoundError(path)
        except BaseException:
            os.close(descriptor)
            raise
        self._use = weakref.finalize(self, os.close, descriptor)

    def close(self) -> None:
        """Use it no more. Records stay."""
        use, self._use = self._use, None
        if use is not None:
            use()

    def begin(self, name: bytes, now: Monotonic, wall: WallTime) -> Found:
        """Claim a name, or what is known of it. Raises StoreError."""
        try:
            found = self._read(name, wall)
            if found is not None:
                return Done(found)
            claim = self._claim(name)
            if claim is None:
                return Running()
            found = self._read(name, wall)  # it may have been finished between the two
            if found is not None:
                self.release(name, claim)
                return Done(found)
            return Begun(claim)
        except OSError as error:
            raise StoreError(str(error)) from error

    def look(self, name: bytes, now: Monotonic, wall: WallTime) -> Running | Done | None:
        """What is known of a name. A claim is tried and given back."""
        try:
            found = self._read(name, wall)
            if found is not None:
                return Done(found)
            if not self._path(name, "lock").exists():
                return None
            claim = self._claim(name)
            if claim is None:
                return Running()
            self.release(name, claim)
        except OSError:
            return None
        return None

    def finish(self, name: bytes, claim: int, record: Record, now: Monotonic, wall: WallTime) -> None:
        """Remember what became of it. Raises StoreError."""
        octets = encode(record)
        beside = self._path(name, f"{os.getpid()}.new")
        try:
            try:
                beside.write_bytes(octets)
                os.utime(beside, (wall, wall))
                beside.replace(self._path(name, "done"))
            except OSError as error:
                with contextlib.suppress(OSError):
                    beside.unlink()
                raise StoreError(str(error)) from error
        finally:
            self.release(name, claim)
        self._written += len(octets)

    def release(self, name: bytes, claim: int) -> None:
        """Give a claim up: its file goes first, so that nobody can find it without its lock."""
        with contextlib.suppress(OSError):
            self._path(name, "lock").unlink()
        os.close(claim)

    def size(self) -> tuple[int, int]:
        """Records and octets at the last `tidy`."""
        return self._known

    def needs_tidying(self, now: Monotonic) -> bool:
        """Whether to `tidy` now: it has been a while, or this worker has written much since. Whoever asks then does."""
        if now - self._tidied < _TIDY_SECONDS and self._written <= self.bounds.most // 4:
            return False
        self._tidied = now
        return True

    def tidy(self, wall: WallTime) -> None:
        """Remove what is too old, and the oldest of what is too much. Takes long where there is much: not for the loop.
        Others may do the same meanwhile."""
        self._written = 0
        kept = []
        for entry in self._entries():
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if entry.name.endswith(".done"):
                    if self._is_old(status.st_mtime, wall):
                        os.unlink(entry)
                    else:
                        kept.append((status.st_mtime, status.st_size, entry.path))
                elif wall - status.st_mtime > _LEFT_BEHIND_SECONDS:
                    self._remove_left_behind(entry)
        octets = sum(size for _, size, _ in kept)
        kept.sort(reverse=True)
        while kept and octets > self.bounds.most:
            _, size, path = kept.pop()
            octets -= size
            self.evicted += 1
            with contextlib.suppress(OSError):
                os.unlink(path)
        self._known = len(kept), octets

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        with os.scandir(self.directory) as entries:
            for entry in entries:
                if entry.name.endswith((".done", ".new", ".lock")):
                    yield entry

    def _remove_left_behind(self, entry: os.DirEntry[str]) -> None:
        if entry.name.endswith(".new"):
            os.unlink(entry)
            return
        name = bytes.fromhex(entry.name.partition(".")[0])
        claim = self._claim(name)
        if claim is not None:
            self.release(name, claim)

    def _path(self, name: bytes, kind: str) -> Path:
        return self.directory / f"{name.hex()}.{kind}"

    def _is_old(self, written: float, wall: WallTime) -> bool:
        return not wall - self.bounds.keep < written < wall + self.bounds.keep  # from the future: a clock was set back

    def _read(self, name: bytes, wall: WallTime) -> Record | None:
        try:
            with self._path(name, "done").open("rb") as file:
                if self._is_old(os.fstat(file.fileno()).st_mtime, wall):
                    return None
                return decode(file.read())
        except FileNotFoundError:
            return None

    def _claim(self, name: bytes) -> int | None:
        """The lock, `None` when somebody else has it."""
        path = self._path(name, "lock")
        for _ in range(_ATTEMPTS):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(descriptor).st_ino == path.stat().st_ino:
                    return descriptor
            except BlockingIOError:
                os.close(descriptor)
                return None
            except FileNotFoundError:
                pass  # given up by its holder after we had opened it: what we have locked is no claim
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
        return None


def remove_unused(parent: Path, pattern: str) -> None:
    """Remove directories of that pattern that nobody uses any more: of gateways that have ended."""
    for directory in parent.glob(pattern):
        with contextlib.suppress(OSError):
            status = directory.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                continue
            descriptor = os.open(directory / _USE, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for file in directory.iterdir():
                    file.unlink()
                directory.rmdir()
            finally:
                os.close(descriptor)
