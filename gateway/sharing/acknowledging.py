"""Who has taken over a purge of this worker, as far as is known within a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.sharing.members import Member, replica_of

WAIT_SECONDS = 1.0
"""How long others may take. They are told in any case."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of telling the others."""

    acknowledged: tuple[str, ...] = ()
    """Replicas of which every worker has carried it out."""
    silent: tuple[str, ...] = ()
    """Replicas that are known, and of which a worker has not said so."""
    error: str = ""
    """Why nobody could be told yet. They will be."""
    by_another: bool = False
    """Another worker of this gateway has told of it and knows the rest."""


@dataclass(slots=True)
class _Expected:
    future: asyncio.Future[Taken]
    heard: set[str] = field(default_factory=set)
    members: set[str] | None = None
    """Those of other replicas, when it has been told."""

    def standing(self) -> Taken:
        if self.members is None:
            return Taken(error="it could not be written in time")
        silent = {replica_of(name) for name in self.members - self.heard}
        acknowledged = {replica_of(name) for name in self.members} - silent
        return Taken(tuple(sorted(acknowledged)), tuple(sorted(silent)))

    def look(self) -> None:
        if self.members is not None and self.members <= self.heard and not self.future.done():
            self.future.set_result(self.standing())


class Acknowledging:
    """Purges that somebody waits for."""

    def __init__(self, member: Member, seconds: float = WAIT_SECONDS) -> None:
        self._member = member
        self._seconds = seconds
        self._expected: dict[str, _Expected] = {}

    async def expect(self, identity: str) -> Taken:
        """What becomes of a purge, after a bounded time. To be awaited at once."""
        expected = _Expected(asyncio.get_running_loop().create_future())
        self._expected[identity] = expected
        try:
            async with asyncio.timeout(self._seconds):
                return await expected.future
        except TimeoutError:
            return expected.standing()
        finally:
            self._expected.pop(identity, None)

    def begin(self, identity: str, members: Iterable[bytes]) -> None:
        """It was told to these."""
        expected = self._expected.get(identity)
        if expected is not None:
            names = (name.decode() for name in members)
            expected.members = {name for name in names if replica_of(name) != self._member.replica}
            expected.look()

    def told_by_another(self, identity: str) -> None:
        """Another worker was first."""
        self._end(identity, Taken(by_another=True))

    def fail(self, error: str) -> None:
        """Nobody can be told now."""
        for identity, expected in list(self._expected.items()):
            if expected.members is None:
                self._end(identity, Taken(error=error))

    def _end(self, identity: str, taken: Taken) -> None:
        expected = self._expected.get(identity)
        if expected is not None and not expected.future.done():
            expected.future.set_result(taken)

    def word(self, identity: str) -> bytes:
        """What this worker says when it has taken over a purge of another one."""
        return f"taken {identity} {self._member.name}".encode()

    def hear(self, word: bytes) -> None:
        """What another one says."""
        _, identity, name = word.decode("utf-8", "replace").split(" ", 2)
        expected = self._expected.get(identity)
        if expected is not None:
            expected.heard.add(name)
            expected.look()
