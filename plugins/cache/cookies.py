"""Cookies of a request, as far as the cache wants to know them (RFC 6265 §4.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.api import Fields

_separator = re.compile(rb"[;,]").split


def cookie_values(fields: Fields, name: bytes) -> list[bytes]:
    """The values of every cookie of that name, in order: which of several an origin believes is not known here."""
    found = []
    for line in fields.values(b"cookie"):
        for part in line.split(b";"):
            given, equals, value = part.partition(b"=")
            if equals and given.strip(b" \t") == name:
                found.append(value.strip(b" \t"))
    return found


class CookieMatcher:
    """Says whether a request has one of the cookies it was made for.

    It looks behind commas as well, where some origins see a further cookie and browsers do not: seeing one too many
    only costs a hit."""

    __slots__ = ("_any", "_names", "_prefixes")

    def __init__(self, patterns: Iterable[str]) -> None:
        """`patterns` are names, or the beginning of names and a star; a star alone means any cookie."""
        given = [pattern.encode() for pattern in patterns]
        self._any = b"*" in given
        self._names = frozenset(pattern for pattern in given if not pattern.endswith(b"*"))
        self._prefixes = tuple(pattern[:-1] for pattern in given if pattern.endswith(b"*"))

    def matches(self, fields: Fields) -> bool:
        """Whether one of them is among the request's `fields`."""
        value = fields.get(b"cookie")
        if value is None:
            return False
        if self._any:
            return True
        names = (part.partition(b"=")[0].strip(b" \t") for part in _separator(value))
        return any(name in self._names or name.startswith(self._prefixes) for name in names)
