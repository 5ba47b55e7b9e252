"""Writes to Redis behind: a few things at a time, on the connection that nobody waits on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from gateway.config.tiers import RedisTierSettings
from gateway.redis.client import Redis
from gateway.redis.connection import Argument
from gateway.redis.errors import RedisError, RedisReplyError
from gateway.redis.script import Script
from gateway.tiers.figures import TierFigures
from gateway.tiers.frame import Frame, digests, write
from gateway.tiers.redis_echoes import Echoes
from gateway.tiers.redis_record import section, shrink
from gateway.tiers.redis_scripts import DROP, PUT
from gateway.tiers.redis_waiting import Drop, Place, RedisWaiting, settle
from gateway.tiers.seal import Seal
from gateway.tiers.tier import EVERYTHING, Entry

AT_A_TIME = 64
OCTETS_AT_A_TIME = 1024 * 1024
CLOSE_SECONDS = 2.0
LARGE = 64 * 1024
"""Octets from which on a record is made ready in a thread: compressing 64 KiB takes some 0.2 ms."""
MOST_VARIANTS = 64
REMEMBERED_SECONDS = 60.0
"""How long it is remembered at least that something was removed."""
LEASE_KEPT = 60_000
"""Milliseconds that a lease is remembered after the answer was written."""
FULL_OR_READ_ONLY = frozenset({"OOM", "READONLY", "MISCONF", "NOPERM", "NOREPLICAS"})
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0
"""Seconds without writing records after Redis refused one: it is full, or only reads."""


class RedisWriter:
    """One for a worker."""

    def __init__(
        self,
        settings: RedisTierSettings,
        redis: Redis,
        prefix: bytes,
        waiting: RedisWaiting,
        figures: TierFigures,
        changed: Callable[[Sequence[bytes]], None],
    ) -> None:
        """`changed` is told the tags of keys in which somebody else was first."""
        self._settings = settings
        self._redis = redis
        self._prefix = prefix
        self._waiting = waiting
        self._figures = figures
        self._echoes = Echoes(changed)
        self._seal: Seal | None = None
        self._log = structlog.get_logger("slipstream.tiers")
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._pause = FIRST_PAUSE
        self._paused_until = 0.0
        self._is_paused = False

    def open(self, seal: Seal | None) -> None:
        """Begin to write."""
        self._seal = seal
        self._task = asyncio.get_running_loop().create_task(self._write(), name="tiers.redis")

    async def close(self) -> None:
        """Write what waits, for a moment."""
        task, self._task = self._task, None
        if task is None:
            return
        until = time.monotonic() + CLOSE_SECONDS
        while len(self._waiting) and self._redis.is_up and not self._is_paused and time.monotonic() < until:  # noqa: ASYNC110 - once
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._waiting.give_up()

    @property
    def takes_records(self) -> bool:
        """Whether there is any use in handing a record over now."""
        return self._task is not None and self._redis.is_up and time.monotonic() >= self._paused_until

    def wake(self) -> None:
        """There is something to write, or it can be written again."""
        self._news.set()

    def is_foreign(self, tag: bytes) -> bool:
        """Whether somebody else changed that key, as far as can be told now."""
        return self._echoes.is_foreign(tag, time.monotonic())

    def forget(self) -> None:
        """What was under way when the connection was lost is not heard of any more."""
        self._echoes.forget()

    def remove(self, tag: bytes) -> None:
        """Remove a key with which nobody can do anything."""
        if self._task is not None:
            task = asyncio.get_running_loop().create_task(self._remove(tag), name="tiers.redis.remove")
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _remove(self, tag: bytes) -> None:
        try:
            await self._redis.tell("DEL", self._prefix + tag)
        except RedisError:
            pass  # it will be found again

    # ---- the task ----------------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if not self._redis.is_up:
                self._waiting.give_up()
                continue  # coming up says so
            is_paused = time.monotonic() < self._paused_until
            batch = self._waiting.batch(AT_A_TIME, OCTETS_AT_A_TIME, drops_only=is_paused)
            if not batch:
                continue
            done = await asyncio.gather(*(self._one(place, work) for place, work in batch), return_exceptions=True)
            for error in done:
                if isinstance(error, BaseException):
                    self._log.error("a record could not be written", exc_info=error)
            self._news.set()
            if False in done:  # removals that could not be done: not at once again
                await asyncio.sleep(FIRST_PAUSE)

    async def _one(self, place: Place, work: Entry | Drop) -> bool:
        """Write one thing; False when it has to be tried again."""
        try:
            if isinstance(work, Drop):
                await self._drop(place, work)
            else:
                await self._put(place, work)
        except RedisError as error:
            self._failed(place, error)
            if isinstance(work, Drop):
                self._waiting.again(place)
                return False
            self._figures.failed.inc()
            settle(work, stored=False)
        except BaseException:
            self._waiting.done(place)
            raise
        self._waiting.done(place)
        return True

    async def _put(self, place: Place, entry: Entry) -> None:
        if len(entry.head) + len(entry.body) > LARGE:
            octets = await asyncio.to_thread(self._octets, place, entry)
        else:
            octets = self._octets(place, entry)
        tag, _ = place
        now = time.time()
        keys = [self._prefix + tag]
        arguments: list[Argument] = [octets, now, MOST_VARIANTS, 4 * self._settings.max_entry]
        if entry.lease is not None:
            keys.append(entry.lease.key)
            word = b"lease %b stored %b" % (entry.lease.name, entry.lease.token)
            arguments += [entry.lease.token, LEASE_KEPT, word]
        written = await self._run(PUT, tag, keys, arguments)
        if written == 1:
            self._figures.written.inc()
            self._resume()
        settle(entry, stored=written == 1)

    async def _drop(self, place: Place, work: Drop) -> None:
        tag, variant = place
        arguments: list[Argument] = [
            variant,
            work.when,
            REMEMBERED_SECONDS,
            MOST_VARIANTS,
            4 * self._settings.max_entry,
        ]
        try:
            await self._run(DROP, tag, [self._prefix + tag], arguments)
        except RedisReplyError as error:
            if error.kind != "OOM":
                raise
            await self._redis.tell("DEL", self._prefix + tag)  # which it can do when it is full, too

    async def _run(self, script: Script, tag: bytes, keys: list[bytes], arguments: list[Argument]) -> object:
        """Run a script; what it changes is not told as if somebody else had."""
        echo = self._echoes.expect(tag)
        answer: object = None
        try:
            answer = await self._redis.tell_script(script, keys, arguments)
        finally:
            self._echoes.settle(tag, echo, time.monotonic(), changed=answer == 1, was_late=answer == 2)
        return answer

    def _octets(self, place: Place, entry: Entry) -> bytes:
        tag, variant = place
        labels = digests((EVERYTHING, *entry.labels), b"" if self._seal is None else self._seal.names)
        mark = entry.marks[0] if entry.marks else 0
        until = min(entry.until, time.time() + self._settings.ttl)
        kept = shrink(entry.head + entry.body, self._settings.compress_above)
        frame = Frame(mark, entry.when, until, labels, kept)
        return section(variant, entry.when, until, write(tag + variant, frame, b"", self._seal))

    # ---- when it cannot be written -----------------------------------------------------------------------------------

    def _failed(self, place: Place, error: RedisError) -> None:
        if not isinstance(error, RedisReplyError):
            return  # the client says what is wrong
        if error.kind not in FULL_OR_READ_ONLY:
            self.remove(place[0])  # something else lies there
            return
        now = time.monotonic()
        if now >= self._paused_until:
            if not self._is_paused:
                self._log.warning("redis takes no records: going on without writing", reason=str(error)[:200])
            self._is_paused = True
            self._paused_until = now + self._pause
            self._waiting.give_up()
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _resume(self) -> None:
        if self._is_paused:
            self._log.info("redis takes records again")
            self._is_paused = False
            self._pause = FIRST_PAUSE
