"""Answers on their way into the store: one for each key and variant, and all of them together bounded in octets.

A hundred clients that ask for the same large thing at once must not make a hundred copies of it, and a thousand slow
downloads must not take a thousand times `max_entry`. What finds no place here passes to its client all the same."""

from __future__ import annotations

from plugins.cache.reasons import NotStoredReason
from plugins.cache.refreshes import Mark


class Filling:
    """What is under way, and what it takes."""

    __slots__ = ("_marks", "limit", "octets")

    def __init__(self, limit: int) -> None:
        self._marks: dict[Mark, int] = {}
        self.limit = limit
        """Octets that all of them together may take. May be changed."""
        self.octets = 0
        """Octets they take now, or will when they are complete."""

    def __contains__(self, mark: object) -> bool:
        return mark in self._marks

    def begin(self, mark: Mark, since: int, octets: int) -> NotStoredReason | None:
        """Take a place with room for `octets`, as far as they are known; or why there is none.

        `since` is the store's epoch when the answer was asked for: one that was asked for before a purge, and may be
        what the purge meant, keeps no later one out."""
        if self._marks.get(mark, -1) >= since:
            return NotStoredReason.FILLING
        if not self.reserve(octets):
            return NotStoredReason.CROWDED
        self._marks[mark] = since
        return None

    def end(self, mark: Mark, since: int, octets: int) -> None:
        """It has come, or will not. `octets` is all that was reserved for it."""
        self.release(octets)
        if self._marks.get(mark) == since:
            del self._marks[mark]

    def reserve(self, octets: int) -> bool:
        """Take room for so many octets (more); whether there is so much."""
        if self.octets + octets > self.limit:
            return False
        self.octets += octets
        return True

    def release(self, octets: int) -> None:
        """Give room back."""
        self.octets -= octets
