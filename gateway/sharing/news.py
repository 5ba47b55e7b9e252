"""What workers of one replica tell those of the others, as they tell each other through the supervisor.

It is told once, and nobody waits: whoever is away does not hear it. So it is for what each one finds out by itself as
well, only later."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from gateway.sharing.members import Member, replica_of

if TYPE_CHECKING:
    from gateway.redis.client import Redis

MOST_OCTETS = 256 * 1024
"""Of one message; a longer one is not sent."""

Hand = Callable[[str, dict[str, Any]], None]
"""Has a message of that kind answered here."""


class News:
    """The channel for news, as one worker uses it."""

    def __init__(self, redis: Redis, member: Member, hand: Hand) -> None:
        self._redis = redis
        self._member = member
        self._hand = hand
        self._channel = redis.prefix + b"news"
        self.kinds: set[str] = set()
        """What is listened to here. Nothing else is handed on, whoever writes to the channel."""

    def open(self) -> None:
        """Begin to listen."""
        self._redis.subscribe(self._channel, self._hear)

    def close(self) -> None:
        """Listen no more."""
        self._redis.unsubscribe(self._channel, self._hear)

    def tell(self, kind: str, news: Any) -> bool:
        """Let every worker of every other replica answer a message of that kind; whether it was sent."""
        octets = orjson.dumps({"from": self._member.name, "kind": kind, "news": news})
        if not self._redis.is_up or len(octets) > MOST_OCTETS:
            return False
        self._redis.publish(self._channel, octets)
        return True

    def _hear(self, octets: bytes) -> None:
        try:
            message = orjson.loads(octets)
            sender, kind, news = str(message["from"]), str(message["kind"]), message["news"]
        except (ValueError, KeyError, TypeError):
            return  # from a later version, or nobody of us
        if kind in self.kinds and replica_of(sender) != self._member.replica:
            self._hand(kind, {"news": news})
