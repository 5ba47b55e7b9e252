"""What can go wrong with Redis. None of it is a client's fault or a client's business: whoever asks has another way.

RedisError
  RedisDownError     Redis is gone, slow or talks nonsense; said at once while that is known
  RedisReplyError    Redis answered, and refused what was asked"""

from __future__ import annotations


class RedisError(Exception):
    """It did not work; the text says why."""


class RedisDownError(RedisError):
    """Redis cannot be used now, or did not answer in time. What was sent may have been done all the same."""


class RedisReplyError(RedisError):
    """Redis refused what was asked."""

    @property
    def kind(self) -> str:
        """The first word of what it said: `WRONGTYPE`, `READONLY`, `OOM`, `NOSCRIPT`, `MOVED`…"""
        text: str = self.args[0]
        return text.partition(" ")[0]


NOT_NOW = frozenset({"LOADING", "MASTERDOWN", "CLUSTERDOWN", "BUSY", "TRYAGAIN", "NOAUTH", "UNKILLABLE"})
"""Kinds of refusals that say: no use to ask me anything now."""
