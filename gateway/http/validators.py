"""Validators: what tells one version of a representation from another (RFC 9110 §8.8)."""

from __future__ import annotations

import enum
import re
from typing import Final, Literal, NamedTuple

from gateway.http.message import WallTime


class EntityTag(NamedTuple):
    """An entity tag. A tuple because a list of them may hold thousands, and tuples are cheap."""

    opaque: bytes
    """What stands between the quotes."""
    weak: bool = False

    def strongly_equals(self, other: EntityTag) -> bool:
        """Strong comparison: equal and neither of them weak (RFC 9110 §8.8.3.2)."""
        return self.opaque == other.opaque and not (self.weak or other.weak)

    def weakly_equals(self, other: EntityTag) -> bool:
        """Weak comparison: equal, weak or not (RFC 9110 §8.8.3.2)."""
        return self.opaque == other.opaque

    def encode(self) -> bytes:
        """As it stands in a field."""
        return b'W/"%b"' % self.opaque if self.weak else b'"%b"' % self.opaque


class Wildcard(enum.Enum):
    """The `*` of If-Match and If-None-Match."""

    ANY = "*"


ANY: Final = Wildcard.ANY

# Possessive, so that no value makes them go back: lists come from the network.
_ETAG = rb'"([\x21\x23-\x7e\x80-\xff]*+)"'
_one = re.compile(rb"(W/)?" + _ETAG).fullmatch
_is_list = re.compile(rb"[ \t,]*+(?:(?:W/)?" + _ETAG + rb"[ \t]*+(?:,[ \t,]*+|\Z))++").fullmatch
_all = re.compile(rb"(W/)?" + _ETAG).findall


def parse_entity_tag(value: bytes | None) -> EntityTag | None:
    """The entity tag of an ETag field; `None` without one or for anything else, quotes missing included (§8.8.3)."""
    found = _one(value) if value is not None else None
    return EntityTag(found[2], found[1] is not None) if found is not None else None


def parse_entity_tag_list(value: bytes) -> tuple[EntityTag, ...] | Literal[Wildcard.ANY] | None:
    """What If-Match and If-None-Match hold: tags, or `ANY` for `*`; `None` when malformed or empty (§13.1.1)."""
    if value == b"*":
        return ANY
    if _is_list(value) is None:
        return None
    return tuple([EntityTag(opaque, weak != b"") for weak, opaque in _all(value)])


def is_strong_date(last_modified: WallTime, date: WallTime | None) -> bool:
    """Whether a Last-Modified is a strong validator, by the Date of the same response (RFC 9110 §8.8.2.2).

    It is when it lies at least a second before: the representation cannot have changed twice within that second."""
    return date is not None and date - last_modified >= 1
