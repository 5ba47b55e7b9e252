"""Workers of this gateway that ended without a word: taken off the list of those who are there, so that no purge waits
for them. Others of them know at once, by their supervisor; those of other gateways would wait for a sign of life."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.redis.errors import RedisError
from gateway.sharing.members import Member, replica_of

if TYPE_CHECKING:
    from gateway.redis.client import Redis


def is_alive(pid: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # or it is no number a process could have
        return False
    except OSError:
        pass  # it is somebody else's
    return True


class Kin:
    """The workers that have the same supervisor."""

    def __init__(self, redis: Redis, members: bytes, own: Member, lives: Callable[[int], bool] = is_alive) -> None:
        """`members` is the key of the list."""
        self._redis = redis
        self._members = members
        self._own = own
        self._lives = lives

    async def bury(self) -> None:
        """Take those off the list that are no more. Without Redis they are forgotten in time."""
        try:
            names = await self._redis.tell("ZRANGE", self._members, 0, -1)
            if gone := [name for name in names if self._is_gone(name)]:
                await self._redis.tell("ZREM", self._members, *gone)
        except RedisError:
            pass

    def _is_gone(self, name: bytes) -> bool:
        member = name.decode("utf-8", "replace")
        worker = member.rpartition("/")[2]
        return replica_of(member) == self._own.replica and worker.isdecimal() and not self._lives(int(worker))
