"""The host tier as a worker uses it: looks into the file, and leaves writing to a thread.

The file is mapped into memory, so a look is a few microseconds of work and never waits for a lock. What waits to be
written, removed or purged is looked at first: nothing is found that has been removed here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from threading import Event
from typing import Any

import lmdb
import structlog

from gateway.config.tiers import HostTierSettings
from gateway.figures import Figures
from gateway.tiers.figures import TierFigures
from gateway.tiers.frame import MOST_LABELS, FrameError, digest, read, when_of
from gateway.tiers.host_file import HostFile
from gateway.tiers.host_purges import NUMBER, Prefixes, hit, read_prefixes
from gateway.tiers.host_writer import HostWriter
from gateway.tiers.pending import PendingPurges
from gateway.tiers.seal import Seal, SealError
from gateway.tiers.tier import Entry, Found, PurgeOrder, TierError
from gateway.tiers.waiting import Waiting

OPEN_SECONDS = 2.0
"""How long a start may wait for the file; then the gateway goes on, and the tier comes when it is ready."""
CLOSE_SECONDS = 3.0
MOST_VARIANTS = 64
"""Records of one name that are looked at."""

_NAME = 16
_VARIANT = 8
_NO_VARIANT = bytes(_VARIANT)


class HostTier:
    """Records in a file that all workers of a machine share."""

    def __init__(self, settings: HostTierSettings, figures: Figures, seal: Seal | None = None) -> None:
        self.settings = settings
        self.mark = 0
        self._figures = TierFigures(figures, "host")
        self._seal = seal
        self._names = b"" if seal is None else seal.names
        self._largest = min(settings.max_entry, settings.size // 16)
        self._waiting = Waiting(settings.queue)
        self._pending = PendingPurges(self._names)
        self._prefixes: Prefixes = []
        self._prefixes_at = -1
        self._file: HostFile | None = None
        self._log = structlog.get_logger("slipstream.tiers")
        self._said: str | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._first = asyncio.Event()
        self._writer: HostWriter | None = None

    # ---- life --------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the file, which this process must not have open already."""
        self._loop = asyncio.get_running_loop()
        if self.settings.secret is not None and self._seal is None:
            try:
                self._seal = Seal.from_environment(self.settings.secret)
            except SealError as error:
                self._figures.up.set(0)
                self._log.error("the host tier is off", reason=str(error))
                return
            self._names = self._seal.names
            self._pending = PendingPurges(self._names)
        settings = self.settings
        self._writer = HostWriter(settings.path, settings.size, self._waiting, self._figures, self._seal, self)
        self._writer.start()
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._first.wait()
        except TimeoutError:
            self._log.warning("the host tier takes its time to open", path=str(settings.path))

    async def close(self) -> None:
        """Write what waits and close the file."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        self._waiting.close()
        await asyncio.to_thread(writer.join, CLOSE_SECONDS)
        self._file = None
        if not writer.is_alive():
            writer.close()
        self._figures.up.set(0)

    def opened(self, file: HostFile, why: str | None) -> None:
        """In the thread: `file` can be used from now on; `why` the one before could not."""
        self._in_loop(self._use, file, why)

    def failed(self, why: str) -> None:
        """In the thread: there is no file that could be used."""
        self._in_loop(self._use, None, why)

    def let_go(self) -> None:
        """In the thread: wait until the file is not in use any more."""
        gone = Event()
        self._in_loop(self._leave, gone)
        gone.wait(CLOSE_SECONDS)

    def noted(self, number: int, purges: list[tuple[PurgeOrder, Any]], error: BaseException | None) -> None:
        """In the thread: purges are in the tier, the last with that number; or they are not, and are tried again."""
        self._in_loop(self._settle, number, purges, error)

    def _in_loop(self, function: Callable[..., None], *arguments: Any) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop has ended: nobody is there to be told
            pass

    def _leave(self, gone: Event) -> None:
        self._file = None
        self._figures.up.set(0)
        gone.set()

    def _use(self, file: HostFile | None, why: str | None) -> None:
        self._file = file
        self._prefixes_at = -1
        self._first.set()
        self._figures.up.set(file is not None)
        if file is None and why != self._said:
            self._log.error("the host tier is off", path=str(self.settings.path), reason=why)
        elif file is not None and why is not None:
            self._log.error("the host tier begins anew", path=str(self.settings.path), reason=why)
        elif file is not None and self._said is not None:
            self._log.info("the host tier is back", path=str(self.settings.path))
        self._said = why if file is None else None

    def _settle(self, number: int, purges: list[tuple[PurgeOrder, Any]], error: BaseException | None) -> None:
        for order, future in purges:
            if error is None:
                self._pending.discard(order)
            if future is not None and not future.done():
                if error is None:
                    future.set_result(None)
                else:
                    future.set_exception(TierError(f"the host tier could not note a purge: {error}"))
                    future.exception()  # nobody has to look
        self.mark = max(self.mark, number)

    # ---- looking -----------------------------------------------------------------------------------------------------

    def find(self, name: bytes, known: Collection[tuple[bytes, float]] = ()) -> list[Found]:
        """The records of a name that may be used."""
        file = self._file
        if file is None or self._waiting.is_overflowed:
            return []
        begin = digest(name, _NAME, self._names)
        later = {self._place(begin, variant): when for variant, when in known} if known else None
        try:
            found = self._look(file, begin, name, later)
        except (lmdb.Error, OSError) as error:
            self._figures.errors.inc()
            self._file = None
            if self._writer is not None:
                self._writer.trouble = error
            return []
        (self._figures.hits if found else self._figures.misses).inc()
        return found

    def _look(self, file: HostFile, begin: bytes, name: bytes, later: dict[bytes, float] | None) -> list[Found]:
        found: list[Found] = []
        waiting, now = self._waiting, time.time()
        with file.env.begin(file.records, buffers=True) as txn:
            number = NUMBER.unpack(txn.get(b"number", db=file.state))[0]
            if number != self.mark:
                self.mark = max(self.mark, number)
            cursor = txn.cursor()
            going = cursor.set_range(begin)
            while going and len(found) < MOST_VARIANTS:
                place = bytes(cursor.key())
                if not place.startswith(begin):
                    break
                if place not in waiting.work:
                    each = self._read(file, txn, place, cursor.value(), name, number, now, later)
                    if each is not None:
                        found.append(each)
                        waiting.use(place, 1)
                going = cursor.next()
        return found

    def _read(
        self,
        file: HostFile,
        txn: Any,
        place: bytes,
        octets: memoryview,
        name: bytes,
        number: int,
        now: float,
        later: dict[bytes, float] | None,
    ) -> Found | None:
        try:
            if later is not None and when_of(octets) <= later.get(place, -1.0):
                return None
            frame = read(place, octets, self._seal)
        except FrameError:
            self._figures.unreadable.inc()
            self._waiting.drop(place)
            return None
        if frame.until <= now:
            return None
        purged = None
        if frame.mark < number:
            if self._prefixes_at != number:
                with file.env.begin(file.prefixes) as own:
                    self._prefixes, self._prefixes_at = read_prefixes(file, own, self._seal), number
            purged = hit(file, txn, frame.labels, frame.mark, name, self._prefixes)
        if purged is not True and self._pending.count:
            pending = self._pending.hit(frame.labels, name)
            purged = purged if pending is None else pending
        if purged:
            self._figures.purged.inc()
            self._waiting.drop(place)
            return None
        return Found(frame.record, frame.when, frame.until, purged is not None)

    def _place(self, begin: bytes, variant: bytes) -> bytes:
        return begin + (digest(variant, _VARIANT, self._names) if variant else _NO_VARIANT)

    # ---- changing ----------------------------------------------------------------------------------------------------

    def _place_of(self, name: bytes, variant: bytes) -> bytes:
        return self._place(digest(name, _NAME, self._names), variant)

    def put(self, entry: Entry) -> bool:
        """Write a record behind."""
        place = self._place_of(entry.name, entry.variant)
        if self._writer is None:
            return False
        if entry.octets > self._largest or len(entry.labels) >= MOST_LABELS:
            self._figures.too_large.inc()
            self._waiting.drop(place)
            return False
        if not self._waiting.put(place, entry):
            self._figures.crowded.inc()
            self._waiting.drop(place)
            return False
        return True

    def drop(self, name: bytes, variant: bytes) -> None:
        """Remove a record behind."""
        if self._writer is not None:
            self._waiting.drop(self._place_of(name, variant))

    def used(self, name: bytes, variant: bytes, uses: int) -> None:
        """Note that a record was used."""
        self._waiting.use(self._place_of(name, variant), uses)

    def purge(self, order: PurgeOrder) -> Awaitable[None]:
        """Purge behind what `order` means."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._writer is None:
            future.set_result(None)
            return future
        if self._waiting.purge(order, future):
            self._pending.add(order)
        else:
            future.set_exception(TierError("too many purges wait for the host tier: it will be emptied"))
            future.exception()  # nobody has to look
        return future
