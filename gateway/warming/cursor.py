"""How far a run has come in its list, in a form that another run of the same list can go on from. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

_WRITTEN = re.compile(r"([0-9]{1,9})-([0-9a-f]{32})").fullmatch


class CursorError(ValueError):
    """That is no cursor."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The first `position` URLs of a list are done."""

    position: int
    digest: str
    """Of those URLs, so that the cursor of one list is not taken for a place in another."""

    def __str__(self) -> str:
        return f"{self.position}-{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor that `text` is. Raises CursorError."""
        found = _WRITTEN(text)
        if found is None:
            raise CursorError(f"{text[:60]!r} is no cursor")
        return cls(int(found.group(1)), found.group(2))

    @classmethod
    def of(cls, urls: Sequence[str], position: int) -> Cursor:
        """The cursor behind the first `position` of `urls`."""
        digest = blake2b(digest_size=16)
        for url in urls[:position]:
            digest.update(url.encode() + b"\n")
        return cls(position, digest.hexdigest())

    def fits(self, urls: Sequence[str]) -> bool:
        """Whether `urls` begins with what was done."""
        return self.position <= len(urls) and Cursor.of(urls, self.position) == self


class Tracker:
    """Which URLs of a list are done, whatever the order in which they are; and the cursor behind the first ones."""

    __slots__ = ("_ahead", "_digest", "_urls", "position")

    def __init__(self, urls: Sequence[str], position: int = 0) -> None:
        self._urls = urls
        self.position = position
        """How many URLs from the first one on are done without a gap."""
        self._ahead: set[int] = set()
        self._digest = blake2b(digest_size=16)
        for url in urls[:position]:
            self._digest.update(url.encode() + b"\n")

    def done(self, index: int) -> None:
        """The URL at `index` is done."""
        self._ahead.add(index)
        while self.position in self._ahead:
            self._ahead.remove(self.position)
            self._digest.update(self._urls[self.position].encode() + b"\n")
            self.position += 1

    def is_done(self, index: int) -> bool:
        """Whether the URL at `index` is done."""
        return index < self.position or index in self._ahead

    @property
    def cursor(self) -> Cursor:
        """Where another run of this list would go on."""
        return Cursor(self.position, self._digest.hexdigest())
