"""The purges of all replicas, as one worker hears and tells them.

Each purge is an entry in a stream in Redis and, in the same step, a message to every worker of every replica. Whoever
hears all messages in a row is in step. Whoever has missed some reads on in the stream from his place; whoever's place
is gone believes nothing that was stored before. What this worker has to tell is owed until it stands in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import structlog

from gateway.redis.errors import RedisError, RedisReplyError
from gateway.sharing.acknowledging import Acknowledging, Taken
from gateway.sharing.figures import PurgeFigures
from gateway.sharing.kin import Kin
from gateway.sharing.members import FORGOTTEN_SECONDS, Member
from gateway.sharing.owed import Debt, Owed, new_identity
from gateway.sharing.purge_scripts import JOIN, NOTE
from gateway.sharing.rows import PurgeRows
from gateway.sharing.words import ALL, ALL_SOFTLY, Written, number_of, read, write
from gateway.tiers.tier import PurgeOrder

if TYPE_CHECKING:
    from gateway.redis.client import Redis

MOST_ENTRIES = 65_536
"""Purges in the log."""
MOST_OCTETS = 64 * 1024 * 1024
"""Octets in the log, about."""
PAGE = 500
"""Entries read at a time."""
MOST_DELIVERING = 256
"""Purges of others that are carried out at the same time. What comes meanwhile is read from the log afterwards."""
BEAT_SECONDS = 2.0
"""Between two signs of life; what was lost on the way is noticed so late at most."""
MOST_KNOWN = 16_384
"""Purges known by their identity: when the log was lost they are told once more, for those who were away."""
NOWHERE = b""
BEGINNING = b"0-0"
UNREADABLE = b"?"

Deliver = Callable[[PurgeOrder], Awaitable[None]]


class PurgeLog:
    """The log. `is_current` is true while this worker knows of every purge."""

    def __init__(
        self, redis: Redis, member: Member, deliver: Deliver, figures: PurgeFigures, names: bytes = b""
    ) -> None:
        """`deliver` carries out here what others have purged. `names` is the key of digests of those who hold records
        against the log."""
        self.rows = PurgeRows(names)
        self.is_current = False
        self.place = NOWHERE
        """The last entry that counts here."""
        self.settled = NOWHERE
        """The last entry up to which everything has been carried out."""
        self._redis = redis
        self._member = member
        self._deliver = deliver
        self._figures = figures
        self._owed = Owed(names)
        self._acknowledging = Acknowledging(member)
        self._loop = asyncio.get_running_loop()
        self._log = structlog.get_logger("slipstream.sharing")
        self._delivering: set[asyncio.Task[None]] = set()
        self._own: dict[str, None] = {}
        self._known: dict[str, None] = {}
        self._refusal = ""
        self._has_nothing = True
        """Nothing is stored in this process yet that could have been purged."""
        self._only_notes = False
        self._is_behind = asyncio.Event()
        self._has_debts = asyncio.Event()
        self._first = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        prefix = redis.prefix + b"{purges}:"
        self._channel = prefix + b"news"
        self._keys = [prefix + b"log", prefix + b"members"]
        self._told_prefix, self._size = prefix + b"told:", prefix + b"size"
        redis.know(JOIN, NOTE)
        self.kin = Kin(redis, self._keys[1], member)

    # ---- life --------------------------------------------------------------------------------------------------------

    async def open(self, place: bytes = NOWHERE) -> None:
        """Begin to listen and to tell, from `place` on if that is known from before."""
        self.place = self.settled = place
        self._redis.subscribe(self._channel, self._hear)
        self._redis.on_up(self._came_up)
        self._redis.on_down(self._went_down)
        self._is_behind.set()
        self._tasks = [
            asyncio.create_task(self._follow(), name="sharing.follow"),
            asyncio.create_task(self._tell(), name="sharing.tell"),
            asyncio.create_task(self._beat(), name="sharing.beat"),
        ]

    async def caught_up(self, seconds: float) -> None:
        """Wait until this worker knows of every purge, for at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._first.wait()
        except TimeoutError:
            pass
        finally:
            self._has_nothing = False

    async def close(self) -> None:
        """Stop listening and telling."""
        for task in (*self._tasks, *self._delivering):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._delivering, return_exceptions=True)
        self._tasks.clear()
        self._set_current(False)
        self._redis.unsubscribe(self._channel, self._hear)
        self._redis.forget(self._came_up)
        self._redis.forget(self._went_down)
        try:
            await self._redis.call("ZREM", self._keys[1], self._member.name)
        except RedisError:
            pass

    def _came_up(self) -> None:
        """Redis is back. What was said meanwhile has to be read."""
        self._fall_behind()
        self._has_debts.set()

    def _went_down(self) -> None:
        self._set_current(False)

    def _fall_behind(self) -> None:
        self._set_current(False)
        self._is_behind.set()

    def _set_current(self, is_current: bool) -> None:
        self.is_current = is_current
        self._only_notes = self._only_notes and not is_current
        self._figures.current.set(is_current)
        if is_current:
            self._first.set()

    # ---- others' purges ----------------------------------------------------------------------------------------------

    @property
    def mark(self) -> int:
        """Number of the last purge that is known here: to be read when the origin is asked."""
        return self.rows.latest

    def hit(self, labels: bytes, name: bytes, mark: int) -> bool | None:
        """Whether a record that was asked for at `mark` is purged: True for hard, False for soft, `None` for not."""
        found = self.rows.hit(labels, name, mark)
        if found is not True and self._owed:
            pending = self._owed.pending.hit(labels, name)
            found = found if pending is None else pending
        return found

    def _hear(self, octets: bytes) -> None:
        """A message: the place of a purge, the place of the one before, the purge."""
        try:
            place, before, message = octets.split(b" ", 2)
        except ValueError:
            return  # no replica says that; what was missed, if anything, the next sign of life tells
        if self.is_current and before == BEGINNING and not message:
            self._begin_anew(place)
        elif not self.is_current or before != self.place or len(self._delivering) >= MOST_DELIVERING:
            if self.place == NOWHERE or number_of(place) > number_of(self.place):
                self._fall_behind()
        else:
            self._take(place, message)

    def _begin_anew(self, place: bytes) -> None:
        """The log was lost while nothing was missed here. Whoever was away at that time has missed something."""
        self.place = self.settled = place
        self.rows.believe_none_before(number_of(place))
        if self._owed.owe_again(self._loop.time()):
            self._has_debts.set()

    def _take(self, place: bytes, message: bytes) -> None:
        """Let a purge count."""
        self.place = place
        written = read(message)
        is_news = self._is_news(written.identity)
        if is_news:
            self.rows.note(written.order, number_of(place))
        self._figures.heard.inc()
        if self._only_notes or not is_news or written.sender == self._member.name:
            self._settle()
            return
        task = self._loop.create_task(self._carry_out(written), name="sharing.purge")
        self._delivering.add(task)
        task.add_done_callback(self._delivered)

    def _is_news(self, identity: str) -> bool:
        """Whether that purge does not count here yet."""
        if identity and identity in self._known:
            return False
        self._known[identity] = None
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]
        return True

    async def _carry_out(self, written: Written) -> None:
        if written.identity not in self._own:
            await self._deliver(written.order)
        if written.answer_to:
            self._redis.publish(written.answer_to.encode(), self._acknowledging.word(written.identity))

    def _delivered(self, task: asyncio.Task[None]) -> None:
        self._delivering.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("a purge of another replica failed", exc_info=error)
        self._settle()

    def _settle(self) -> None:
        if not self._delivering:
            self.settled = self.place

    async def _follow(self) -> None:
        """Read on whenever something was missed, for ever."""
        while True:
            await self._is_behind.wait()
            self._is_behind.clear()
            if not self._redis.is_up:
                continue  # coming up says so
            try:
                while not await self._read_on():
                    pass
            except RedisError as error:
                self._log.info("the purge log could not be read", reason=str(error))
            else:
                if not self._is_behind.is_set():
                    self._set_current(True)

    async def _read_on(self) -> bool:
        """Read a page of the log; whether that was all."""
        if self._delivering:
            await asyncio.wait(self._delivering)
        known = self.place
        entries = await self._redis.tell("XRANGE", self._keys[0], known or b"-", b"+", b"COUNT", PAGE)
        if not entries:
            if known == NOWHERE or not await self._redis.tell("EXISTS", self._keys[0]):
                await self._join()  # there is a log from here on
            await self._lose(BEGINNING, is_new=True)
            return False
        first = entries[0][0]
        if known == NOWHERE:
            self.rows.believe_none_before(number_of(first))
            self.place = first
            self._only_notes = self._has_nothing
            if not self._has_nothing and _message(entries[0]):
                await self._deliver(ALL_SOFTLY)  # it began without Redis, and the log does not go back so far
        elif first != known:
            oldest = (await self._redis.tell("XRANGE", self._keys[0], b"-", b"+", b"COUNT", 1))[0]
            is_new = _message(oldest) == b"" or number_of(oldest[0]) < number_of(known)
            await self._lose(oldest[0], is_new=is_new)
            return False
        for entry in entries[1:]:
            while len(self._delivering) >= MOST_DELIVERING:
                await asyncio.wait(self._delivering, return_when=asyncio.FIRST_COMPLETED)
            self._take(entry[0], _message(entry))
        if self._delivering:
            await asyncio.wait(self._delivering)
        self._settle()
        return len(entries) < PAGE

    async def _lose(self, place: bytes, *, is_new: bool) -> None:
        """The place in the log is gone: nothing that was stored before is believed. In a log that was lost as a whole
        the others write once more what they told lately: what is stored is asked about then, and not thrown away."""
        was, self.place = self.place, NOWHERE if place == BEGINNING else place
        if was == NOWHERE:
            return
        self._log.warning("the place in the purge log is gone: what is stored is not believed", log_is_new=is_new)
        self._figures.lost.inc()
        self.rows.believe_none_before(number_of(was))
        if place != BEGINNING:
            self.rows.believe_none_before(number_of(place))
        await self._deliver(ALL_SOFTLY if is_new else ALL)
        if is_new and self._owed.owe_again(self._loop.time()):
            self._has_debts.set()

    def purge(self, order: PurgeOrder) -> Awaitable[None]:
        """Nothing: whoever purges tells the log itself, by `tell` or `note`, and once for all stores."""
        done: asyncio.Future[None] = self._loop.create_future()
        done.set_result(None)
        return done

    # ---- own purges --------------------------------------------------------------------------------------------------

    def tell(self, order: PurgeOrder) -> None:
        """Let everybody know of a purge that has been carried out here; nobody waits for it."""
        if order.soft or order.prefixes:
            self._owed.add(new_identity(), order)
        else:
            self._owed.gather(order)
        self._has_debts.set()

    async def note(self, order: PurgeOrder, identity: str = "") -> Taken:
        """Let everybody know, and say who has taken it over. Several workers may tell of the same one at once, by the
        same `identity`: the first to come writes it."""
        identity = identity or new_identity()
        self._own[identity] = None
        while len(self._own) > PAGE:
            del self._own[next(iter(self._own))]
        self._owed.add(identity, order)
        waiting = self._acknowledging.expect(identity)
        self._has_debts.set()
        return await waiting

    async def _tell(self) -> None:
        """Write what is owed, for ever."""
        while True:
            await self._has_debts.wait()
            self._has_debts.clear()
            while (debt := self._owed.next()) is not None:
                try:
                    await self._write(debt)
                except RedisError as error:
                    self._acknowledging.fail(str(error))
                    break

    async def _write(self, debt: Debt) -> None:
        identity, order = debt
        message = write(Written(order, identity, self._member.name, self._member.channel.decode()))
        keys = [*self._keys, self._told_prefix + identity.encode(), self._size]
        forgotten = int(FORGOTTEN_SECONDS * 1000)
        written = await self._redis.tell_script(
            NOTE, keys, [self._channel, message, MOST_ENTRIES, MOST_OCTETS, forgotten]
        )
        self._owed.told(debt, self._loop.time())
        if written[0]:
            self._figures.told.inc()
            if self._is_news(identity):
                self.rows.note(order, number_of(written[1]))
            self._acknowledging.begin(identity, written[2])
        else:
            self._acknowledging.told_by_another(identity)

    def acknowledged(self, word: bytes) -> None:
        """Somebody has taken over a purge of this worker."""
        self._acknowledging.hear(word)

    # ---- signs of life -----------------------------------------------------------------------------------------------

    async def _beat(self) -> None:
        """Be known, and notice what was lost on the way, for ever."""
        while True:
            try:
                if self._redis.is_up:
                    last = await self._join()
                    if last != self.place and self.is_current:
                        await asyncio.sleep(0)  # a message that came with the answer
                        if self.place == NOWHERE or number_of(last) > number_of(self.place):
                            self._fall_behind()
                    if not self.is_current:
                        self._is_behind.set()
                    if self._owed:
                        self._has_debts.set()
                self._refusal = ""
            except RedisReplyError as error:
                if str(error) != self._refusal:
                    self._refusal = str(error)
                    self._log.error("Redis does not take purges: they are told later", reason=self._refusal)
            except RedisError:
                pass  # the client says what is wrong
            await asyncio.sleep(BEAT_SECONDS)

    async def _join(self) -> bytes:
        forgotten = int(FORGOTTEN_SECONDS * 1000)
        place: bytes = await self._redis.tell_script(JOIN, self._keys, [self._channel, self._member.name, forgotten])
        return place


def _message(entry: Any) -> bytes:
    """The message of an entry, whose fields are pairs in a row, or a map; of an entry that no replica wrote one that
    cannot be read."""
    fields = entry[1]
    found: dict[bytes, bytes] = (
        fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))
    )
    return found.get(b"m", UNREADABLE)
