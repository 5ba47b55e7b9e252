"""The host tier as a worker uses it: looks into the file, and leaves writing to a thread.

The file is mapped into memory, so a look is a few microseconds of work and never waits for a lock. What waits to be
written, removed or purged is looked at first: nothing is found that has been removed here, and what was put is found
from the first moment, a variant if the file has an earlier one of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from threading import Event
from typing import Any

import lmdb
import structlog

from gateway.config.tiers import HostTierSettings
from gateway.figures import Figures
from gateway.tiers.figures import TierFigures
from gateway.tiers.frame import MOST_LABELS, Frame, FrameError, digest, digests, read, when_of
from gateway.tiers.host_file import HostFile
from gateway.tiers.host_purges import NUMBER, Prefixes, hit, read_prefixes
from gateway.tiers.host_writer import HostWriter
from gateway.tiers.pending import PendingPurges
from gateway.tiers.seal import Seal, SealError
from gateway.tiers.tier import EVERYTHING, Entry, Found, PurgeOrder, TierError
from gateway.tiers.waiting import Waiting

OPEN_SECONDS = 2.0
"""How long a start may wait for the file; then the gateway goes on, and the tier comes when it is ready."""
CLOSE_SECONDS = 3.0
MOST_VARIANTS = 64
"""Records of one name that are looked at."""
USES_SECONDS = 10.0
"""How late the file learns what was used. To write ten thousand uses a second down within a second would cost more than
to find what is used."""
MOST_USES = 16_384
"""Records whose uses are counted meanwhile. With more it is a sample."""

_NAME = 16
_VARIANT = 8
_NO_VARIANT = bytes(_VARIANT)
_NOTHING: Mapping[bytes, float] = {}


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
        self._prefixes_at = self._state = -1
        self._number = 0
        """Of the last purge in the file, as of `_state`: the last transaction there was when it was read."""
        self._uses: dict[bytes, int] = {}
        self._uses_due = 0.0
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
        self._tell_uses(0.0)
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
        self._prefixes_at = self._state = -1
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
        file, waiting = self._file, self._waiting
        if file is None or waiting.is_overflowed:
            return []
        begin = digest(name, _NAME, self._names)
        later = {self._place(begin, variant): when for variant, when in known} if known else _NOTHING
        try:
            while True:
                ended = waiting.ended
                found = self._look(file, begin, name, later)
                if waiting.ended == ended:  # otherwise what was written meanwhile may have been missed at both places
                    break
        except (lmdb.Error, OSError) as error:
            self._figures.errors.inc()
            self._file = None
            if self._writer is not None:
                self._writer.trouble = error
            return []
        (self._figures.hits if found else self._figures.misses).inc()
        return found

    def _look(self, file: HostFile, begin: bytes, name: bytes, later: Mapping[bytes, float]) -> list[Found]:
        found: list[Found] = []
        now = time.time()
        txn = file.env.begin(file.records, buffers=True)
        try:
            if (state := txn.id()) != self._state:  # somebody has written since the last look
                self._number = NUMBER.unpack(txn.get(b"number", db=file.state))[0]
                self.mark = max(self.mark, self._number)
                self._state = state
            number = self._number
            for place, frame in self._frames(txn, begin, later):
                if frame.until <= now:
                    continue
                purged = None
                if frame.mark < number or self._pending.count:
                    purged = self._purged(file, txn, frame, name, number)
                if purged:
                    self._figures.purged.inc()
                    self._waiting.drop(place)
                else:
                    found.append(Found(frame.record, frame.when, frame.until, purged is not None))
                    self._count_use(place, 1, now)
        finally:
            txn.abort()
        return found

    def _frames(self, txn: Any, begin: bytes, later: Mapping[bytes, float]) -> list[tuple[bytes, Frame]]:
        """What waits to be written and what lies at the places that begin so, but for what is not later."""
        frames: list[tuple[bytes, Frame]] = []
        work, plain = self._waiting.work, begin + _NO_VARIANT
        if (entry := work.get(plain)) is not None and entry.when > later.get(plain, -1.0):
            frames.append((plain, self._framed(entry)))
        cursor = txn.cursor()
        going = cursor.set_range(begin)
        while going and len(frames) < MOST_VARIANTS:
            place = bytes(cursor.key())
            if not place.startswith(begin):
                break
            if place not in work:
                octets = cursor.value()
                try:
                    if not later or when_of(octets) > later.get(place, -1.0):
                        frames.append((place, read(place, octets, self._seal)))
                except FrameError:
                    self._figures.unreadable.inc()
                    self._waiting.drop(place)
            elif place != plain and (entry := work.get(place)) is not None and entry.when > later.get(place, -1.0):
                frames.append((place, self._framed(entry)))
            going = cursor.next()
        return frames

    def _framed(self, entry: Entry) -> Frame:
        """A record that waits, as it will lie there."""
        labels = digests((EVERYTHING, *entry.labels), self._names)
        return Frame(entry.marks[0] if entry.marks else 0, entry.when, entry.until, labels, entry.head + entry.body)

    def _purged(self, file: HostFile, txn: Any, frame: Frame, name: bytes, number: int) -> bool | None:
        """Whether a purge means a record: True for a hard one, False for a soft one, `None` for none."""
        purged = None
        if frame.mark < number:
            if self._prefixes_at != number:
                with file.env.begin(file.prefixes) as own:
                    self._prefixes, self._prefixes_at = read_prefixes(file, own, self._seal), number
            purged = hit(file, txn, frame.labels, frame.mark, name, self._prefixes)
        if purged is not True and self._pending.count:
            pending = self._pending.hit(frame.labels, name)
            purged = purged if pending is None else pending
        return purged

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
        self._count_use(self._place_of(name, variant), uses, time.time())

    def _count_use(self, place: bytes, uses: int, now: float) -> None:
        """Count uses here, and have them written now and then: when a record was used last need not be known sooner."""
        known = self._uses
        if place in known or len(known) < MOST_USES:
            known[place] = known.get(place, 0) + uses
        if now >= self._uses_due:
            self._tell_uses(now)

    def _tell_uses(self, now: float) -> None:
        self._waiting.use(self._uses)
        self._uses, self._uses_due = {}, now + USES_SECONDS

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
