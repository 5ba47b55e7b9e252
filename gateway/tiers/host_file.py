"""The file of the host tier: opened safely, however it was left.

A worker that finds it broken, cut short or of another version removes it and begins a new one: it is a cache. Others
that have the old one open see that it has gone and follow. A lock keeps two from doing so at once."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import Any

import lmdb

NAME = "slipstream-1.tier"
"""The version of what is in the file is part of its name: two versions can run beside each other during a deploy."""
LOCK = "slipstream-1.open"

_READERS = 512
_NUMBER = Struct(">Q")
_BROKEN = (
    lmdb.CorruptedError,
    lmdb.IncompatibleError,
    lmdb.InvalidError,
    lmdb.PageNotFoundError,
    lmdb.PanicError,
    lmdb.VersionMismatchError,
)

_in_use: set[str] = set()
"""Files that this process has open: twice is not allowed."""

lmdb.enable_drop_gil()  # a commit waits for the disk, and the road must not wait with it


class HostFile:
    """The open file. One thread writes; the loop reads."""

    def __init__(self, folder: Path, size: int) -> None:
        """Open it, or begin it. Raises OSError, lmdb.Error."""
        self.path = folder / NAME
        self.was_broken: str | None = None
        """Why what was there could not be used."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._name = os.path.realpath(self.path)
        if self._name in _in_use:
            raise BlockingIOError(f"{self.path} is in use by what a reload replaces")
        with _alone(folder / LOCK):
            try:
                self._open(size)
            except _BROKEN as error:
                self.was_broken = str(error)
                _unlink(self.path)
                self._open(size)
        self.inode = os.stat(self.path).st_ino
        _in_use.add(self._name)

    def _open(self, size: int) -> None:
        self.env: Any = lmdb.open(
            str(self.path),
            subdir=False,
            map_size=size,
            mode=0o600,
            max_dbs=8,
            max_readers=_READERS,
            max_spare_txns=4,
            metasync=False,  # the last commit may be lost with the power, never the file
            meminit=False,
            readahead=False,
        )
        try:
            info, page = self.env.info(), self.env.stat()["psize"]
            if (info["last_pgno"] + 1) * page > os.stat(self.path).st_size and info["last_txnid"] > 0:
                raise lmdb.CorruptedError("it is shorter than what is in it")  # touching it would be a SIGBUS
            self.page = page
            self.env.reader_check()  # what was killed while it read must not keep old pages
            self.records = self.env.open_db(b"records")
            self.uses = self.env.open_db(b"uses")
            self.purges = self.env.open_db(b"purges")
            self.order = self.env.open_db(b"order")
            self.prefixes = self.env.open_db(b"prefixes")
            self.state = self.env.open_db(b"state")
            with self.env.begin(write=True) as txn:
                if txn.get(b"number", db=self.state) is None:
                    # Begins with the time: marks of a file that was removed are older than any purge of this one.
                    txn.put(b"number", _NUMBER.pack(time.time_ns() // 1000), db=self.state)
                    txn.put(b"floor", _NUMBER.pack(0), db=self.state)
        except BaseException:
            self.env.close()
            raise

    @property
    def is_current(self) -> bool:
        """Whether this is the file that others open now."""
        try:
            return os.stat(self.path).st_ino == self.inode
        except OSError:
            return False

    def used(self, txn: Any) -> int:
        """Octets of the pages in use."""
        pages = 0
        for db in (self.records, self.uses, self.purges, self.order, self.prefixes):
            stat = txn.stat(db)
            pages += stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
        return int(pages * self.page)

    def remove(self) -> None:
        """Let go of a file that turned out to be broken: the next that opens it begins a new one."""
        with _alone(self.path.parent / LOCK):
            if self.is_current:
                _unlink(self.path)

    def close(self) -> None:
        """Close it."""
        self.env.close()
        _in_use.discard(self._name)


def _unlink(path: Path) -> None:
    for each in (path, Path(f"{path}-lock")):
        each.unlink(missing_ok=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_broken(error: BaseException) -> bool:
    """Whether an error says that the file is no good."""
    return isinstance(error, _BROKEN)
