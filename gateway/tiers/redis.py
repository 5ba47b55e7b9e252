"""The Redis tier as a worker uses it: asks when nothing nearer has an answer, and writes behind.

Records of all variants of a name lie under one key, found with one part of the MGET of the turn. What is wrong with
Redis makes nothing found, and never makes anybody wait longer than the client's time-out. What is found is held against
the purges of all replicas; while those are not all known, nothing is believed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Collection, Sequence
from typing import Any

import structlog

from gateway.config.tiers import RedisTierSettings
from gateway.figures import Figures
from gateway.redis.client import Redis
from gateway.redis.errors import RedisError
from gateway.redis.tags import name_of, tag_of
from gateway.tiers.figures import TierFigures
from gateway.tiers.frame import MOST_LABELS, FrameError, digest, read
from gateway.tiers.redis_book import NoBook, PurgeBook
from gateway.tiers.redis_names import Names
from gateway.tiers.redis_record import SECTION, VARIANT, Section, grow, sections
from gateway.tiers.redis_scripts import NEWER
from gateway.tiers.redis_unanswered import Unanswered
from gateway.tiers.redis_waiting import RedisWaiting, settle
from gateway.tiers.redis_writer import RedisWriter
from gateway.tiers.seal import Seal, SealError
from gateway.tiers.tier import Changed, Entry, Found, PurgeOrder

NO_VARIANT = bytes(VARIANT)
SAME = 0.001
"""Seconds by which the time of the same answer may differ as two workers see it."""


class RedisTier:
    """Records in Redis, which all replicas share."""

    def __init__(
        self, settings: RedisTierSettings, redis: Redis, figures: Figures, book: PurgeBook | None = None
    ) -> None:
        self.settings = settings
        self.client = self._redis = redis
        self._book: PurgeBook = book or NoBook()
        self._figures = TierFigures(figures, "redis")
        text = "Look-ups in a tier, made where memory had no answer"
        self._unchanged = figures.counter("tier_lookups_total", text, tier="redis", outcome="unchanged")
        self._seal: Seal | None = None
        self._is_off = self._is_shown = False
        self._waiting = RedisWaiting(settings.queue)
        self._names = Names(self._tell)
        self._changed: list[Changed] = []
        self._unanswered = Unanswered(self._tell)
        self._questions: dict[tuple[bytes, bytes], asyncio.Task[Any]] = {}
        self._prefix = redis.prefix + b"e:"
        self._log = structlog.get_logger("slipstream.tiers")
        self._writer = RedisWriter(settings, redis, self._prefix, self._waiting, self._figures, self._tell_tags)

    # ---- life --------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Listen to what others change. Whether Redis is there is the client's business."""
        if self.settings.secret is not None:
            try:
                self._seal = Seal.from_environment(self.settings.secret)
            except SealError as error:
                self._is_off = True
                self._log.error("the redis tier is off", reason=str(error))
                return
        self._writer.open(self._seal)
        self._redis.track(self._prefix, self._heard)
        self._redis.on_reconnect(self._reconnected)
        self._redis.on_up(self._up)
        self._redis.on_down(self._down)
        self._show(self._redis.is_up)

    async def close(self) -> None:
        """Write what waits, in bounded time, and listen no more."""
        if not self._is_off:
            await self._writer.close()
            self._redis.untrack(self._prefix, self._heard)
            for notice in (self._reconnected, self._up, self._down):
                self._redis.forget(notice)
        self._show(False)

    def _up(self) -> None:
        self._show(True)
        self._writer.wake()
        if self._book.is_current:
            self._unanswered.flush()

    def _down(self) -> None:
        self._show(False)

    def _show(self, can_be_used: bool) -> None:
        """There are two tiers for a moment when a reload changes them."""
        if can_be_used != self._is_shown:
            self._is_shown = can_be_used
            self._figures.up.inc(1 if can_be_used else -1)

    # ---- what others change ------------------------------------------------------------------------------------------

    def on_change(self, changed: Changed) -> None:
        """Call back with the names of what others have changed."""
        self._changed.append(changed)

    def _heard(self, keys: Sequence[bytes] | None) -> None:
        """Redis says that keys were changed."""
        if keys is None:
            self._tell(None)
            return
        begin = len(self._prefix)
        tags = [tag for key in keys if self._writer.is_foreign(tag := key[begin:])]
        if tags:
            self._tell_tags(tags)

    def _tell_tags(self, tags: Sequence[bytes]) -> None:
        names = [name for tag in tags if (name := name_of(tag) or self._names.find(tag)) is not None]
        if names:
            self._tell(names)

    def _tell(self, names: Sequence[bytes] | None) -> None:
        for changed in self._changed:
            changed(names)

    def _reconnected(self) -> None:
        """What was changed while there was no connection is not known."""
        self._writer.forget()
        self._tell(None)

    # ---- looking -----------------------------------------------------------------------------------------------------

    @property
    def mark(self) -> int:
        """Number of the last purge that is known here."""
        return self._book.mark

    async def find(self, name: bytes, known: Collection[tuple[bytes, float]] = ()) -> list[Found]:
        """The records of a name that may be used; within the client's time-out."""
        if not self._can_be_asked():
            return self._nothing(name, known)
        tag = tag_of(name, self._key)
        variants = {self._variant(variant): (variant, when) for variant, when in known}
        value: Any
        try:
            if not variants:
                value = await self._redis.get(self._prefix + tag)
            else:
                packed = b"".join([_known(place, when + SAME) for place, (_, when) in variants.items()])
                value = await self._newer(self._prefix + tag, packed)
        except RedisError:
            return self._nothing(name, known)
        if not self._can_be_asked():  # meanwhile something may have been purged that is not known here
            return self._nothing(name, known)
        if self._unanswered:
            self._unanswered.flush()
        if isinstance(value, int):
            self._unchanged.inc()
            return []
        if value is None:
            self._figures.misses.inc()
            return []
        self._names.note(tag, name)
        found = self._read(tag, name, value, variants)
        (self._figures.hits if found else self._figures.misses).inc()
        return found

    def _can_be_asked(self) -> bool:
        return self._redis.is_up and self._book.is_current and not self._is_off

    def _nothing(self, name: bytes, known: Collection[tuple[bytes, float]]) -> list[Found]:
        """Redis does not answer, or may not be believed."""
        self._figures.errors.inc()
        if known:
            self._unanswered.note(name)
        return []

    async def _newer(self, key: bytes, packed: bytes) -> Any:
        """The value of a key if there is something new in it; asked once for all who want to know in this turn."""
        question = (key, packed)
        task = self._questions.get(question)
        if task is None:
            loop = asyncio.get_running_loop()
            if not self._questions:
                loop.call_soon(self._questions.clear)
            work = self._redis.script(NEWER, (key,), (packed,))
            task = self._questions[question] = loop.create_task(work, name="tiers.redis.newer")
            task.add_done_callback(_look_at)
        return await asyncio.shield(task)

    def _read(self, tag: bytes, name: bytes, value: bytes, variants: dict[bytes, tuple[bytes, float]]) -> list[Found]:
        found: list[Found] = []
        now = time.time()
        try:
            for each in sections(value):
                known, when = variants.get(each.variant, (None, -1.0))
                if each.when <= when + SAME or each.when <= self._waiting.gone((tag, each.variant)):
                    continue
                if not each.frame:
                    if known is not None:
                        found.append(Found(b"", each.when, each.until, soft_purged=False, gone=known))
                elif each.until > now and (one := self._one(tag, name, each)) is not None:
                    found.append(one)
        except FrameError:
            self._figures.unreadable.inc()
            self._writer.remove(tag)
        return found

    def _one(self, tag: bytes, name: bytes, each: Section) -> Found | None:
        try:
            frame = read(tag + each.variant, each.frame, self._seal)
            purged = self._book.hit(frame.labels, name, frame.mark)
            if not purged:
                record = grow(frame.record, self.settings.max_entry)
                return Found(record, frame.when, each.until, purged is not None)
            self._figures.purged.inc()
        except FrameError:
            self._figures.unreadable.inc()
        self._drop((tag, each.variant), each.when)
        return None

    # ---- changing ----------------------------------------------------------------------------------------------------

    @property
    def _key(self) -> bytes:
        return b"" if self._seal is None else self._seal.names

    def _variant(self, variant: bytes) -> bytes:
        return digest(variant, VARIANT, self._key) if variant else NO_VARIANT

    def put(self, entry: Entry) -> bool:
        """Write a record behind."""
        tag = tag_of(entry.name, self._key)
        place = (tag, self._variant(entry.variant))
        is_too_large = len(entry.head) + len(entry.body) > self.settings.max_entry or len(entry.labels) >= MOST_LABELS
        if is_too_large:
            self._figures.too_large.inc()
            self.drop(entry.name, entry.variant)
            if entry.lease is not None:
                entry.lease.set_apart(0.0)  # nobody finds it here
        elif self._is_off or not self._writer.takes_records:
            self._figures.failed.inc()
        elif not self._waiting.put(place, entry):
            self._figures.crowded.inc()
        else:
            self._names.note(tag, entry.name)
            self._writer.wake()
            return True
        settle(entry, stored=False)
        return False

    @property
    def unwritten(self) -> int:
        """How many things wait to be written."""
        return len(self._waiting)

    def drop(self, name: bytes, variant: bytes) -> None:
        """Remove a record behind, for all replicas."""
        if not self._is_off:
            self._drop((tag_of(name, self._key), self._variant(variant)), time.time())

    def _drop(self, place: tuple[bytes, bytes], when: float) -> None:
        self._waiting.drop(place, when)
        self._writer.wake()

    def used(self, name: bytes, variant: bytes, uses: int) -> None:
        """Redis knows itself what is used."""

    def purge(self, order: PurgeOrder) -> Awaitable[None]:
        """Purge what `order` means, for all replicas."""
        return self._book.purge(order)


def _look_at(task: asyncio.Task[Any]) -> None:
    """All who asked may have left."""
    if not task.cancelled():
        task.exception()


def _known(place: bytes, when: float) -> bytes:
    return SECTION.pack(place, when, 0.0, 0)[: VARIANT + 8]
