"""The thread that writes the host tier. Everything that waits for the disk happens here, never on the road.

What comes together within some milliseconds is one transaction, and it is on the disk before it counts: a process that
is killed, or a machine that loses its power, leaves the last complete transaction behind. What could not be written is
given up; what could not be removed is tried again, and is not found meanwhile."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

import lmdb
import structlog

from gateway.tiers.eviction import HIGH, USES, evict
from gateway.tiers.figures import TierFigures
from gateway.tiers.frame import Frame, digests, write
from gateway.tiers.hindrance import Hindrance
from gateway.tiers.host_file import HostFile, is_broken
from gateway.tiers.host_purges import note
from gateway.tiers.seal import Seal
from gateway.tiers.tier import EVERYTHING, PurgeOrder
from gateway.tiers.waiting import Waiting, Work

GATHER_SECONDS = 0.02
BATCH_OCTETS = 4 * 1024 * 1024
REST_SECONDS = 1.0
"""Between two attempts after a failure, and between looks at whether the file is still the one that others use."""


class Reader(Protocol):
    """Whoever reads the file meanwhile. All is called in the thread."""

    def opened(self, file: HostFile, why: str | None) -> None:
        """`file` can be used from now on; `why` the one before could not."""

    def failed(self, why: str) -> None:
        """There is no file that could be used."""

    def let_go(self) -> None:
        """Wait until the file is not in use any more."""

    def noted(self, number: int, purges: list[tuple[PurgeOrder, Any]], error: BaseException | None) -> None:
        """Purges are in the tier, the last with that number; or they are not, and are tried again."""


class HostWriter(Thread):
    """Opens the file, writes what waits, evicts; until it is told to close."""

    def __init__(
        self, folder: Path, size: int, waiting: Waiting, figures: TierFigures, seal: Seal | None, reader: Reader
    ) -> None:
        super().__init__(name="tiers.host", daemon=True)
        self._folder = folder
        self._size = size
        self._waiting = waiting
        self._figures = figures
        self._seal = seal
        self._names = b"" if seal is None else seal.names
        self._reader = reader
        self._file: HostFile | None = None
        self._hindrance = Hindrance()
        self._log = structlog.get_logger("slipstream.tiers")
        self.trouble: BaseException | None = None
        """What went wrong when the file was read. Set by the loop, which has let go of the file."""

    def run(self) -> None:
        """Work until the queue is closed, and then write what is left."""
        going = True
        self._is_ready()
        while going:
            going = self._waiting.wait(REST_SECONDS)
            if self._is_ready():
                if going and not self._waiting.is_empty:
                    self._waiting.gather(GATHER_SECONDS, BATCH_OCTETS)
                while self._step() and not self._waiting.is_empty:
                    pass

    def close(self) -> None:
        """Close the file, when the thread has ended."""
        if self._file is not None:
            self._file.close()

    def _is_ready(self) -> bool:
        """Whether there is a file to write to; opens it if there is none, or if it is not the right one any more."""
        file, trouble, self.trouble = self._file, self.trouble, None
        if file is not None and isinstance(trouble, lmdb.MapResizedError):
            self._reader.let_go()
            file.env.set_mapsize(0)
            self._reader.opened(file, None)
        elif file is not None and ((trouble is not None and is_broken(trouble)) or not file.is_current):
            self._reader.let_go()
            if trouble is not None:
                file.remove()
            file.close()
            self._file = None
        elif file is not None and trouble is not None:
            self._reader.opened(file, None)
        if self._file is None:
            try:
                self._file = HostFile(self._folder, self._size)
            except (OSError, lmdb.Error) as error:
                self._reader.failed(str(error))
                time.sleep(REST_SECONDS / 4)
                return False
            self._reader.opened(self._file, self._file.was_broken)
        return True

    def _step(self) -> bool:
        """Write one batch; False after a failure, and when there is nothing."""
        waiting = self._waiting
        # what a transaction frees serves the next but one: all that is under way must fit beside what stays
        batch, purges, uses = waiting.batch(min(BATCH_OCTETS, self._size // 20))
        if not batch and not purges and not uses and not waiting.is_overflowed:
            return False
        try:
            try:
                number = self._write(batch, purges, uses)
            except lmdb.MapFullError:
                self._make_room()
                number = self._write(batch, purges, uses)
        except (OSError, lmdb.Error) as error:
            self._figures.failed.inc(sum(work is not None for _, work in batch))
            waiting.give_up(batch)
            self.trouble = error
            if self._hindrance.failed(time.monotonic()):
                self._log.error("the host tier cannot be written", path=str(self._folder), reason=str(error))
            if purges:
                self._reader.noted(0, purges, error)
            time.sleep(REST_SECONDS / 4)
            return False
        self._figures.written.inc(sum(work is not None for _, work in batch))
        waiting.done(batch, len(purges))
        if self._hindrance.worked(time.monotonic()):
            self._log.info("the host tier can be written again", path=str(self._folder))
        if purges:
            self._reader.noted(number, purges, None)
        return True

    def _write(
        self, batch: list[tuple[bytes, Work]], purges: list[tuple[PurgeOrder, Any]], uses: dict[bytes, int]
    ) -> int:
        """One transaction; the number of its last purge."""
        file = self._file
        assert file is not None
        now, number, overflows = time.time(), 0, self._waiting.overflows
        with file.env.begin(write=True) as txn:
            if overflows != self._waiting.emptied:
                note(file, txn, PurgeOrder(labels=(EVERYTHING,)), self._seal, self._names)
                self._empty(file, txn)
            for order, _ in purges:
                number = note(file, txn, order, self._seal, self._names)
                if EVERYTHING in order.labels and not order.soft:
                    self._empty(file, txn)
            for place, work in batch:
                if work is None:
                    txn.delete(place, db=file.records)
                    txn.delete(place, db=file.uses)
                    continue
                labels = digests((EVERYTHING, *work.labels), self._names)
                mark = work.marks[0] if work.marks else 0
                frame = Frame(mark, work.when, work.until, labels, work.head)
                txn.put(place, write(place, frame, work.body, self._seal), db=file.records)
                if not txn.put(place, USES.pack(now, work.until, work.uses), db=file.uses, overwrite=False):
                    _count(file, txn, place, work.uses, now, work.until)
            for place, more in uses.items():
                _count(file, txn, place, more, now)
            self._figures.evicted.inc(evict(file, txn, int(self._size * HIGH), now))
            self._figures.octets.set(file.used(txn))
            self._figures.records.set(txn.stat(file.records)["entries"])
        self._waiting.emptied = overflows
        return number

    def _make_room(self) -> None:
        """Free more than usual after the file was full: pages that are in pieces hold nothing large."""
        file = self._file
        assert file is not None
        with file.env.begin(write=True) as txn:
            gone = evict(file, txn, int(file.used(txn) * HIGH), time.time())
            self._figures.evicted.inc(gone)
        with file.env.begin(write=True) as txn:  # what one transaction frees the next but one can use
            txn.put(b"turn", b"", db=file.state)

    @staticmethod
    def _empty(file: HostFile, txn: Any) -> None:
        txn.drop(file.records, delete=False)
        txn.drop(file.uses, delete=False)


def _count(file: HostFile, txn: Any, place: bytes, uses: int, now: float, until: float | None = None) -> None:
    """Add uses to those of a record, if it is there still; `until` when it has another end than before."""
    row = txn.get(place, db=file.uses)
    if row is not None:
        _, end, count = USES.unpack(row)
        txn.put(place, USES.pack(now, end if until is None else until, min(count + uses, 2**31)), db=file.uses)
