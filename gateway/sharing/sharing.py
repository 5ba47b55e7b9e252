"""What a worker shares with those of other replicas, in one place: purges, leases, limits, news."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import structlog

from gateway.figures import Figures
from gateway.sharing.figures import LeaseFigures, PurgeFigures
from gateway.sharing.leases import Leases
from gateway.sharing.limits import SharedLimits
from gateway.sharing.members import Member, this_worker
from gateway.sharing.news import News
from gateway.sharing.place_file import PlaceFile
from gateway.sharing.purge_log import PurgeLog
from gateway.sharing.words import ALL_SOFTLY
from gateway.tiers.tier import PurgeOrder

if TYPE_CHECKING:
    from gateway.redis.client import Redis

Hand = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Has a message answered that did not come from the supervisor. Raises LookupError when nobody answers its kind."""

PURGE = "purge_news"
"""The kind of message by which a purge of another replica comes to the store."""
CATCH_UP_SECONDS = 1.0
"""How long a start may wait for the log."""
KEEP_SECONDS = 1.0
"""Between two times that the place in the log is written down."""


class Sharing:
    """Lives as long as its client of Redis."""

    def __init__(
        self,
        redis: Redis,
        figures: Figures,
        hand: Hand,
        place_file: PlaceFile | None = None,
        names: bytes = b"",
        member: Member | None = None,
    ) -> None:
        """`place_file` is there when stored responses outlive this process. `names` is the key of digests."""
        self.redis = redis
        self.names = names
        self.member = member or this_worker(redis.prefix)
        self.purges = PurgeLog(redis, self.member, self._purge, PurgeFigures(figures), names)
        self.leases = Leases(redis, self.member, LeaseFigures(figures), names)
        self.limits = SharedLimits(redis)
        self.news = News(redis, self.member, self._hand_on)
        self._hand = hand
        self._place_file = place_file
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_open = False
        self._log = structlog.get_logger("slipstream.sharing")

    async def open(self) -> None:
        """Take part, from now on: when the stores answer. Waits a moment for what was purged while nobody listened."""
        if self._is_open:
            return
        self._is_open = True
        place = b""
        if self._place_file is not None:
            place = await asyncio.to_thread(self._place_file.read)
            if not place:
                await self._purge(ALL_SOFTLY)  # nobody knows what was purged since it was stored
            self._spawn(self._keep_place(self._place_file), "sharing.place")
        self.redis.subscribe(self.member.channel, self._hear)
        self.redis.on_down(self.leases.give_up_waiting)
        self.news.open()
        await self.purges.open(place)
        if self.redis.is_up:
            self._spawn(self.bury_kin(), "sharing.kin")
        await self.purges.caught_up(CATCH_UP_SECONDS if self.redis.is_up else 0.0)

    async def close(self) -> None:
        """Take part no more."""
        if not self._is_open:
            return
        self._is_open = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.news.close()
        self.redis.unsubscribe(self.member.channel, self._hear)
        self.redis.forget(self.leases.give_up_waiting)
        await self.leases.close()
        await self.purges.close()
        if self._place_file is not None and self.purges.settled:
            await asyncio.to_thread(self._place_file.write, self.purges.settled)

    def _spawn(self, work: Any, name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("news of another replica failed", what=task.get_name(), exc_info=error)

    async def bury_kin(self) -> None:
        """Workers of this gateway have ended, maybe without a word: nobody is to wait for them."""
        if self.member.is_here and self.redis.is_up:
            await self.purges.kin.bury()

    async def _purge(self, order: PurgeOrder) -> None:
        """Carry out what another replica has purged."""
        try:
            await self._hand(PURGE, message_of(order))
        except LookupError:
            pass  # nothing is stored here

    def _hand_on(self, kind: str, message: dict[str, Any]) -> None:
        self._spawn(self._answer(kind, message), f"sharing.{kind}")

    async def _answer(self, kind: str, message: dict[str, Any]) -> None:
        try:
            await self._hand(kind, message)
        except LookupError:
            pass

    def _hear(self, word: bytes) -> None:
        """What is for this worker alone."""
        try:
            if word.startswith(b"lease "):
                self.leases.told(word)
            elif word.startswith(b"taken "):
                self.purges.acknowledged(word)
        except ValueError:
            pass  # from a later version, or nobody of us

    async def _keep_place(self, file: PlaceFile) -> None:
        kept = b""
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            if (place := self.purges.settled) and place != kept:
                await asyncio.to_thread(file.write, place)
                kept = place


def message_of(order: PurgeOrder) -> dict[str, Any]:
    """A purge for the store, as JSON would have it."""
    news = {
        "labels": [label.decode("latin-1") for label in order.labels],
        "prefixes": [prefix.decode("latin-1") for prefix in order.prefixes],
        "soft": order.soft,
    }
    return {"news": news}
