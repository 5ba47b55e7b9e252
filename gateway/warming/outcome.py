"""What became of one request that warms, as a worker tells it and a run counts it. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.http.structured import StructuredFieldError, parse_list

TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
"""Statuses that may be others in a moment."""
REST = frozenset({429, 503})
"""Those that ask to be left alone."""


class Kind(StrEnum):
    """How it ended."""

    STORED = "stored"
    """Fetched, and stored."""
    HIT = "hit"
    """It was there already."""
    NOT_STORED = "not_stored"
    """Answered, but nothing is kept of it: the reason says why."""
    FAILED = "failed"
    """An error, or a status that says one."""
    SKIPPED = "skipped"
    """Nobody was asked: no route takes it, say."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request's end."""

    kind: Kind
    reason: str = ""
    """Why, in a word or two: a reason of the cache, a status, an error."""
    octets: int = 0
    """Of content."""
    origin_seconds: float = 0.0
    """What the origin took."""
    retry_after: float | None = None
    """Seconds after which to try again, if somebody said so."""
    may_retry: bool = False
    """Whether another attempt may end otherwise."""
    wants_rest: bool = False
    """Whether the upstream must be left alone for now."""

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Outcome:
        """From a worker's answer."""
        known = {name: message[name] for name in cls.__slots__ if name in message}
        return cls(**{**known, "kind": Kind(message["kind"])})

    def fields(self) -> dict[str, Any]:
        """For the way from the worker."""
        return {name: getattr(self, name) for name in self.__slots__}


def judge(status: int, cache_status: bytes | None, own_name: str) -> tuple[Kind, str]:
    """What an answer says about itself: its status, and our member of its Cache-Status (RFC 9211)."""
    said = _own_member(cache_status, own_name)
    if said is None:
        return (Kind.FAILED, str(status)) if status >= 400 else (Kind.NOT_STORED, "no_cache_status")
    detail = str(said.get("detail", ""))
    if said.get("hit") is True:
        return Kind.HIT, detail
    if said.get("stored") is True:
        return Kind.STORED, detail
    if status >= 400:
        return Kind.FAILED, str(status)
    return Kind.NOT_STORED, detail


def _own_member(value: bytes | None, own_name: str) -> Mapping[str, Any] | None:
    if value is None:
        return None
    try:
        members = parse_list(value)
    except StructuredFieldError:
        return None
    for name, parameters in reversed(members):
        if str(name) == own_name:
            return parameters
    return None
