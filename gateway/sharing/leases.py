"""One fetch for each thing, over all workers of all replicas.

Whoever misses something asks Redis for its lease. One gets it and fetches; the others wait, are told by a message when
the answer lies in Redis, and look there. Nobody waits for long: a lease that is not renewed is free after
`LEASE_SECONDS`, and without Redis everybody fetches on his own, as without leases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.redis.errors import RedisError
from gateway.redis.tags import tag_of
from gateway.sharing.figures import LeaseFigures
from gateway.sharing.lease import End, Lease
from gateway.sharing.lease_scripts import DISOWN, END, RENEW, TAKE
from gateway.sharing.members import Member
from gateway.tiers.frame import digest

if TYPE_CHECKING:
    from gateway.redis.client import Redis

LEASE_SECONDS = 3.0
"""How long a lease lasts that is not renewed: so long others wait for a worker that was killed."""
RENEW_SECONDS = 0.5
LONGEST_SECONDS = 30.0
"""A lease is renewed for so long at most."""
KEPT_SECONDS = 60.0
"""How long the token of a lease is remembered after its last use. Whoever comes later than that writes nothing."""
WAIT_SECONDS = 10.0
"""How long anybody waits for others, at most."""
GIVE_BACK_SECONDS = (0.05, 0.1, 0.3, 1.0)
"""After so many seconds each it is tried to give back a lease that a Redis which was too slow may not have taken."""
MOST_ROUNDS = 50
"""Times that a lease is asked for before whoever waits goes on his own."""
MOST = 10_000
"""Things that are fetched or waited for at once in a worker. Beyond that each goes on its own."""
AT_A_TIME = 64
"""Requests that are woken in one turn of the loop."""
_NAME = 16

Look = Callable[[], Awaitable[object]]


class Seen(NamedTuple):
    """Somebody else has fetched it, and it has been taken into memory where it was found: look, and if it is not there
    ask once more and say so."""

    token: bytes


Turn = Lease | Seen | None
"""What to do: fetch under the lease; look; or fetch, and tell nobody."""


@dataclass(slots=True, eq=False)
class _Flight:
    """One thing that somebody here wants to fetch."""

    name: bytes
    key: bytes
    """In Redis: in the slot of the record, so that both can be written in one step."""
    lease: Lease | None = None
    waiters: dict[asyncio.Future[Turn], None] = field(default_factory=dict)
    news: asyncio.Future[End] | None = None
    """Gets what whoever has the lease says."""
    task: asyncio.Task[None] | None = None
    question: int = 0
    """The number of the one by which it may have got a lease that nobody here knows of yet."""


class Leases:
    """The leases of one worker."""

    def __init__(self, redis: Redis, member: Member, figures: LeaseFigures, names: bytes = b"") -> None:
        """`names` is the key of digests: nobody can tell from a name in Redis what is fetched."""
        self._redis = redis
        self._member = member
        self._figures = figures
        self._names = names
        self._prefix = redis.prefix + b"lease:"
        self._flights: dict[bytes, _Flight] = {}
        self._loop = asyncio.get_running_loop()
        self._held: dict[Lease, None] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._questions = 0
        redis.know(TAKE, RENEW, END, DISOWN)

    def __len__(self) -> int:
        """How many things are fetched or waited for."""
        return len(self._flights)

    # ---- those who want something ------------------------------------------------------------------------------------

    async def turn(
        self, thing: bytes, look: Look, *, kind: bytes = b"", seen: bytes = b"", timeout: float | None = None
    ) -> Turn:
        """Whose turn it is to fetch `thing`, the name of a record, of a `kind` where there are several. A lease is
        shared with all who want it here, and each has to leave it.

        `look` takes what others have fetched into memory; one look serves all who wait. `seen` is the token of an
        answer that was looked for in vain. Nobody waits longer than `timeout` seconds, or `WAIT_SECONDS`."""
        tag = tag_of(thing, self._names)
        name = digest(tag + kind, _NAME, self._names).hex().encode()
        flight = self._flights.get(name)
        if flight is None:
            if not self._redis.is_up or len(self._flights) >= MOST:
                self._figures.alone.inc()
                return None
            flight = self._flights[name] = _Flight(name, b"%b%b:%b" % (self._prefix, tag, name))
            flight.task = self._loop.create_task(self._fly(flight, look, seen), name="sharing.lease")
            self._figures.open.set(len(self._flights))
        if flight.lease is not None:
            flight.lease.users += 1
            return flight.lease
        return await self._wait(flight, WAIT_SECONDS if timeout is None else min(timeout, WAIT_SECONDS))

    async def _wait(self, flight: _Flight, seconds: float) -> Turn:
        waiter: asyncio.Future[Turn] = self._loop.create_future()
        flight.waiters[waiter] = None
        try:
            async with asyncio.timeout(seconds):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and isinstance(lease := waiter.result(), Lease):
                lease.leave()  # it came at the very moment
            if not isinstance(error, TimeoutError):
                raise
            self._figures.late.inc()
            return None
        finally:
            flight.waiters.pop(waiter, None)

    def _wake(self, flight: _Flight, turn: Turn) -> None:
        """Let those who wait go on, a few in each turn of the loop. From here on nobody joins them."""
        waiting = [waiter for waiter in reversed(flight.waiters) if not waiter.done()]
        flight.waiters.clear()
        if isinstance(turn, Lease):
            turn.users += len(waiting)
        self._wake_some(waiting, turn)

    def _wake_some(self, waiting: list[asyncio.Future[Turn]], turn: Turn) -> None:
        for _ in range(min(AT_A_TIME, len(waiting))):
            waiter = waiting.pop()
            if not waiter.done():
                waiter.set_result(turn)
            elif isinstance(turn, Lease):
                turn.leave()
        if waiting:
            self._loop.call_soon(self._wake_some, waiting, turn)

    # ---- those who ask Redis -----------------------------------------------------------------------------------------

    async def _fly(self, flight: _Flight, look: Look, seen: bytes) -> None:
        """Ask for the lease of one thing until it is clear what to do."""
        turn: Turn = None
        try:
            turn = await self._ask(flight, look, seen)
        except BaseException as error:
            if flight.question:
                self._begin(self._disown(flight))
            if not isinstance(error, RedisError):  # otherwise each on his own
                raise
        finally:
            if isinstance(turn, Lease):
                flight.lease = turn
                self._wake(flight, turn)
                if not turn.users:
                    turn.users = 1
                    turn.leave()  # all have left meanwhile
            else:
                self._forget(flight)
                self._wake(flight, turn)

    def _forget(self, flight: _Flight) -> None:
        if self._flights.get(flight.name) is flight:
            del self._flights[flight.name]
            self._figures.open.set(len(self._flights))

    async def _ask(self, flight: _Flight, look: Look, seen: bytes) -> Turn:
        over = self._loop.time() + WAIT_SECONDS
        for attempt in range(MOST_ROUNDS):
            flight.news = news = self._loop.create_future()
            what, said = await self._take(flight, seen)
            match what:
                case b"yours":
                    if attempt:
                        await look()  # whoever had it before may have left something
                    self._figures.held.inc()
                    return self._hold(Lease(flight.name, flight.key, said, self._loop.time(), self._end))
                case b"stored":
                    self._figures.given.inc()
                    await look()
                    return Seen(said)
                case b"apart":
                    break
            try:
                async with asyncio.timeout(min(int(said) / 1000 + RENEW_SECONDS / 5, over - self._loop.time())):
                    end = await news
            except TimeoutError:
                if self._loop.time() >= over:
                    self._figures.late.inc()
                    return None
                continue
            if end is End.APART:
                break
        self._figures.apart.inc()
        return None

    async def _take(self, flight: _Flight, seen: bytes) -> tuple[bytes, bytes]:
        self._questions += 1
        flight.question, channel = self._questions, self._member.channel
        arguments = (channel, seen, _milliseconds(LEASE_SECONDS), _milliseconds(KEPT_SECONDS), flight.question)
        what, said = await self._redis.script(TAKE, [flight.key], arguments)
        if what != b"yours":
            flight.question = 0
        return what, said

    async def _disown(self, flight: _Flight) -> None:
        """Redis has given a lease, or may have and was too late to say so: nobody is to wait for that."""
        arguments = (self._member.channel, flight.question, b"lease %b free 0" % flight.name)
        await self._patiently(lambda: self._redis.script(DISOWN, [flight.key], arguments))

    async def _patiently(self, give_back: Callable[[], Awaitable[Any]], at_once: bool = False) -> Any:
        """What Redis says to that, as soon as it can be asked; `None` when it is gone: then leases run out."""
        for seconds in (0.0, *GIVE_BACK_SECONDS) if at_once else GIVE_BACK_SECONDS:
            await asyncio.sleep(seconds)
            try:
                return await give_back()
            except RedisError:
                continue
        return None

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work, name="sharing.give_back")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def told(self, word: bytes) -> None:
        """What somebody says who had a lease that is waited for here."""
        _, name, end, _ = word.split(b" ", 3)
        flight = self._flights.get(name)
        if flight is not None and flight.news is not None and not flight.news.done():
            flight.news.set_result(End(end.decode()))

    def give_up_waiting(self) -> None:
        """Redis is gone: whoever waits goes on his own. What is held may be written or given back once it is there
        again, if nobody else has it by then: Redis knows."""
        for flight in list(self._flights.values()):
            if flight.lease is None and flight.task is not None:
                self._forget(flight)
                self._wake(flight, None)
                flight.task.cancel()

    # ---- those who hold a lease --------------------------------------------------------------------------------------

    def _hold(self, lease: Lease) -> Lease:
        self._held[lease] = None
        if self._renewing is None or self._renewing.done():
            self._renewing = self._loop.create_task(self._renew(), name="sharing.renew")
        return lease

    async def _renew(self) -> None:
        """Renew leases as long as there are any."""
        while self._held:
            await asyncio.sleep(RENEW_SECONDS)
            now = self._loop.time()
            due = [each for each in self._held if now - each.renewed >= LEASE_SECONDS / 3]
            for lease in due:
                if now - lease.began > LONGEST_SECONDS:
                    continue  # it runs out by itself
                lease.renewed = now
                arguments = (lease.token, _milliseconds(LEASE_SECONDS), _milliseconds(KEPT_SECONDS))
                try:
                    if not await self._redis.script(RENEW, [lease.key], arguments):
                        lease.lose()
                except RedisError:
                    break

    def _end(self, lease: Lease, end: End, seconds: float) -> None:
        """A lease has ended; where an answer was written, those who wait know already."""
        self._held.pop(lease, None)
        flight = self._flights.get(lease.name)
        if flight is not None and flight.lease is lease:
            self._forget(flight)
        if end is not End.STORED and not lease.is_lost:
            self._begin(self._give_back(lease, end, seconds))

    async def _give_back(self, lease: Lease, end: End, seconds: float) -> None:
        word = b"lease %b %b %b" % (lease.name, end.value.encode(), lease.token)
        arguments = (lease.token, end.value, _milliseconds(seconds), _milliseconds(KEPT_SECONDS), word)
        if await self._patiently(lambda: self._redis.script(END, [lease.key], arguments), at_once=True) == 0:
            self._figures.fenced.inc()

    async def close(self) -> None:
        """Let go of everything; who waits goes on his own."""
        flying = [flight.task for flight in self._flights.values() if flight.task is not None]
        self.give_up_waiting()
        await asyncio.gather(*flying, return_exceptions=True)
        tasks = [*self._ending, *([self._renewing] if self._renewing is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
