"""A bounded memory of heads that come again: calls between services, polls and hot resources repeat theirs.

A head is remembered when it is seen for the second time, so heads that never repeat cost a look-up and no
room. Heads with anything like a credential are never kept: neither for their sake nor for what the time of a look-up
might tell about them."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")

LONGEST = 1024
"""Octets of a head worth remembering."""
MOST = 1024
"""Heads remembered at once; then all are forgotten, and the common ones are soon back."""
MOST_MARKS = 8192

_CREDENTIALS = (b"authorization", b"cookie", b"token", b"key", b"secret", b"session", b"signature", b"password")


class Memory(Generic[T]):
    """Octets of a head → what was read from it."""

    __slots__ = ("_marks", "_readings", "recall")

    def __init__(self) -> None:
        self._readings: dict[bytes, T] = {}
        self._marks: set[int] = set()
        self.recall = self._readings.get
        """What was read from these very octets, `None` when they are not remembered."""

    def offer(self, octets: bytes, reading: T) -> None:
        """Remember the reading if it is wanted."""
        if self.wants(octets):
            self.keep(octets, reading)

    def wants(self, octets: bytes) -> bool:
        """Whether to remember what is read from these octets: they have been here before and hold no credential."""
        mark = hash(octets)
        marks = self._marks
        if mark not in marks:
            if len(marks) >= MOST_MARKS:
                marks.clear()
            marks.add(mark)
            return False
        return len(octets) <= LONGEST and not holds_credential(octets)

    def keep(self, octets: bytes, reading: T) -> None:
        """Remember the reading."""
        if len(self._readings) >= MOST:
            self._readings.clear()
        self._readings[octets] = reading

    def __len__(self) -> int:
        return len(self._readings)


def holds_credential(octets: bytes) -> bool:
    """Whether anything in a head looks like a credential, in a name, a value or the target."""
    lower = octets.lower()
    return any(word in lower for word in _CREDENTIALS)
